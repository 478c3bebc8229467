//! A client transaction for a request that is no INVITE (RFC 3261, 17.1.2), over a datagram socket or a stream.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::super::bearer::Failure;
use super::super::connect::Stream;
use crate::wire::sip::{Framer, MAX_MESSAGE, Message, Start};

/// T2: longest time between two sendings.
const T2: Duration = Duration::from_secs(4);

/// Where a request goes out and its answer comes in.
pub(super) enum Channel {
    /// A socket connected to the next hop.
    Datagram(UdpSocket),
    /// A connection to the next hop.
    Stream(Box<dyn Stream>, SocketAddr, Framer),
}

impl Channel {
    /// Our own end, for `Via`.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagram(socket) => socket.local_addr(),
            Self::Stream(_, local, _) => Ok(*local),
        }
    }

    /// Sends a request and waits for its final response; `t1` is the estimate of a round trip. Lasts at most 64 T1 (timer F),
    /// and not beyond the deadline.
    pub(super) async fn transact(
        &mut self,
        request: &Message,
        branch: &str,
        t1: Duration,
        deadline: Instant,
    ) -> Result<Message, Failure> {
        let until = deadline.min(Instant::now() + t1 * 64);
        let octets = request.to_bytes();
        let answers = |m: &Message| status(m).is_some() && m.headers.branch() == Some(branch);
        match self {
            Self::Datagram(socket) => timeout_at(until, datagrams(socket, &octets, t1, answers))
                .await
                .unwrap_or(Err(Failure::Unanswered)),
            Self::Stream(stream, _, framer) => timeout_at(until, streamed(stream, framer, &octets, answers))
                .await
                .unwrap_or(Err(Failure::Unanswered)),
        }
    }
}

/// The status of a response.
pub(super) const fn status(message: &Message) -> Option<u16> {
    match message.start {
        Start::Response { status, .. } => Some(status),
        Start::Request { .. } => None,
    }
}

/// Sends again at growing intervals (timer E) until the final response is there.
async fn datagrams(
    socket: &UdpSocket,
    octets: &[u8],
    t1: Duration,
    answers: impl Fn(&Message) -> bool,
) -> Result<Message, Failure> {
    let mut pause = t1;
    let mut buffer = vec![0; MAX_MESSAGE];
    loop {
        socket.send(octets).await.map_err(|_| Failure::Down)?;
        let again = Instant::now() + pause;
        pause = (pause * 2).min(T2);
        // What is no response to this request does not count, nor does it delay anything.
        while let Ok(received) = timeout_at(again, socket.recv(&mut buffer)).await {
            let length = received.map_err(|_| Failure::Down)?;
            let Ok(message) = Message::parse(buffer.get(..length).unwrap_or_default()) else { continue };
            match status(&message).filter(|_| answers(&message)) {
                Some(200..) => return Ok(message),
                // Proceeding: the next hop has it, and is asked less often.
                Some(_) => pause = T2,
                None => {}
            }
        }
    }
}

async fn streamed(
    stream: &mut Box<dyn Stream>,
    framer: &mut Framer,
    octets: &[u8],
    answers: impl Fn(&Message) -> bool,
) -> Result<Message, Failure> {
    stream.write_all(octets).await.map_err(|_| Failure::Down)?;
    stream.flush().await.map_err(|_| Failure::Down)?;
    let mut buffer = vec![0; 4096];
    loop {
        while let Some(message) = framer.next_message().map_err(|_| Failure::Broken)? {
            if answers(&message) && status(&message).is_some_and(|s| s >= 200) {
                return Ok(message);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return Err(Failure::Down),
            Ok(n) => framer.push(buffer.get(..n).unwrap_or_default()),
        }
    }
}
