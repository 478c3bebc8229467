//! Messages on the stream: cut, joined, broken, slow.

use std::time::Duration;

use groma::net::Limits;
use groma::slc::Outcome;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;

use super::script::{ECHO, END, HURRY, LARGE, LARGE_LEN, SAID_TIMEOUT, SAID_UNFRAMED, THRICE, pdu};
use super::support::{Setup, ask, read_pdu, write};

fn unframed(why: &str) -> Vec<u8> {
    pdu(SAID_UNFRAMED, why.as_bytes())
}

#[tokio::test]
async fn octet_by_octet_and_all_at_once() {
    let mut f = Setup::default().start();
    let mut c = f.connect().await;
    let message = pdu(ECHO, b"abc");
    for octet in &message {
        write(&mut c, &[*octet]).await;
    }
    assert_eq!(read_pdu(&mut c).await, Some(message.clone()));
    let joined = [pdu(ECHO, b"1"), pdu(THRICE, b"2"), pdu(END, b"3"), pdu(ECHO, b"too late")].concat();
    write(&mut c, &joined).await;
    assert_eq!(read_pdu(&mut c).await, Some(pdu(ECHO, b"1")));
    for _ in 0..3 {
        assert_eq!(read_pdu(&mut c).await, Some(pdu(THRICE, b"2")));
    }
    assert_eq!(read_pdu(&mut c).await, Some(pdu(END, b"3")));
    assert_eq!(
        read_pdu(&mut c).await,
        None,
        "one session a connection: what follows its end is not answered"
    );
    assert_eq!(f.end().await.1.outcome, Outcome::Completed);
    assert_eq!(f.server.counters().pdus_in.get(), 4);
    assert_eq!(f.server.counters().pdus_out.get(), 6);
}

#[tokio::test]
async fn large_messages_go_both_ways() {
    let f = Setup::default().start();
    let mut c = f.connect().await;
    let large = ask(&mut c, &pdu(LARGE, &[7; 9000])).await.unwrap();
    assert_eq!(large.len(), LARGE_LEN);
}

#[tokio::test]
async fn a_length_out_of_range_is_answered_and_ends_the_connection() {
    let mut f = Setup::default().start();
    for (head, why) in [
        (&[0u8, 0][..], "short"),
        (&[0, 6], "short"),
        (&[0xff, 0xff], "long"),
        (b"GET / HTTP/1.1\r\n\r\n", "long"),
    ] {
        let mut c = f.connect().await;
        assert_eq!(ask(&mut c, head).await, Some(unframed(why)), "{head:?}");
        assert_eq!(read_pdu(&mut c).await, None);
        f.end().await;
    }
    assert_eq!(f.server.counters().bad_frames.get(), 4);
    // After messages that were good, too.
    let mut c = f.connect().await;
    assert!(ask(&mut c, &pdu(ECHO, &[])).await.is_some());
    assert_eq!(ask(&mut c, &[0, 1]).await, Some(unframed("short")));
}

#[tokio::test]
async fn a_message_that_never_gets_whole_is_given_up() {
    let limits = Limits { message: Duration::from_millis(150), ..Setup::default().limits };
    let mut f = Setup { limits, ..Setup::default() }.start();
    let mut c = f.connect().await;
    assert!(ask(&mut c, &pdu(ECHO, &[])).await.is_some());
    assert_eq!(ask(&mut c, &[0, 20, 1]).await, Some(unframed("truncated")));
    assert_eq!(read_pdu(&mut c).await, None);
    f.end().await;
    assert_eq!(f.server.counters().slow_pdus.get(), 1);
}

#[tokio::test]
async fn dribbling_does_not_buy_more_time() {
    let limits = Limits { message: Duration::from_millis(300), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let c = f.connect().await;
    let (mut read, mut half) = c.into_split();
    let dribble = tokio::spawn(async move {
        let long = pdu(ECHO, &[0; 10_000]);
        for octet in long {
            if half.write_all(&[octet]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert_eq!(read_pdu(&mut read).await, Some(unframed("truncated")));
    dribble.abort();
}

#[tokio::test]
async fn a_half_closed_peer_gets_its_answers() {
    let mut f = Setup::default().start();
    let mut c = f.connect().await;
    write(&mut c, &pdu(ECHO, b"x")).await;
    c.shutdown().await.unwrap();
    assert_eq!(read_pdu(&mut c).await, Some(pdu(ECHO, b"x")));
    assert_eq!(read_pdu(&mut c).await, None);
    assert_eq!(f.end().await.1.outcome, Outcome::Left);
    // In the middle of a message.
    let mut c = f.connect().await;
    write(&mut c, &[0, 20, 1, 1]).await;
    c.shutdown().await.unwrap();
    assert_eq!(read_pdu(&mut c).await, Some(unframed("truncated")));
}

#[tokio::test]
async fn a_peer_that_vanishes_leaves_nothing_behind() {
    let mut f = Setup::default().start();
    let mut c = f.connect().await;
    assert!(ask(&mut c, &pdu(ECHO, &[])).await.is_some());
    SockRef::from(&c).set_linger(Some(Duration::ZERO)).unwrap();
    drop(c);
    assert_eq!(f.end().await.1.outcome, Outcome::Left);
    f.until("the connection is gone", |s| s.open() == 0 && s.sessions() == 0).await;
    assert_eq!(f.server.counters().vanished.get(), 1);
}

#[tokio::test]
async fn the_machines_timers_run() {
    let f = Setup::default().start();
    let mut c = f.connect().await;
    assert_eq!(ask(&mut c, &pdu(HURRY, &[])).await, Some(pdu(SAID_TIMEOUT, &[])));
    assert_eq!(read_pdu(&mut c).await, None);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_given_up() {
    let limits = Limits { write: Duration::from_millis(200), ..Setup::default().limits };
    let mut f = Setup { limits, ..Setup::default() }.start();
    let mut c = f.connect().await;
    SockRef::from(&c).set_recv_buffer_size(4096).unwrap();
    let order = pdu(LARGE, &[]);
    let flood = tokio::spawn(async move {
        while c.write_all(&order).await.is_ok() {}
        c
    });
    assert_eq!(f.end().await.1.outcome, Outcome::Left);
    assert_eq!(f.server.counters().write_timeouts.get(), 1);
    f.until("the connection is gone", |s| s.open() == 0).await;
    flood.abort();
}

#[tokio::test]
async fn after_the_end_the_peer_may_close_first_and_need_not() {
    let limits = Limits { linger: Duration::from_millis(100), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let mut stays = f.connect().await;
    assert!(ask(&mut stays, &pdu(END, &[])).await.is_some());
    assert_eq!(read_pdu(&mut stays).await, None, "the server closes when the peer does not");
    let limits = Limits { linger: Duration::from_hours(1), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let mut closes = f.connect().await;
    assert!(ask(&mut closes, &pdu(END, &[])).await.is_some());
    drop(closes);
    f.until("the connection is gone", |s| s.open() == 0).await;
}

#[tokio::test]
async fn session_ids_differ() {
    let mut f = Setup::default().start();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let mut c = f.connect().await;
        ask(&mut c, &pdu(END, &[])).await.unwrap();
        drop(c);
        ids.insert(f.end().await.1.slp_session);
    }
    assert_eq!(ids.len(), 50);
}
