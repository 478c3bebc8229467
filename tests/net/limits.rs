//! Too many, too silent.

use std::time::Duration;

use groma::net::{Limits, open_file_limit};
use tokio::io::AsyncReadExt;

use super::script::{ECHO, END, SAID_REFUSED, pdu};
use super::support::{Client, Setup, ask, patiently, read_pdu};

#[tokio::test]
async fn a_thousand_that_never_speak_disturb_nobody() {
    // Both ends of each connection are in this process.
    let many = open_file_limit().map_or(400, |n| (n.saturating_sub(300) / 2).min(1000));
    let limits = Limits { silent: Duration::from_secs(2), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let mut silent = Vec::new();
    for _ in 0..many {
        silent.push(f.connect().await);
    }
    f.until("all are counted", |s| s.counters().accepted.get() == many).await;
    let (mut c, _) = Client::default().connect(&f).await;
    assert!(ask(&mut c, &pdu(END, &[])).await.is_some(), "a handset is served meanwhile");
    drop(c);
    f.until("they are closed", |s| s.counters().silent_closed.get() == many && s.open() == 0).await;
    for mut c in silent {
        assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap_or(0), 0);
    }
    assert_eq!((f.server.counters().open.get(), f.server.counters().silent.get()), (0, 0));
}

#[tokio::test]
async fn silence_after_the_handshake_counts_as_silence() {
    let limits = Limits { silent: Duration::from_millis(100), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let (mut c, _) = Client::default().connect(&f).await;
    assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap(), 0, "closed with close_notify");
    assert_eq!(f.server.counters().silent_closed.get(), 1);
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_given_up() {
    let limits = Limits { handshake: Duration::from_millis(100), ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let mut c = f.connect().await;
    super::support::write(&mut c, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await;
    assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap(), 0);
    assert_eq!(f.server.counters().tls_timeout.get(), 1);
}

#[tokio::test]
async fn beyond_the_limit_the_standards_answer_and_beyond_that_none() {
    let limits = Limits { max: 2, ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let mut served = Vec::new();
    for _ in 0..2 {
        let mut c = f.connect().await;
        assert_eq!(ask(&mut c, &pdu(ECHO, &[])).await, Some(pdu(ECHO, &[])));
        served.push(c);
    }
    let mut over = f.connect().await;
    f.until("it is in", |s| s.open() == 3).await;
    let mut far_over = f.connect().await;
    assert_eq!(patiently(far_over.read(&mut [0; 8])).await.unwrap_or(0), 0);
    assert_eq!(f.server.counters().refused_total.get(), 1);
    assert_eq!(ask(&mut over, &pdu(ECHO, &[])).await, Some(pdu(SAID_REFUSED, &[])));
    assert_eq!(read_pdu(&mut over).await, None);
    drop(over);
    // Room again.
    drop(served.pop());
    f.until("they are gone", |s| s.open() == 1).await;
    let mut c = f.connect().await;
    assert_eq!(ask(&mut c, &pdu(ECHO, &[])).await, Some(pdu(ECHO, &[])));
}

#[tokio::test]
async fn one_source_cannot_take_it_all() {
    let limits = Limits { max_per_source: 1, ..Setup::default().limits };
    let f = Setup { limits, ..Setup::default() }.start();
    let _served = f.connect().await;
    let _refused = f.connect().await;
    f.until("both are in", |s| s.open() == 2).await;
    let mut c = f.connect().await;
    assert_eq!(patiently(c.read(&mut [0; 8])).await.unwrap_or(0), 0);
    assert_eq!(f.server.counters().refused_source.get(), 1);
}
