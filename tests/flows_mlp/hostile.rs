//! Bad input: whatever comes, the answer is MLP's or HTTP's own, soon, and never a 500.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::house::{House, PATIENCE, msids, request, results};
use super::http::{post, raw, slir};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_none() {
    let house = House::new().await;
    for body in [
        "",
        " ",
        "<",
        "<svc_init",
        "not xml",
        "<svc_init></svc_init",
        "<a><b></a></b>",
        "\u{0}\u{0}",
        "{\"a\":1}",
    ] {
        let (status, answer) = house.post(body).await;
        assert_eq!(status, 404, "{body:?}: {answer}");
        assert!(answer.contains("<gem") && results(&answer) == [106], "{body:?}: {answer}");
    }
    let unknown = request("tracker", "3.4.0", "<teleport/>");
    for body in ["<html/>", unknown.as_str()] {
        let (status, answer) = house.post(body).await;
        assert_eq!((status, results(&answer)), (404, vec![108]), "{answer}");
    }
    // An answer is no request.
    let (status, answer) = house
        .post("<svc_result ver=\"3.4.0\"><slia ver=\"3.4.0\"><req_id>1</req_id></slia></svc_result>")
        .await;
    assert_eq!((status, results(&answer)), (404, vec![108]), "{answer}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_with_mistakes_get_the_code_that_says_which() {
    let house = House::new().await;
    let code = async |version: &str, body: &str| results(&house.service("tracker", version, body).await);
    assert_eq!(code("9.9.0", &format!("<slir>{}</slir>", msids(&[1]))).await, [103]);
    assert_eq!(code("3.6.0", &format!("<slir>{}</slir>", msids(&[1]))).await, [103]);
    let none = code("3.4.0", "<slir/>").await;
    assert!(none == [105] || none == [106], "{none:?}");
    let of = |more: &str| format!("<slir>{}{more}</slir>", msids(&[1]));
    assert_eq!(code("3.4.0", &of("<prio type=\"EXTREME\"/>")).await, [111]);
    assert_eq!(code("3.4.0", &of("<eqop><hor_acc>far</hor_acc></eqop>")).await, [105]);
    assert_eq!(code("3.4.0", &of("<eqop><hor_acc>-5</hor_acc></eqop>")).await, [110]);
    assert_eq!(code("3.4.0", &of("<eqop><resp_timer>1e3</resp_timer></eqop>")).await, [105]);
    assert_eq!(code("3.4.0", &of("<eqop/><eqop/>")).await, [106]);
    assert_eq!(code("3.4.0", &of("<x_vendor>1</x_vendor>")).await, [107]);
    // The same, announced as an extension, does no harm.
    let doctype =
        "<!DOCTYPE svc_init SYSTEM \"MLP_v3_4.dtd\" [<!ENTITY % extension SYSTEM \"X.DTD\">%extension;]>";
    let extended = request("tracker", "3.4.0", &of("<x_vendor>1</x_vendor>"));
    let extended = extended.replace("<svc_init", &format!("{doctype}<svc_init"));
    assert!(house.ask(&extended).await.contains("<pd>"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outside_of_the_document_is_fetched() {
    let house = House::new().await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/evil.dtd", trap.local_addr().unwrap());
    for doctype in [
        format!("<!DOCTYPE svc_init SYSTEM \"{url}\">"),
        format!("<!DOCTYPE svc_init [<!ENTITY % e SYSTEM \"{url}\">%e;]>"),
    ] {
        let answer = house.ask(&slir().replace("<svc_init", &format!("{doctype}<svc_init"))).await;
        assert!(answer.contains("<pd>"), "{answer}");
    }
    let entity = format!("<!DOCTYPE svc_init [<!ENTITY e SYSTEM \"{url}\">]>");
    let with = slir().replace("<svc_init", &format!("{entity}<svc_init")).replace("491700000001", "&e;");
    let (_, answer) = house.post(&with).await;
    assert_eq!(results(&answer).len(), 1, "{answer}");
    assert!(timeout(Duration::from_millis(200), trap.accept()).await.is_err(), "somebody came to fetch it");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_refused_cheaply() {
    let house = House::new().await;
    let laughs: String =
        (1..10).map(|k| format!("<!ENTITY l{k} \"{}\">", format!("&l{};", k - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE svc_init [<!ENTITY l0 \"ha\">{laughs}]>");
    let bombs = [
        slir().replace("<svc_init", &format!("{laughs}<svc_init")).replace("491700000001", "&l9;"),
        format!("<svc_init>{}", "<a>".repeat(60_000)),
        format!("<svc_init {}/>", (0..20_000).map(|k| format!("a{k}=\"\" ")).collect::<String>()),
        format!("<svc_init a=\"{}\"/>", "x".repeat(200_000)),
        format!("<svc_init>{}</svc_init>", "<msid/>".repeat(36_000)),
        request(
            "tracker",
            "3.4.0",
            &format!("<slir><msids>{}</msids></slir>", "<msid>1</msid>".repeat(15_000)),
        ),
    ];
    for bomb in bombs {
        let began = Instant::now();
        let (status, answer) = house.post(&bomb).await;
        assert!(status == 404 || status == 200 || status == 413, "{status}");
        assert!(
            status == 413 || results(&answer).len() == 1,
            "{}",
            answer.chars().take(300).collect::<String>()
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encodings() {
    let house = House::new().await;
    let send = async |octets: Vec<u8>, charset: &str| {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        let head = format!(
            "POST /le HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/xml{charset}\r\nContent-Length: {}\r\n\r\n",
            octets.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&octets).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    };
    let wide = |bom: bool, big: bool| -> Vec<u8> {
        let text = slir().replace("<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>");
        let units = bom.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    assert!(send(wide(true, true), "").await.contains("<pd>"));
    assert!(send(wide(true, false), "").await.contains("<pd>"));
    assert!(send([&[0xef, 0xbb, 0xbf], slir().as_bytes()].concat(), "").await.contains("<pd>"));
    let latin = slir().replace("<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>");
    let latin = latin.replace("</client>", "</client><requestor type=\"NAME\"><id>Jos#</id></requestor>");
    let octets: Vec<u8> = latin.bytes().map(|b| if b == b'#' { 0xe9 } else { b }).collect();
    assert!(send(octets.clone(), "").await.contains("<pd>"));
    assert!(send(octets, "; charset=iso-8859-1").await.contains("<pd>"));
    // Octets that the encoding does not know, and an encoding that is not read.
    let broken = slir().replace("491700000001", "49\u{1}").into_bytes();
    assert!(!send(broken, "").await.contains("500 Internal"));
    let torn = slir().bytes().map(|b| if b == b'7' { 0xff } else { b }).collect();
    assert!(send(torn, "").await.contains("resid=\"106\""));
    let ebcdic =
        slir().replace("<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"EBCDIC-CP-US\"?>");
    assert!(send(ebcdic.into_bytes(), "").await.contains("resid=\"106\""));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_refused_early() {
    let house = House::new().await;
    // Announced: the answer comes before the body.
    let head = "POST /le HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n";
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut octets = [0; 64];
    let n = timeout(PATIENCE, stream.read(&mut octets)).await.unwrap().unwrap();
    assert!(octets[..n].starts_with(b"HTTP/1.1 413"));
    drop(stream);
    // Not announced: as soon as there is too much.
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(b"POST /le HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let (mut read, mut write) = stream.split();
    let flood = async {
        let piece = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        for _ in 0..1600 {
            if write.write_all(&piece).await.is_err() {
                break;
            }
        }
    };
    let answer = async {
        let n = read.read(&mut octets).await.unwrap_or(0);
        String::from_utf8_lossy(&octets[..n]).into_owned()
    };
    let answer = timeout(PATIENCE, async {
        tokio::select! { a = answer => a, () = flood => String::new() }
    })
    .await
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer:?}");
    // The server is as well as before.
    assert!(raw(&house, post("/le", "", &slir()).as_bytes()).await.contains("<pd>"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_that_is_none() {
    let house = House::new().await;
    for octets in [
        &b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1"[..],
        b"\x00\x2a\x01\x00\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /le HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /le HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all, and goes on for a while............",
    ] {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
        assert!(!answer.windows(3).any(|w| w == b"500"));
    }
    assert!(raw(&house, post("/le", "", &slir()).as_bytes()).await.contains("<pd>"));
    house.close().await;
}
