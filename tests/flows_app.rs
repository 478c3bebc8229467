//! The whole server, as `groma serve` runs it: sessions count, the operator's pages tell of them, the end is orderly.

use std::net::SocketAddr;
use std::time::Duration;

use groma::app::App;
use groma::base::GeoPoint;
use groma::base::time::Clock;
use groma::config::Config;
use groma::feed::{SimulatedConfig, SourceConfig};
use groma::handset::{Goal, Options, Place, run};
use groma::net::{Listen, ListenMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::server::TOWN;

fn config(data: &std::path::Path, simulated: bool) -> Config {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut config = Config { data: data.to_owned(), drain_s: 0, ..Config::default() };
    config.listen = vec![Listen { address: any, mode: ListenMode::Auto }];
    config.http.listen = any;
    (config.mlp.listen, config.mlp.listen_tls) = (vec![any], vec![any]);
    if simulated {
        config.feed.sources = vec![SourceConfig::Simulated(SimulatedConfig::default())];
    }
    config
}

/// Status line and body of a page.
async fn get(http: SocketAddr, path: &str) -> (String, String) {
    let mut stream = tokio::net::TcpStream::connect(http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_show_in_the_metrics() {
    let data = tempfile::tempdir().unwrap();
    let app = App::new(config(data.path(), true), Clock::system()).start().await.unwrap();
    let server = app.supl[0].to_string();
    let place = Place { at: GeoPoint::new(TOWN.0, TOWN.1).unwrap(), altitude_m: 50.0 };
    let served = Options { place: Some(place), ..Options::new(Goal::Agnss, &server) };
    assert!(run(&served, |_| ()).await.unwrap().succeeded());
    let supl_1 =
        Options { place: Some(place), tell_position: true, ..Options::new(Goal::Agnss, &server).supl1() };
    run(&supl_1, |_| ()).await.unwrap();
    let nowhere = Options::new(Goal::CellId, &server);
    assert_eq!(run(&nowhere, |_| ()).await.unwrap().exit_code(), 5);

    let (status, _) = get(app.http, "/readyz").await;
    assert!(status.contains("200"), "{status}");
    // Records are counted after the handset has its answer.
    let expected = [
        r#"groma_sessions_total{flow="set-initiated-immediate",version="2",protocol="lpp",outcome="completed"} 1"#,
        r#"groma_positions_total{method="agnss-ms-based"}"#,
        r#"groma_session_status_total{status=""#,
        "groma_sky_simulated 1",
        "groma_clock_shifted 0",
    ];
    let mut page = String::new();
    for _ in 0..400 {
        page = get(app.http, "/metrics").await.1;
        if expected.iter().all(|line| page.contains(line)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    for line in expected {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("001010000000001"), "no identity in the metrics");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sky_the_server_is_honest() {
    let data = tempfile::tempdir().unwrap();
    let app = App::new(config(data.path(), false), Clock::system()).start().await.unwrap();
    let (status, _) = get(app.http, "/readyz").await;
    assert!(status.contains("503"), "{status}");
    let (status, _) = get(app.http, "/healthz").await;
    assert!(status.contains("200"), "{status}");
    let place = Place { at: GeoPoint::new(TOWN.0, TOWN.1).unwrap(), altitude_m: 50.0 };
    let options = Options { place: Some(place), ..Options::new(Goal::Agnss, app.supl[0].to_string()) };
    let report = run(&options, |_| ()).await.unwrap();
    // It answers with what it has, and with nothing that is made up.
    assert_eq!(report.found.ephemerides(), 0);
    assert!(!report.succeeded());
    app.shutdown().await;
}

/// After a restart the positions and the sky are where they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_goes_on() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let app = App::new(config(data.path(), true), Clock::system()).start().await.unwrap();
        let place = Place { at: GeoPoint::new(TOWN.0, TOWN.1).unwrap(), altitude_m: 50.0 };
        let options = Options { place: Some(place), ..Options::new(Goal::Agnss, app.supl[0].to_string()) };
        assert!(run(&options, |_| ()).await.unwrap().succeeded());
        app.shutdown().await;
    }
}

/// The MLP door of the whole server: plain and TLS, in HTTP/1.1 and, where ALPN agrees on it, HTTP/2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mlp_is_served_on_both_ports() {
    use groma::le::mlp::client::{Client, Url};
    let data = tempfile::tempdir().unwrap();
    let profiles: Config = toml::from_str(
        "[[clients]]\nid = \"tracker\"\npassword = \"tracker\"\n[[clients]]\nid = \"shop\"\npassword = \"shop\"\n\
         [[subscribers]]\nids = [\"msisdn:4917*\"]\nrules = [{ client = \"tracker\", action = \"allow\" }]\n",
    )
    .unwrap();
    let set_up = config(data.path(), true);
    let mut config = Config { clients: profiles.clients, subscribers: profiles.subscribers, ..set_up };
    "localhost".clone_into(&mut config.session.slp_address);
    let app = App::new(config, Clock::system()).start().await.unwrap();
    let roots = data.path().join("tls").join("development-cert.pem");
    let client = Client::new(Some(&roots), Duration::from_secs(30)).unwrap();
    for url in
        [format!("http://{}/le", app.mlp[0]), format!("https://localhost:{}/le", app.mlp_tls[0].port())]
    {
        let url: Url = url.parse().unwrap();
        for (who, code) in [("tracker", "resid=\"6\""), ("shop", "resid=\"202\""), ("nobody", "resid=\"3\"")]
        {
            let request = format!(
                "<svc_init ver=\"3.4.0\"><hdr ver=\"3.4.0\"><client><id>{who}</id><pwd>{who}</pwd></client></hdr>\
                 <slir ver=\"3.4.0\"><msids><msid>491700000001</msid></msids><loc_type type=\"LAST\"/></slir></svc_init>"
            );
            let answer = client.post(&url, request.into()).await.unwrap();
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(answer.status == 200 && text.contains(code), "{url} {who}: {text}");
        }
    }
    let (status, page) = get(app.http, "/metrics").await;
    assert!(status.contains("200"));
    assert!(page.contains("groma_mlp_requests_total{service=\"slir\",version=\"3.4.0\""), "{page}");
    app.shutdown().await;
}

/// A handset that came by itself is called where it came from: MLP, SUPL INIT by UDP, the session, the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handset_is_called_where_it_came_from() {
    use groma::handset::{Fleet, FleetOptions};
    use groma::le::mlp::client::{Client, Url};
    let data = tempfile::tempdir().unwrap();
    let profiles: Config = toml::from_str(
        "[[clients]]\nid = \"tracker\"\npassword = \"tracker\"\n[[subscribers]]\nids = [\"msisdn:4917*\"]\ndefault = \"allow\"\n",
    )
    .unwrap();
    let set_up = config(data.path(), true);
    let mut config = Config { clients: profiles.clients, subscribers: profiles.subscribers, ..set_up };
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    config.push.udp.port = socket.local_addr().unwrap().port();
    // What it tells by itself must not be what is answered.
    config.service.fresh_s = 0;
    let app = App::new(config, Clock::system()).start().await.unwrap();
    let town = GeoPoint::new(TOWN.0, TOWN.1).unwrap();
    let server = app.supl[0].to_string();
    let fleet = Fleet::new(&FleetOptions { count: 1, ..FleetOptions::new(&server, 491_700_000_001, town) });
    let handset = std::sync::Arc::clone(fleet.handset(0).unwrap());
    let waiting = tokio::spawn(handset.listen(socket, |_| (), |_, _| ()));

    let client = Client::new(None, Duration::from_secs(30)).unwrap();
    let url: Url = format!("http://{}/le", app.mlp[0]).parse().unwrap();
    let ask = async || {
        let request = "<svc_init ver=\"3.4.0\"><hdr><client><id>tracker</id><pwd>tracker</pwd></client></hdr>\
                       <slir><msids><msid>491700000001</msid></msids><eqop><resp_timer>20</resp_timer></eqop></slir></svc_init>";
        let answer = client.post(&url, request.into()).await.unwrap();
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    // Nobody knows where it is.
    let answer = ask().await;
    assert!(answer.contains("resid=\"5\""), "{answer}");
    let set_id = groma::base::SetId::Msisdn("491700000001".parse().unwrap());
    let place = Some(Place { at: town, altitude_m: 50.0 });
    let by_itself = Options { set_id, place, ..Options::new(Goal::Agnss, &server) };
    assert!(run(&by_itself, |_| ()).await.unwrap().succeeded());
    let answer = ask().await;
    assert!(answer.contains("<pd>") && answer.contains("A-GNSS"), "{answer}");
    let called = r#"groma_sessions_total{flow="network-initiated-immediate""#;
    let mut page = String::new();
    for _ in 0..400 {
        page = get(app.http, "/metrics").await.1;
        if page.contains(called) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(page.contains(called), "{page}");
    waiting.abort();
    app.shutdown().await;
}
