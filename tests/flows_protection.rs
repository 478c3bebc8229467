//! SUPL INIT under basic protection, from an MLP request to the handset: what is genuine is answered, anything else is passed
//! over in silence, and counters never go back.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groma::app::{App, AppError, RunningApp};
use groma::base::time::Clock;
use groma::base::{GeoPoint, SetId};
use groma::config::Config;
use groma::feed::{SimulatedConfig, SourceConfig};
use groma::handset::{
    Discard, Goal, Heard, Listener, ListenerOptions, Motion, Options, Place, Provisioned, Security,
};
use groma::le::mlp::client::{Client, Url};
use groma::net::{Listen, ListenMode};
use groma::store::StoreError;
use groma::wire::ulp::{BasicProtection, Init, ProtectionLevel, UlpMessage, UlpPdu};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::support::server::TOWN;

const NUMBER: &str = "491700000001";
const KEY: [u8; 16] = [0x5a; 16];
const KEY_ID: [u8; 8] = *b"key-0001";

const PROFILES: &str = r#"
[[clients]]
id = "tracker"
password = "tracker"
[[clients]]
id = "psap"
type = "emergency"
password = "psap"
[[subscribers]]
ids = ["msisdn:491700000001"]
default = "allow"
address = "127.0.0.1"
init_protection = { level = "basic", key_id = "6b65792d30303031", key = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a" }
"#;

/// A server, and the air between it and its handset.
struct Scene {
    app: RunningApp,
    air: UdpSocket,
}

impl Scene {
    async fn new(data: &Path) -> Self {
        let air = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let profiles: Config = toml::from_str(PROFILES).unwrap();
        let mut config = Config { data: data.to_owned(), drain_s: 0, ..profiles };
        config.listen = vec![Listen { address: any, mode: ListenMode::Auto }];
        config.http.listen = any;
        (config.mlp.listen, config.mlp.listen_tls) = (vec![any], Vec::new());
        config.feed.sources = vec![SourceConfig::Simulated(SimulatedConfig::default())];
        config.push.udp.port = air.local_addr().unwrap().port();
        config.push.udp.times = 1;
        config.service.fresh_s = 0;
        config.service.st1_s = 5;
        // What an earlier server held is let go of by tasks that end by themselves.
        for _ in 0..200 {
            match App::new(config.clone(), Clock::system()).start().await {
                Ok(app) => return Self { app, air },
                Err(AppError::Store(StoreError::Locked { .. })) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(e) => panic!("{e}"),
            }
        }
        panic!("the store is never free")
    }

    /// A client asks over MLP.
    fn ask(&self, client: &str, service: &str) -> JoinHandle<String> {
        let url: Url = format!("http://{}/le", self.app.mlp[0]).parse().unwrap();
        let request = format!(
            "<svc_init ver=\"3.4.0\"><hdr><client><id>{client}</id><pwd>{client}</pwd></client></hdr><{service}><msids>\
             <msid>{NUMBER}</msid></msids><eqop><resp_timer>20</resp_timer></eqop></{service}></svc_init>"
        );
        tokio::spawn(async move {
            let http = Client::new(None, Duration::from_mins(1)).unwrap();
            let answer = http.post(&url, request.into()).await.unwrap();
            String::from_utf8(answer.body.to_vec()).unwrap()
        })
    }

    /// The next SUPL INIT on the air.
    async fn init(&self) -> Vec<u8> {
        let mut octets = vec![0; 2048];
        let next = self.air.recv(&mut octets);
        let n = tokio::time::timeout(Duration::from_secs(20), next).await.expect("a SUPL INIT").unwrap();
        octets.truncate(n);
        octets
    }

    fn handset(&self, key: &[u8], key_id: [u8; 8], emergency_call: bool) -> Listener {
        let mut session = Options::new(Goal::Agnss, self.app.supl[0].to_string());
        session.security = Security::Plain;
        session.set_id = SetId::Msisdn(NUMBER.parse().unwrap());
        let at = Place { at: GeoPoint::new(TOWN.0, TOWN.1).unwrap(), altitude_m: 50.0 };
        session.place = Some(at);
        let provisioned = Provisioned::Basic { key: key.to_vec(), key_id };
        Listener::new(ListenerOptions {
            provisioned,
            emergency_call,
            ..ListenerOptions::new(session, Motion::Still(at))
        })
    }
}

fn read(octets: &[u8]) -> Box<Init> {
    let UlpMessage::Init(init) = UlpPdu::decode(octets).unwrap().message else { panic!("a SUPL INIT") };
    init
}

fn basic(octets: &[u8]) -> BasicProtection {
    let Some(ProtectionLevel::Basic(basic)) = read(octets).protection else { panic!("basic protection") };
    basic
}

async fn discarded(handset: &Listener, octets: &[u8]) -> Discard {
    match handset.hear(octets, |_| ()).await {
        Heard::Discarded(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn genuine_ones_are_answered_and_others_are_not() {
    let data = tempfile::tempdir().unwrap();
    let scene = Scene::new(data.path()).await;
    let handset = Arc::new(scene.handset(&KEY, KEY_ID, false));
    let answer = scene.ask("tracker", "slir");
    let first = scene.init().await;
    assert_eq!((basic(&first).key_id, basic(&first).replay_counter), (KEY_ID, 1));

    // Forged: another session, another code, another counter, no protection at all.
    for bit in (16..first.len() * 8).step_by(5) {
        let mut forged = first.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        discarded(&handset, &forged).await;
    }
    let bare = Init { protection: None, ..*read(&first) };
    let pdu = UlpPdu { message: UlpMessage::Init(Box::new(bare)), ..UlpPdu::decode(&first).unwrap() };
    assert_eq!(discarded(&handset, &pdu.encode().unwrap()).await, Discard::Unprotected);
    // Handsets with other keys.
    assert_eq!(discarded(&scene.handset(&[1; 16], KEY_ID, false), &first).await, Discard::WrongCode);
    assert_eq!(discarded(&scene.handset(&KEY, [0; 8], false), &first).await, Discard::UnknownKey);
    // The genuine one, for which all that was no answer.
    let heard = handset.hear(&first, |_| ()).await;
    assert!(matches!(&heard, Heard::Answered(report) if report.answered()), "{heard:?}");
    let answer = answer.await.unwrap();
    assert!(answer.contains("<pd>"), "{answer}");

    // Played back: the same, and an older one that never arrived.
    assert_eq!(discarded(&handset, &first).await, Discard::Again);
    let unanswered = scene.ask("tracker", "slir");
    let second = scene.init().await;
    let silence = unanswered.await.unwrap();
    assert!(silence.contains("resid=\"5\""), "silence is no answer: {silence}");
    let answer = scene.ask("tracker", "slir");
    let third = scene.init().await;
    assert!(matches!(handset.hear(&third, |_| ()).await, Heard::Answered(_)));
    assert!(answer.await.unwrap().contains("<pd>"));
    assert_eq!(discarded(&handset, &second).await, Discard::Replayed);
    assert_eq!((basic(&second).replay_counter, basic(&third).replay_counter), (2, 3));
    scene.app.shutdown().await;

    // After a restart the handset still believes its server.
    let scene = Scene::new(data.path()).await;
    let answer = scene.ask("tracker", "slir");
    let init = scene.init().await;
    assert!(basic(&init).replay_counter > 3);
    let again = scene.handset(&KEY, KEY_ID, false);
    assert!(matches!(again.hear(&init, |_| ()).await, Heard::Answered(_)));
    assert!(answer.await.unwrap().contains("<pd>"));
    scene.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_emergency_the_call_stands_for_protection() {
    let data = tempfile::tempdir().unwrap();
    let scene = Scene::new(data.path()).await;
    let answer = scene.ask("psap", "eme_lir");
    let init = scene.init().await;
    assert!(read(&init).notification.is_some_and(|n| n.emergency));
    assert_eq!(read(&init).protection, None);
    assert_eq!(discarded(&scene.handset(&KEY, KEY_ID, false), &init).await, Discard::Unprotected);
    let in_call = scene.handset(&KEY, KEY_ID, true);
    assert!(matches!(in_call.hear(&init, |_| ()).await, Heard::Answered(_)));
    let answer = answer.await.unwrap();
    assert!(answer.contains("<pd>"), "{answer}");
    scene.app.shutdown().await;
}
