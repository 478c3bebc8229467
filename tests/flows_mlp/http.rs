//! How documents travel: methods, paths, versions of HTTP, connections.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::house::{House, PATIENCE, Setup, msids, request};

pub(super) fn slir() -> String {
    request("tracker", "3.4.0", &format!("<slir>{}</slir>", msids(&[1])))
}

/// Sends octets and gives what comes back until the server closes.
pub(super) async fn raw(house: &House, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let _ = stream.write_all(octets).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

pub(super) fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_methods_and_content_types() {
    let house = House::new().await;
    for path in ["/LocationQueryService", "/LocationQueryService/", "/le", "/LocationQueryService?a=b"] {
        let answer = raw(&house, post(path, "", &slir()).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<pd>"), "{path}: {answer}");
        assert!(answer.to_lowercase().contains("content-type: text/xml; charset=utf-8"), "{answer}");
    }
    for kind in
        ["text/xml", "application/xml", "application/x-www-form-urlencoded", "text/xml; charset=UTF-8", "x"]
    {
        let answer = raw(&house, post("/le", &format!("Content-Type: {kind}\r\n"), &slir()).as_bytes()).await;
        assert!(answer.contains("<pd>"), "{kind}: {answer}");
    }
    assert!(raw(&house, post("/elsewhere", "", &slir()).as_bytes()).await.starts_with("HTTP/1.1 404"));
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer =
            raw(&house, format!("{method} /le HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
                .await;
        assert!(
            answer.starts_with("HTTP/1.1 405") && answer.to_lowercase().contains("allow: post"),
            "{answer}"
        );
    }
    let packed = raw(&house, post("/le", "Content-Encoding: gzip\r\n", "x").as_bytes()).await;
    assert!(packed.starts_with("HTTP/1.1 415"), "{packed}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_on_one_connection() {
    let house = House::new().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let body = slir();
    for _ in 0..5 {
        let head = format!("POST /le HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body in pieces.
        for piece in body.as_bytes().chunks(50) {
            stream.write_all(piece).await.unwrap();
        }
        let mut answer = Vec::new();
        let mut octets = [0; 4096];
        while !String::from_utf8_lossy(&answer).ends_with("</svc_result>") {
            let n = timeout(PATIENCE, stream.read(&mut octets)).await.unwrap().unwrap();
            assert!(n > 0, "the connection stays");
            answer.extend_from_slice(&octets[..n]);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_with_prior_knowledge() {
    let house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut sender = sender.clone();
        tasks.spawn(async move {
            let request =
                hyper::Request::post("http://x/le").body(Full::<bytes::Bytes>::from(slir())).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap().to_bytes()
        });
    }
    while let Some(answer) = timeout(PATIENCE, tasks.join_next()).await.unwrap() {
        assert!(String::from_utf8_lossy(&answer.unwrap()).contains("<pd>"));
    }
    drop(sender);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_and_slowness_are_bounded() {
    let mut setup = Setup::default();
    (setup.door.idle_s, setup.door.body_s) = (1, 1);
    let house = House::with(setup).await;
    // Nothing at all, a head that does not end, a body that does not come.
    for opening in [
        "",
        "POST /le HT",
        "POST /le HTTP/1.1\r\nHost: x\r\n",
        "POST /le HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<svc",
    ] {
        let answer = timeout(Duration::from_secs(15), raw(&house, opening.as_bytes())).await;
        let answer = answer.unwrap_or_else(|_| panic!("{opening:?} is held open"));
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_wait() {
    let mut setup = Setup::default();
    setup.door.connections = 2;
    let house = House::with(setup).await;
    let first = TcpStream::connect(house.address).await.unwrap();
    let second = TcpStream::connect(house.address).await.unwrap();
    house.until("both are in", |h| h.metrics.mlp_connections.get() == 2).await;
    {
        let octets = post("/le", "", &slir());
        let mut waits = std::pin::pin!(raw(&house, octets.as_bytes()));
        assert!(timeout(Duration::from_millis(200), waits.as_mut()).await.is_err());
        drop((first, second));
        assert!(timeout(PATIENCE, waits).await.unwrap().contains("<pd>"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_when_the_server_stops_is_answered() {
    let house = House::new().await;
    house.script(&super::house::msisdn(1), super::house::Act::Silent);
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(post("/le", "", &slir()).as_bytes()).await.unwrap();
    house.until("it is asked for", |h| h.invitations() > 0).await;
    house.close().await;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<slia"), "{answer}");
}
