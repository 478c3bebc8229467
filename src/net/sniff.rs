//! Telling TLS from plain ULP by a connection's first octets.
//!
//! Deployments disagree about which SUPL port carries which, so every port takes both. A TLS connection opens with a
//! handshake record: type 22, version major 3 (RFC 8446 §5.1). A plain one opens with the length of a ULP message; 0x16 0x03
//! would be one of exactly 5,635 octets, which no SET opens with.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How a connection opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// With a TLS handshake record.
    Tls,
    /// With something else: plain ULP, or noise that ULP's framing will judge.
    Plain,
}

/// A stream whose first octets have been looked at; they are read again by whoever reads it.
#[derive(Debug)]
pub struct Sniffed<S> {
    io: S,
    head: [u8; 2],
    len: u8,
    pos: u8,
}

/// Looks at the first one or two octets. `Ok(None)` when the peer closed before it sent any.
pub(super) async fn sniff<S: AsyncRead + AsyncWrite + Unpin>(
    mut io: S,
) -> io::Result<Option<(Opening, Sniffed<S>)>> {
    const TLS: [u8; 2] = [0x16, 0x03];
    let mut head = [0; 2];
    let mut len = 0;
    while len < head.len() {
        let n = match head.get_mut(len..) {
            Some(rest) => io.read(rest).await?,
            None => 0,
        };
        if n == 0 {
            break;
        }
        len += n;
        // One octet that cannot open TLS settles it: a plain peer may dribble.
        if head[0] != TLS[0] {
            break;
        }
    }
    if len == 0 {
        return Ok(None);
    }
    let opening = if len == 2 && head == TLS { Opening::Tls } else { Opening::Plain };
    Ok(Some((opening, Sniffed { io, head, len: len as u8, pos: 0 })))
}

impl<S> Sniffed<S> {
    /// A stream of which nothing was read.
    pub const fn fresh(io: S) -> Self {
        Self { io, head: [0; 2], len: 0, pos: 0 }
    }

    /// The stream below.
    pub const fn get_ref(&self) -> &S {
        &self.io
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sniffed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (from, to) = (usize::from(this.pos), usize::from(this.len));
        if from == to {
            return Pin::new(&mut this.io).poll_read(cx, buf);
        }
        let held = this.head.get(from..to).unwrap_or_default();
        let n = held.len().min(buf.remaining());
        if let Some(part) = held.get(..n) {
            buf.put_slice(part);
        }
        this.pos += n as u8;
        // What follows has most often arrived too: give it in the same read, but let no end, error or wait of its own hide
        // the octets already given (the next read meets it again, an error at least as the end of the stream).
        if this.pos == this.len && buf.remaining() > 0 {
            let _ = Pin::new(&mut this.io).poll_read(cx, buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sniffed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_octets_in_any_pieces_come_out_whole(
            octets in prop::collection::vec(prop_oneof![Just(0x16), Just(0x03), any::<u8>()], 1..40),
            cut in 1usize..5,
        ) {
            let pieces: Vec<&[u8]> = octets.chunks(cut).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let expected = if octets.starts_with(&[0x16, 0x03]) { Opening::Tls } else { Opening::Plain };
            prop_assert_eq!(runtime.block_on(open(&pieces)), Some((expected, octets)));
        }
    }

    async fn open(pieces: &[&[u8]]) -> Option<(Opening, Vec<u8>)> {
        let (mut near, far) = tokio::io::duplex(64);
        let sniffing = tokio::spawn(sniff(far));
        for piece in pieces {
            near.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        near.shutdown().await.unwrap();
        let (opening, mut stream) = sniffing.await.unwrap().unwrap()?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        Some((opening, all))
    }

    #[tokio::test]
    async fn tells_tls_from_ulp_and_loses_nothing() {
        let hello: &[u8] = &[0x16, 0x03, 0x01, 0x00, 0x05];
        assert_eq!(open(&[hello]).await, Some((Opening::Tls, hello.to_vec())));
        let ulp: &[u8] = &[0x00, 0x2a, 0x02, 0x00];
        assert_eq!(open(&[ulp]).await, Some((Opening::Plain, ulp.to_vec())));
        // 0x16 alone opens a long plain message, too.
        let long: &[u8] = &[0x16, 0x02, 0x01];
        assert_eq!(open(&[long]).await, Some((Opening::Plain, long.to_vec())));
    }

    #[tokio::test]
    async fn octet_by_octet() {
        assert_eq!(open(&[&[0x16], &[0x03], &[0x03]]).await, Some((Opening::Tls, vec![0x16, 3, 3])));
        assert_eq!(open(&[&[0x00], &[0x2a]]).await, Some((Opening::Plain, vec![0, 0x2a])));
    }

    #[tokio::test]
    async fn closes_early() {
        assert_eq!(open(&[]).await, None);
        assert_eq!(open(&[&[0x16]]).await, Some((Opening::Plain, vec![0x16])));
    }

    #[tokio::test]
    async fn a_read_smaller_than_the_head_gets_it_in_parts() {
        let (mut near, far) = tokio::io::duplex(64);
        near.write_all(&[0x16, 0x03, 0x09]).await.unwrap();
        let (_, mut stream) = sniff(far).await.unwrap().unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 0x16);
        assert_eq!(stream.read_u16().await.unwrap(), 0x0309);
    }
}
