//! An SMSC in trouble, as an LCS client sees it over MLP: the right code, in bounded time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use groma::app::App;
use groma::base::time::Clock;
use groma::config::Config;
use groma::le::mlp::client::{Client, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BIND_TRANSCEIVER: u32 = 9;
const SUBMIT_SM: u32 = 4;
const ENQUIRE_LINK: u32 = 0x15;
const THROTTLED: u32 = 0x58;

/// What becomes of a submission.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Mute,
    Throttles,
    HangsUp,
    /// Takes it, and no handset ever comes.
    Takes,
}

/// One connection of an SMSC that binds everybody.
async fn serve(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    loop {
        let mut head = [0; 16];
        stream.read_exact(&mut head).await?;
        let word = |i: usize| u32::from_be_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        let (length, command) = (word(0), word(4));
        let mut body = vec![0; length.saturating_sub(16) as usize];
        stream.read_exact(&mut body).await?;
        let (status, text): (u32, &[u8]) = match (command, manner) {
            (BIND_TRANSCEIVER, _) => (0, b"smsc\0"),
            (ENQUIRE_LINK, _) => (0, b""),
            (SUBMIT_SM, Manner::Mute) => continue,
            (SUBMIT_SM, Manner::Throttles) => (THROTTLED, b"\0"),
            (SUBMIT_SM, Manner::Takes) => (0, b"1\0"),
            _ => return Ok(()),
        };
        let mut out = Vec::new();
        out.extend_from_slice(&(16 + text.len() as u32).to_be_bytes());
        out.extend_from_slice(&(command | 0x8000_0000).to_be_bytes());
        out.extend_from_slice(&status.to_be_bytes());
        out.extend_from_slice(&head[12..16]);
        out.extend_from_slice(text);
        stream.write_all(&out).await?;
    }
}

/// The answer to a request for a handset that only the SMSC reaches, and how long it took.
async fn ask(manner: Option<Manner>) -> (String, Duration) {
    let data = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    if let Some(manner) = manner {
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner));
            }
        });
    } else {
        drop(listener);
    }
    let secret = data.path().join("smsc");
    std::fs::write(&secret, "groma:secret\n").unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let profiles: Config = toml::from_str(
        "[[clients]]\nid = \"tracker\"\npassword = \"tracker\"\n[[subscribers]]\nids = [\"msisdn:491700000001\"]\n\
         default = \"allow\"\n",
    )
    .unwrap();
    let mut config = Config { data: data.path().to_owned(), drain_s: 0, ..profiles };
    config.listen[0].address = any;
    config.listen.truncate(1);
    config.http.listen = any;
    (config.mlp.listen, config.mlp.listen_tls) = (vec![any], Vec::new());
    config.service.st1_s = 4;
    config.push.udp.enabled = false;
    config.push.rounds = 1;
    let smsc = groma::net::push::smpp::Config {
        address,
        credentials_file: Some(secret),
        response_s: 1,
        receipt_s: 1,
        ..groma::net::push::smpp::Config::default()
    };
    config.push.smpp = BTreeMap::from([("main".to_owned(), smsc)]);
    let app = App::new(config, Clock::system()).start().await.unwrap();
    let url: Url = format!("http://{}/le", app.mlp[0]).parse().unwrap();
    let client = Client::new(None, Duration::from_mins(1)).unwrap();
    let request = "<svc_init ver=\"3.4.0\"><hdr><client><id>tracker</id><pwd>tracker</pwd></client></hdr><slir><msids>\
                   <msid>491700000001</msid></msids><eqop><resp_timer>8</resp_timer></eqop></slir></svc_init>";
    let began = Instant::now();
    let answer = client.post(&url, request.into()).await.unwrap();
    let took = began.elapsed();
    app.shutdown().await;
    (String::from_utf8(answer.body.to_vec()).unwrap(), took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trouble_of_an_smsc_has_its_code() {
    let (down, mute, throttles, hangs_up, takes) = tokio::join!(
        ask(None),
        ask(Some(Manner::Mute)),
        ask(Some(Manner::Throttles)),
        ask(Some(Manner::HangsUp)),
        ask(Some(Manner::Takes)),
    );
    for (what, (answer, took), code) in [
        ("down", down, 1),
        ("never answers", mute, 1),
        ("throttles", throttles, 203),
        ("hangs up in mid-window", hangs_up, 1),
        ("takes it, and nobody comes", takes, 5),
    ] {
        assert!(answer.contains(&format!("resid=\"{code}\"")), "{what}: {answer}");
        assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    }
}
