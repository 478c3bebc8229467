//! A cached `slir` over HTTP with connections kept, beside a bare server that reads the same body and returns the same octets.
//!
//! `cargo bench --bench mlp`. Both servers run in this process, on the same runtime, one after the other, under the same load;
//! the ratio and the delay at half load are printed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use groma::app::App;
use groma::base::time::Clock;
use groma::base::{GeoPoint, LocationEstimate, PositionMethod, SetId, Shape};
use groma::config::Config;
use groma::net::{Listen, ListenMode};
use groma::slc::PositionReport;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 8;
const RUN: Duration = Duration::from_secs(5);

const REQUEST: &str = "<?xml version=\"1.0\"?><svc_init ver=\"3.4.0\"><hdr ver=\"3.4.0\"><client><id>tracker</id>\
    <pwd>tracker</pwd></client></hdr><slir ver=\"3.4.0\"><msids><msid type=\"MSISDN\">491700000001</msid></msids><eqop>\
    <max_loc_age>86400</max_loc_age></eqop></slir></svc_init>";

const PROFILES: &str = r#"
[[clients]]
id = "tracker"
password = "tracker"
[[subscribers]]
ids = ["msisdn:4917*"]
default = "allow"
"#;

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

async fn connect(to: SocketAddr) -> Sender {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn exchange(sender: &mut Sender) -> Bytes {
    let request = hyper::Request::post("/LocationQueryService")
        .header("host", "bench")
        .header("content-type", "text/xml")
        .body(Full::new(Bytes::from_static(REQUEST.as_bytes())))
        .unwrap();
    sender.ready().await.unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap().to_bytes()
}

/// Requests a second, all connections busy; or, with a pace, the delays at that many requests a second in all.
async fn load(to: SocketAddr, pace: Option<f64>) -> (f64, Vec<Duration>) {
    let mut tasks = tokio::task::JoinSet::new();
    for k in 0..CONNECTIONS {
        tasks.spawn(async move {
            let mut sender = connect(to).await;
            exchange(&mut sender).await;
            let begin = Instant::now();
            let mut delays = Vec::new();
            let gap = pace.map(|p| Duration::from_secs_f64(CONNECTIONS as f64 / p));
            let mut due = begin + gap.unwrap_or_default().mul_f64(k as f64 / CONNECTIONS as f64);
            while begin.elapsed() < RUN {
                if let Some(gap) = gap {
                    tokio::time::sleep_until(due.into()).await;
                    // Measured from when it should have been sent.
                    exchange(&mut sender).await;
                    delays.push(due.elapsed());
                    due += gap;
                } else {
                    let sent = Instant::now();
                    exchange(&mut sender).await;
                    delays.push(sent.elapsed());
                }
            }
            delays
        });
    }
    let mut all = Vec::new();
    while let Some(delays) = tasks.join_next().await {
        all.extend(delays.unwrap());
    }
    all.sort_unstable();
    (all.len() as f64 / RUN.as_secs_f64(), all)
}

/// A server that reads the body and returns these octets.
async fn bare(answer: Bytes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        let response =
                            hyper::Response::builder().header("content-type", "text/xml; charset=utf-8");
                        Ok::<_, Infallible>(response.body(Full::new(answer)).unwrap())
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    at
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let data = tempfile::tempdir().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let profiles: Config = toml::from_str(PROFILES).unwrap();
        let mut config = Config { data: data.path().to_owned(), drain_s: 0, ..profiles };
        config.listen = vec![Listen { address: any, mode: ListenMode::Auto }];
        config.http.listen = any;
        (config.mlp.listen, config.mlp.listen_tls) = (vec![any], Vec::new());
        let app = App::new(config, Clock::system()).start().await.unwrap();
        let target = SetId::Msisdn("491700000001".parse().unwrap());
        let at = GeoPoint::new(50.0, 4.0).unwrap();
        let estimate = LocationEstimate {
            shape: Shape::Circle { at, radius_m: 12.0 },
            time: Clock::system().now().utc,
            method: PositionMethod::AgnssMsBased,
            velocity: None,
        };
        app.positions().record(&target, estimate.clone()).await.unwrap();
        app.service().report(&PositionReport { target, estimate, qop_met: true, ordered: false });

        let mut probe = connect(app.mlp[0]).await;
        let answer = exchange(&mut probe).await;
        assert!(String::from_utf8_lossy(&answer).contains("<pd>"), "{}", String::from_utf8_lossy(&answer));
        let plain = bare(answer).await;
        let mut rates = [0.0_f64; 2];
        for _ in 0..2 {
            for (rate, to) in rates.iter_mut().zip([plain, app.mlp[0]]) {
                *rate = rate.max(load(to, None).await.0);
            }
        }
        let (_, delays) = load(app.mlp[0], Some(rates[1] / 2.0)).await;
        let p99 = delays[delays.len() * 99 / 100];
        println!("bare server      {:8.0} requests/s", rates[0]);
        println!("slir, cached     {:8.0} requests/s, {:.2} of it", rates[1], rates[1] / rates[0]);
        println!("at half load     p99 {:.2} ms", p99.as_secs_f64() * 1e3);
        drop(probe);
        app.shutdown().await;
    });
}
