//! Stopping: running sessions end, new ones are refused.

use std::sync::Arc;
use std::time::Duration;

use groma::slc::Outcome;
use tokio::io::AsyncReadExt;

use super::script::{ECHO, END, SAID_REFUSED, SAID_SHUTDOWN, pdu};
use super::support::{Client, PATIENCE, Setup, ask, patiently, read_pdu};

#[tokio::test]
async fn a_running_session_ends_and_a_new_one_is_refused() {
    let mut f = Setup::default().start();
    let mut running = f.connect().await;
    assert!(ask(&mut running, &pdu(ECHO, &[])).await.is_some());
    let mut silent = f.connect().await;
    let (mut silent_tls, _) = Client::default().connect(&f).await;
    f.until("all are in", |s| s.open() == 3 && s.counters().tls13.get() == 1).await;

    let server = Arc::clone(&f.server);
    let drain = tokio::spawn(async move { server.drain(PATIENCE).await });
    assert_eq!(patiently(silent.read(&mut [0; 8])).await.unwrap(), 0, "the silent are not waited for");
    assert_eq!(patiently(silent_tls.read(&mut [0; 8])).await.unwrap(), 0);
    let (mut late, _) = Client::default().connect(&f).await;
    assert_eq!(ask(&mut late, &pdu(ECHO, &[])).await, Some(pdu(SAID_REFUSED, &[])));
    assert_eq!(f.server.counters().refused_draining.get(), 1);
    f.end().await;
    assert!(!drain.is_finished());

    assert!(ask(&mut running, &pdu(ECHO, &[])).await.is_some(), "still served");
    assert!(ask(&mut running, &pdu(END, &[])).await.is_some());
    assert_eq!(f.end().await.1.outcome, Outcome::Completed);
    drop(running);
    let drained = patiently(drain).await.unwrap();
    assert_eq!((drained.open, drained.cut), (3, 0));
    assert!(f.server.is_draining() && f.server.open() == 0);
    f.until("nobody listens", |_| std::net::TcpStream::connect(f.address).is_err()).await;
}

#[tokio::test]
async fn a_session_whose_time_is_up_gets_the_standards_end() {
    let mut f = Setup::default().start();
    let mut c = f.connect().await;
    assert!(ask(&mut c, &pdu(ECHO, &[])).await.is_some());
    let drained = patiently(f.server.drain(Duration::from_millis(50))).await;
    assert_eq!((drained.open, drained.cut), (1, 1));
    assert_eq!(read_pdu(&mut c).await, Some(pdu(SAID_SHUTDOWN, &[])));
    assert_eq!(read_pdu(&mut c).await, None);
    assert_eq!(f.end().await.1.outcome, Outcome::Shutdown);
    assert_eq!(f.server.counters().drained.get(), 1);
}

#[tokio::test]
async fn nothing_to_drain_is_drained_at_once() {
    let f = Setup::default().start();
    assert_eq!(patiently(f.server.drain(Duration::from_hours(1))).await.open, 0);
}
