//! An SMSC that does what the test says, over pipes and with a clock that the test owns.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::pdu::{Command, Pdu};
use super::*;
use crate::base::SetId;

const NUMBER: &str = "447700900123";

struct Bench {
    smsc: Arc<Smsc>,
    connections: mpsc::Receiver<DuplexStream>,
    stop: CancellationToken,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
    _dir: tempfile::TempDir,
}

fn bench(change: impl FnOnce(&mut Config)) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "lp:x\n").unwrap();
    let mut config =
        Config { address: "smsc:2775".to_owned(), credentials_file: Some(file), ..Config::default() };
    change(&mut config);
    assert_eq!(config.check("t"), Ok(()));
    let (tell, connections) = mpsc::channel(16);
    let dial: Dial = Arc::new(move || {
        let (near, far) = tokio::io::duplex(1 << 16);
        let dialled = tell.try_send(far).map_err(|_| std::io::ErrorKind::ConnectionRefused.into());
        Box::pin(async move { dialled.map(|()| Box::new(near) as Box<dyn connect::Stream>) })
    });
    let (metrics, tasks, stop) = (Arc::new(Metrics::new()), TaskTracker::new(), CancellationToken::new());
    let smsc = Smsc::dialling("t", config, dial, Arc::clone(&metrics), &tasks, &stop);
    tasks.close();
    Bench { smsc: Arc::new(smsc), connections, stop, tasks, metrics, _dir: dir }
}

/// The SMSC's end of a connection.
struct Peer {
    stream: DuplexStream,
    buffer: BytesMut,
}

impl Peer {
    /// The next PDU; `None` when the connection ended.
    async fn next(&mut self) -> Option<Pdu> {
        loop {
            if let Some(pdu) = Pdu::take(&mut self.buffer).unwrap() {
                return Some(pdu);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn send(&mut self, command: Command, status: u32, sequence: u32, body: &[u8]) {
        let mut out = BytesMut::new();
        Pdu { command, status, sequence, body: Bytes::copy_from_slice(body) }.put(&mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    async fn submission(&mut self) -> (u32, ShortMessage) {
        let pdu = self.next().await.unwrap();
        assert_eq!(pdu.command, Command::SUBMIT_SM);
        (pdu.sequence, ShortMessage::read(&pdu.body).unwrap())
    }

    async fn accept(&mut self, sequence: u32, id: &str) {
        self.send(Command::SUBMIT_SM.response(), 0, sequence, format!("{id}\0").as_bytes()).await;
    }

    async fn receipt(&mut self, id: &str, state: &str) {
        let message = ShortMessage {
            source: Address { ton: 1, npi: 1, digits: NUMBER.to_owned() },
            esm_class: 4,
            octets: format!("id:{id} sub:001 dlvrd:001 stat:{state} err:000 text:").into_bytes(),
            ..ShortMessage::default()
        };
        self.send(Command::DELIVER_SM, 0, 900, &message.body()).await;
        let answer = self.next().await.unwrap();
        assert_eq!(
            (answer.command, answer.status, answer.sequence),
            (Command::DELIVER_SM.response(), 0, 900)
        );
    }
}

impl Bench {
    /// The next connection, not yet bound.
    async fn connection(&mut self) -> Peer {
        Peer { stream: self.connections.recv().await.unwrap(), buffer: BytesMut::new() }
    }

    /// The next connection, bound.
    async fn bound(&mut self) -> Peer {
        let mut peer = self.connection().await;
        let pdu = peer.next().await.unwrap();
        assert_eq!(pdu.body[..], *b"lp\0x\0\0\x34\0\0\0");
        peer.send(pdu.command.response(), 0, pdu.sequence, b"SMSC\0\x02\x10\0\x01\x34").await;
        peer
    }

    fn push(
        &self,
        octets: usize,
        emergency: bool,
        s: u64,
    ) -> tokio::task::JoinHandle<Result<Carried, Failure>> {
        let smsc = Arc::clone(&self.smsc);
        let parcel = Parcel {
            identities: vec![SetId::Msisdn(NUMBER.parse().unwrap())],
            ip: None,
            octets: vec![0xab; octets].into(),
            emergency,
            deadline: Instant::now() + Duration::from_secs(s),
        };
        tokio::spawn(async move { smsc.carry(&parcel).await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_decides() {
    for (state, expected) in [
        ("DELIVRD", Ok(Carried::Confirmed)),
        ("UNDELIV", Err(Failure::Unreachable(5))),
        ("REJECTD", Err(Failure::Unreachable(8))),
        ("ENROUTE", Ok(Carried::Accepted)),
    ] {
        let mut b = bench(|_| ());
        let carried = b.push(40, false, 60);
        let mut peer = b.bound().await;
        let (sequence, message) = peer.submission().await;
        assert_eq!(message.destination, Address { ton: 1, npi: 1, digits: NUMBER.to_owned() });
        assert_eq!((message.esm_class, message.data_coding, message.registered_delivery), (0x40, 4, 1));
        assert_eq!((message.validity.as_str(), message.priority), ("000000000100000R", 0));
        peer.accept(sequence, "7").await;
        peer.receipt("7", state).await;
        assert_eq!(carried.await.unwrap(), expected, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_init_goes_in_pieces_and_needs_all_receipts() {
    let mut b = bench(|c| c.form = Form::WapPush);
    let carried = b.push(300, true, 60);
    let mut peer = b.bound().await;
    for id in ["1", "2", "3"] {
        let (sequence, message) = peer.submission().await;
        assert_eq!((message.octets[0], message.priority), (11, 3));
        peer.accept(sequence, id).await;
    }
    for id in ["3", "1", "2"] {
        assert!(!carried.is_finished());
        peer.receipt(id, "DELIVRD").await;
    }
    assert_eq!(carried.await.unwrap(), Ok(Carried::Confirmed));
    assert_eq!(b.push(2000, true, 60).await.unwrap(), Err(Failure::TooLong));
}

#[tokio::test(start_paused = true)]
async fn refusals_have_their_meanings() {
    let mut b = bench(|_| ());
    let mut carried = b.push(9, false, 60);
    let mut peer = b.bound().await;
    for (status, expected) in
        [(0x0b, Failure::Unreachable(0x0b)), (0x45, Failure::Temporary(0x45)), (0x66, Failure::Refused(0x66))]
    {
        let (sequence, _) = peer.submission().await;
        peer.send(Command::SUBMIT_SM.response(), status, sequence, b"").await;
        assert_eq!(carried.await.unwrap(), Err(expected));
        carried = b.push(9, false, 60);
    }
    let (sequence, _) = peer.submission().await;
    peer.send(Command::GENERIC_NACK, 3, sequence, b"").await;
    assert_eq!(carried.await.unwrap(), Err(Failure::Refused(3)));
}

#[tokio::test(start_paused = true)]
async fn a_throttling_smsc_gets_its_pauses() {
    let mut b = bench(|c| c.receipts = false);
    let carried = b.push(9, false, 60);
    let mut peer = b.bound().await;
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let (sequence, _) = peer.submission().await;
        let asked = Instant::now();
        peer.send(Command::SUBMIT_SM.response(), 0x58, sequence, b"").await;
        let (sequence, _) = peer.submission().await;
        pauses.push(asked.elapsed().as_millis());
        peer.send(Command::SUBMIT_SM.response(), 0x14, sequence, b"").await;
    }
    assert!(pauses.windows(2).all(|w| w[1] >= 2 * w[0]), "{pauses:?}");
    // Who has no time for the pause, ten seconds by now, is not sent later.
    let short = b.push(9, false, 5);
    let (sequence, _) = peer.submission().await;
    peer.accept(sequence, "1").await;
    assert_eq!(carried.await.unwrap(), Ok(Carried::Accepted));
    assert_eq!(short.await.unwrap(), Err(Failure::Congested));
    assert!(b.metrics.render().contains(r#"smpp_throttled_total{smsc="t"} 8"#));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_outstanding_than_the_window_and_emergencies_go_first() {
    let mut b = bench(|c| (c.window, c.receipts) = (2, false));
    let mut peer = b.bound().await;
    let first = [b.push(1, false, 60), b.push(1, false, 60)];
    let (one, two) = (peer.submission().await.0, peer.submission().await.0);
    let ordinary = b.push(2, false, 60);
    tokio::task::yield_now().await;
    let urgent = b.push(3, true, 60);
    tokio::task::yield_now().await;
    assert!(timeout_at(Instant::now() + Duration::from_secs(1), peer.next()).await.is_err());
    peer.accept(one, "1").await;
    let (sequence, message) = peer.submission().await;
    assert_eq!(message.octets.len(), 7 + 3, "the emergency");
    peer.accept(sequence, "2").await;
    let (sequence, message) = peer.submission().await;
    assert_eq!(message.octets.len(), 7 + 2);
    peer.accept(sequence, "3").await;
    peer.accept(two, "4").await;
    for task in first.into_iter().chain([ordinary, urgent]) {
        assert_eq!(task.await.unwrap(), Ok(Carried::Accepted));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_congestion() {
    let mut b = bench(|c| (c.window, c.queue) = (1, 16));
    let mut peer = b.bound().await;
    let first = b.push(1, false, 600);
    peer.submission().await;
    let waiting: Vec<_> = (0..16).map(|_| b.push(1, false, 600)).collect();
    tokio::task::yield_now().await;
    assert_eq!(b.push(1, false, 600).await.unwrap(), Err(Failure::Congested));
    assert_eq!(first.await.unwrap(), Err(Failure::Unanswered));
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_fails_what_waits_and_comes_back() {
    let mut b = bench(|_| ());
    let carried = b.push(9, false, 60);
    let mut peer = b.bound().await;
    peer.submission().await;
    drop(peer);
    assert_eq!(carried.await.unwrap(), Err(Failure::Down));
    assert_eq!(b.push(9, false, 60).await.unwrap(), Err(Failure::Down));
    let mut peer = b.bound().await;
    peer.send(Command::ENQUIRE_LINK, 0, 77, b"").await;
    let answer = peer.next().await.unwrap();
    assert_eq!((answer.command, answer.sequence), (Command::ENQUIRE_LINK.response(), 77));
    let carried = b.push(9, false, 60);
    let (sequence, _) = peer.submission().await;
    peer.accept(sequence, "1").await;
    peer.receipt("1", "DELIVRD").await;
    assert_eq!(carried.await.unwrap(), Ok(Carried::Confirmed));
    assert!(b.metrics.render().contains(r#"smpp_bound{smsc="t"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn one_who_is_silent_is_asked_and_left() {
    let mut b = bench(|_| ());
    let mut peer = b.bound().await;
    let began = Instant::now();
    for _ in 0..2 {
        let pdu = peer.next().await.unwrap();
        assert_eq!(pdu.command, Command::ENQUIRE_LINK);
        peer.send(pdu.command.response(), 0, pdu.sequence, b"").await;
    }
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(peer.next().await.unwrap().command, Command::ENQUIRE_LINK);
    assert_eq!(peer.next().await, None);
    assert_eq!(began.elapsed().as_secs(), 95);
    b.bound().await;
}

#[tokio::test(start_paused = true)]
async fn binds_that_fail_say_why() {
    // Refused, nacked, silent, hung up, and no SMPP at all.
    for (answer, expected) in [
        (Some((0x0e, false)), Failure::Unauthorized(0x0e)),
        (Some((0x05, false)), Failure::Temporary(0x05)),
        (Some((0, true)), Failure::Unauthorized(3)),
        (None, Failure::Unanswered),
    ] {
        let mut b = bench(|_| ());
        let carried = b.push(9, false, 60);
        let mut peer = b.connection().await;
        let pdu = peer.next().await.unwrap();
        if let Some((status, nack)) = answer {
            let command = if nack { Command::GENERIC_NACK } else { pdu.command.response() };
            peer.send(command, status, pdu.sequence, b"").await;
        }
        assert_eq!(carried.await.unwrap(), Err(expected));
    }
    let mut b = bench(|_| ());
    let carried = b.push(9, false, 60);
    drop(b.connection().await);
    assert_eq!(carried.await.unwrap(), Err(Failure::Down));
    let carried = {
        let mut b = bench(|_| ());
        let carried = b.push(9, false, 60);
        let mut peer = b.connection().await;
        peer.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        carried.await.unwrap()
    };
    assert_eq!(carried, Err(Failure::Broken));
}

#[tokio::test(start_paused = true)]
async fn what_is_unknown_or_broken_is_refused_and_the_connection_lives() {
    let mut b = bench(|_| ());
    let mut peer = b.bound().await;
    for (command, body, answer, status) in [
        (Command(0x0777), &b"??"[..], Command::GENERIC_NACK, 3),
        (Command::SUBMIT_SM, b"", Command::GENERIC_NACK, 3),
        (Command::DELIVER_SM, b"\0", Command::GENERIC_NACK, 2),
        (Command::DATA_SM, b"", Command::GENERIC_NACK, 2),
        (Command::DATA_SM, b"\0\0\0\0\0\0\0\0\0\0", Command::DATA_SM.response(), 0),
    ] {
        peer.send(command, 0, 5, body).await;
        let pdu = peer.next().await.unwrap();
        assert_eq!((pdu.command, pdu.status, pdu.sequence), (answer, status, 5), "{command:?}");
    }
    // No answer to what is an answer itself, and to an alert.
    for command in [Command(0x8000_0777), Command::SUBMIT_SM.response(), Command::ALERT_NOTIFICATION] {
        peer.send(command, 0, 6, b"").await;
    }
    peer.send(Command::ENQUIRE_LINK, 0, 7, b"").await;
    assert_eq!(peer.next().await.unwrap().sequence, 7);
    // An impossible length: told, and left.
    peer.stream.write_all(&[0xff; 16]).await.unwrap();
    let nack = peer.next().await.unwrap();
    assert_eq!((nack.command, nack.status), (Command::GENERIC_NACK, 2));
    assert_eq!(peer.next().await, None);
    b.bound().await;
}

#[tokio::test(start_paused = true)]
async fn leave_is_taken() {
    let mut b = bench(|_| ());
    let mut peer = b.bound().await;
    let carried = b.push(9, false, 60);
    peer.submission().await;
    b.stop.cancel();
    let pdu = peer.next().await.unwrap();
    assert_eq!(pdu.command, Command::UNBIND);
    peer.send(pdu.command.response(), 0, pdu.sequence, b"").await;
    assert_eq!(peer.next().await, None);
    assert_eq!(carried.await.unwrap(), Err(Failure::Stopping));
    b.tasks.wait().await;
    // The SMSC may take leave, too.
    let mut b = bench(|_| ());
    let mut peer = b.bound().await;
    peer.send(Command::UNBIND, 0, 3, b"").await;
    assert_eq!(peer.next().await.unwrap().command, Command::UNBIND.response());
    assert_eq!(peer.next().await, None);
    b.bound().await;
}

#[tokio::test(start_paused = true)]
async fn receipts_may_come_by_a_connection_of_their_own() {
    let mut b = bench(|c| c.bind = Bind::TransmitterReceiver);
    let carried = b.push(9, false, 60);
    let (mut one, mut two) = (b.connection().await, b.connection().await);
    let mut commands = Vec::new();
    for peer in [&mut one, &mut two] {
        let pdu = peer.next().await.unwrap();
        commands.push(pdu.command);
        peer.send(pdu.command.response(), 0, pdu.sequence, b"\0").await;
    }
    let (mut transmitter, mut receiver) =
        if commands[0] == Command::BIND_TRANSMITTER { (one, two) } else { (two, one) };
    assert!(commands.contains(&Command::BIND_RECEIVER));
    let (sequence, _) = transmitter.submission().await;
    // The receipt overtakes the acknowledgement.
    receiver.receipt("26", "DELIVRD").await;
    transmitter.accept(sequence, "1A").await;
    assert_eq!(carried.await.unwrap(), Ok(Carried::Confirmed));
}

#[test]
fn settings_are_checked() {
    let config = |text: &str| toml::from_str::<Config>(text).unwrap().check("x").map_err(|e| e.to_string());
    let fine = "address = \"smsc.example.net:2775\"\ncredentials_env = \"X\"\n";
    assert_eq!(config(fine), Ok(()));
    for (text, problem) in [
        ("", "`smpp.x.address` must be HOST:PORT"),
        ("address = \"a:1\"", "`smpp.x.credentials_file` is missing"),
        (&format!("{fine}window = 0"), "`smpp.x.window` must be between 1 and 1000"),
        (
            &format!("{fine}source = \"{}\"", "1".repeat(21)),
            "`smpp.x.source` has at most 20 characters, all of ASCII",
        ),
    ] {
        assert_eq!(config(text), Err(problem.to_owned()));
    }
    assert_eq!(validity(90_061), "000001010101000R");
}
