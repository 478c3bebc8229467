//! A server that is killed: reports that were acknowledged are delivered by the next one.
//!
//! The test runs itself as a child, which queues reports for a client that is not there and prints the number of each once it
//! is acknowledged; the parent kills it, lets the client be there, and looks for all the numbers that it read.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use groma::base::time::Clock;
use groma::le::mlp::client::Client;
use groma::le::mlp::outbox::{Config, Letter, Outbox};
use groma::le::mlp::receiver::{Manners, Receiver};
use groma::observe::Metrics;
use groma::store::SledStore;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::house::PATIENCE;

const CHILD: &str = "GROMA_TEST_OUTBOX_CHILD";
const URL: &str = "GROMA_TEST_OUTBOX_URL";

async fn open(dir: &Path, stop: &CancellationToken) -> Outbox {
    let store = groma::store::Config { path: dir.to_owned(), ..Default::default() };
    let store = Arc::new(SledStore::open(&store).unwrap());
    let client = Client::new(None, Duration::from_secs(5)).unwrap();
    let now = Arc::new(|| Clock::system().now().utc);
    let config = Config { retry_s: 1, max_retry_s: 1, ..Config::default() };
    let outbox =
        Outbox::open(config, store, client, Arc::new(Metrics::new()), now, stop.clone()).await.unwrap();
    outbox.start();
    outbox
}

/// The child: queues from several tasks until it is killed.
#[test]
fn outbox_child() {
    let (Some(dir), Ok(url)) = (std::env::var_os(CHILD), std::env::var(URL)) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let outbox = open(Path::new(&dir), &CancellationToken::new()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..4_u64 {
            let (outbox, url) = (outbox.clone(), url.clone());
            tasks.spawn(async move {
                for n in (lane..).step_by(4) {
                    let letter = Letter {
                        lane: format!("lane {lane}"),
                        client: "client".to_owned(),
                        kind: "tlrep".to_owned(),
                        url: url.clone(),
                        document: format!("number {n}"),
                        verdict: false,
                        created: Clock::system().now().utc,
                    };
                    outbox.put(vec![letter], Vec::new()).await.unwrap();
                    let line = format!("acknowledged {n}\n");
                    let mut out = std::io::stdout().lock();
                    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_were_acknowledged_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "flows_mlp::kill::outbox_child", "--nocapture"])
        .env(CHILD, dir.path())
        .env(URL, format!("http://{place}/"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: String| line.split_once("acknowledged ")?.1.trim().parse::<u64>().ok();
    let mut lines = lines.map_while(Result::ok).filter_map(number);
    let mut acknowledged: BTreeSet<u64> = lines.by_ref().take(60).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines);
    assert!(acknowledged.len() >= 60, "{}", acknowledged.len());

    let (send, mut reports) = mpsc::channel(64);
    tokio::spawn(Receiver::new(send, Manners::default()).run(TcpListener::bind(place).await.unwrap()));
    let stop = CancellationToken::new();
    let outbox = open(dir.path(), &stop).await;
    let mut came: Vec<u64> = Vec::new();
    let all = async {
        while !acknowledged.iter().all(|n| came.contains(n)) {
            let report = reports.recv().await.unwrap();
            let text = String::from_utf8(report.octets.to_vec()).unwrap();
            came.push(text.strip_prefix("number ").unwrap().parse().unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("every report comes");
    for lane in 0..4 {
        let of_lane: Vec<u64> = came.iter().copied().filter(|n| n % 4 == lane).collect();
        assert!(of_lane.is_sorted(), "lane {lane}: {of_lane:?}");
    }
    stop.cancel();
    outbox.stopped().await;
}
