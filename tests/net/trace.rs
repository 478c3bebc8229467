//! Traces: recorded by the door, opened by tshark.

use std::process::Command;

use groma::observe::trace::Direction;
use tokio::io::AsyncWriteExt;

use super::script::{ECHO, END, pdu};
use super::support::{Setup, ask};

#[tokio::test]
async fn a_session_is_recorded_only_on_demand() {
    let mut f = Setup::default().start();
    let exchange = async |f: &mut super::support::Fixture| {
        let mut c = f.connect().await;
        ask(&mut c, &pdu(ECHO, b"a")).await.unwrap();
        ask(&mut c, &pdu(END, b"b")).await.unwrap();
        c.shutdown().await.unwrap();
        f.end().await
    };
    exchange(&mut f).await;
    assert!(f.tracer.sessions().is_empty());
    f.tracer.start();
    let (connection, record) = exchange(&mut f).await;
    f.until("it is over", |s| s.open() == 0).await;
    let session = f.tracer.session(1).unwrap();
    assert_eq!(session.subject.session, record.slp_session);
    assert_eq!(session.subject.peer, connection.peer);
    assert!(session.ended);
    let seen: Vec<_> = session.pdus.iter().map(|p| (p.direction, p.bytes.to_vec())).collect();
    let (a, b) = (pdu(ECHO, b"a"), pdu(END, b"b"));
    let (from, to) = (Direction::FromTarget, Direction::ToTarget);
    assert_eq!(seen, [(from, a.clone()), (to, a), (from, b.clone()), (to, b)]);
}

/// The captured first messages of real clients, sent to a server that echoes them.
#[tokio::test]
async fn tshark_dissects_what_real_clients_sent() {
    let test = "tshark_dissects_what_real_clients_sent";
    let Some(shared) = crate::shared(test) else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "{test}: tshark must be there in continuous integration");
        eprintln!("skipped: {test}: tshark is not installed");
        return;
    }
    let setup = Setup { new_machine: echo, ..Setup::default() };
    let f = setup.start();
    f.tracer.start();
    let mut names: Vec<_> = std::fs::read_dir(shared.join("vectors/clients"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "hex") && !p.to_string_lossy().contains(".lpp"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    let mut c = f.connect().await;
    for name in &names {
        let text: String = std::fs::read_to_string(name).unwrap().split_whitespace().collect();
        let bytes: Vec<u8> =
            (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect();
        assert_eq!(ask(&mut c, &bytes).await.as_deref(), Some(&bytes[..]), "{}", name.display());
    }
    drop(c);
    f.until("it is over", |s| s.open() == 0).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace.pcap");
    std::fs::write(&file, f.tracer.capture(Some(1)).unwrap()).unwrap();
    let output = Command::new("tshark").arg("-r").arg(&file).arg("-V").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let dissected = text.matches("OMA UserPlane Location Protocol").count();
    assert_eq!(dissected, 2 * names.len(), "{}", String::from_utf8_lossy(&output.stderr));
    // One of the clients sends digits that are no IMSI, which tshark also calls malformed: that is the client's.
    for wrong in ["Malformed Packet", "(Error", "checksum incorrect", "TCP Retransmission", "Out-Of-Order"] {
        assert!(!text.contains(wrong), "{wrong}");
    }
}

/// Echoes everything.
fn echo(params: groma::slc::Params, _: groma::net::Admission) -> Box<dyn groma::net::Machine> {
    struct Echo(Box<dyn groma::net::Machine>);
    impl groma::net::Machine for Echo {
        fn handle(
            &mut self,
            now: groma::base::Now,
            env: &groma::slc::Env<'_>,
            input: groma::slc::Input<'_>,
            out: &mut Vec<groma::slc::Action>,
        ) {
            match input {
                groma::slc::Input::Pdu(bytes) => out.push(groma::slc::Action::Send(bytes.to_vec())),
                other => self.0.handle(now, env, other, out),
            }
        }
        fn next_timeout(&self) -> Option<std::time::Instant> {
            self.0.next_timeout()
        }
    }
    Box::new(Echo(super::script::machine(params, groma::net::Admission::Serve)))
}
