//! The binary as operators meet it: started, asked, reloaded, stopped, killed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for anything that a process is to do.
const PATIENCE: Duration = Duration::from_mins(1);

fn groma() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_groma"));
    c.stdin(Stdio::null());
    c
}

fn run(args: &[&str]) -> Output {
    groma().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `groma serve`.
pub(crate) struct Serving {
    child: Child,
    log: std::path::PathBuf,
    http: String,
}

impl Serving {
    /// Starts it on free ports and waits until it has said whether it is ready.
    pub(crate) fn start(dir: &Path, more: &[&str]) -> Self {
        let log = dir.join("log");
        let child = groma()
            .arg("serve")
            .args(["-o", "http.listen=127.0.0.1:0", "-o", r#"listen=[{address="127.0.0.1:0"}]"#])
            .args(["-o", r#"mlp.listen=["127.0.0.1:0"]"#, "-o", r#"mlp.listen_tls=["127.0.0.1:0"]"#])
            .args(["-o", "log.format=json", "-o", "drain_s=5", "--data"])
            .arg(dir.join("data"))
            .args(more)
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut serving = Self { child, log, http: String::new() };
        serving.wait_for(r#""transmitters":"#);
        serving.wait_for("ready");
        serving.http = serving.listening("HTTP");
        serving
    }

    /// Where it listens for `SUPL` or `HTTP`.
    pub(crate) fn listening(&self, what: &str) -> String {
        let lines = self.log();
        let line = lines.lines().find(|l| l.contains(&format!("listening: {what}"))).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["address"].as_str().unwrap().to_owned()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn wait_for(&mut self, words: &str) {
        let began = Instant::now();
        while !self.log().contains(words) {
            assert!(began.elapsed() < PATIENCE, "`{words}` is not in\n{}", self.log());
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(self.log().contains(words), "ended ({status}) without `{words}`:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Status code and body of a page.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut s = TcpStream::connect(&self.http).unwrap();
        s.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(s, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        s.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; the exit code.
    fn end(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn without_a_sky_it_runs_says_so_and_is_not_ready() {
    let dir = folder();
    let mut s = Serving::start(dir.path(), &[]);
    assert_eq!(s.get("/healthz").0, 200);
    let (code, body) = s.get("/readyz");
    assert_eq!(code, 503);
    assert!(body.contains("no navigation data are fresh"), "{body}");
    assert!(s.log().contains("not ready"));
    let (_, metrics) = s.get("/metrics");
    assert!(metrics.contains("groma_sky_simulated 0") && metrics.contains("groma_ready 0"));
    s.signal("-TERM");
    assert_eq!(s.end(), Some(0), "{}", s.log());
}

#[test]
fn a_simulated_sky_is_ready_and_marked_everywhere() {
    let dir = folder();
    let mut s = Serving::start(dir.path(), &["-o", "feed=simulated"]);
    assert_eq!(s.get("/readyz").0, 200);
    assert!(s.get("/").1.contains("Simulated sky"));
    assert!(s.get("/metrics").1.contains("groma_sky_simulated 1"));
    assert!(s.log().contains("SIMULATED SKY"));
    let sky = run(&["sky", "--server", &s.http, "--at", "50.1,8.7"]);
    assert!(text(&sky.stdout).contains("SIMULATED"), "{}", text(&sky.stdout));

    // The store is its own.
    let data = dir.path().join("data");
    let check = run(&["store", "check", "--data", data.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stderr).contains("in use by another process"), "{}", text(&check.stderr));
    s.signal("-INT");
    assert_eq!(s.end(), Some(0), "{}", s.log());
    let check = run(&["store", "check", "--data", data.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
}

#[test]
fn recorded_data_are_replayed_and_survive_a_kill() {
    let name = "recorded_data_are_replayed_and_survive_a_kill";
    let Some(shared) = crate::shared(name) else { return };
    let dir = folder();
    let data = dir.path().join("data");
    let file = shared.join("gnss/nav/BRDC00IGS_R_20230010000_01D_MN.rnx.gz");
    let import = run(&["feed", "import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert_eq!(import.status.code(), Some(0), "{}", text(&import.stderr));
    let clock = ["--clock", "2023-01-01T11:00:00Z"];
    let mut s = Serving::start(dir.path(), &clock);
    assert_eq!(s.get("/readyz").0, 200, "{}", s.log());
    assert!(s.get("/").1.contains("Shifted clock"));
    assert!(s.get("/metrics").1.contains("groma_clock_shifted 1"));
    s.signal("-KILL");
    s.end();
    // Nothing is fetched anew: what was acknowledged is there.
    let s = Serving::start(dir.path(), &clock);
    assert_eq!(s.get("/readyz").0, 200, "{}", s.log());
}

#[test]
fn reload_takes_over_what_is_right_and_refuses_what_is_not() {
    let dir = folder();
    let file = dir.path().join("groma.toml");
    fs::write(&file, "drain_s = 7\n").unwrap();
    let s = Serving::start(dir.path(), &["--config", file.to_str().unwrap()]);
    fs::write(&file, "[session]\nst2_s = 33\n[store]\ncache_mib = 32\n").unwrap();
    let reload = run(&["reload", "--server", &s.http]);
    let said = text(&reload.stdout);
    assert!(said.contains("configuration") && said.contains("after a restart: store"), "{said}");
    fs::write(&file, "[session]\nst2_ss = 33\n").unwrap();
    let reload = run(&["reload", "--server", &s.http]);
    assert_eq!(reload.status.code(), Some(1));
    assert!(text(&reload.stderr).contains("did you mean `st2_s`?"), "{}", text(&reload.stderr));
    s.signal("-HUP");
    // The log has said so of the command already: the count tells that the signal has been heard.
    let began = Instant::now();
    while !s.get("/metrics").1.contains(r#"groma_reloads_total{outcome="failed"} 2"#) {
        assert!(began.elapsed() < PATIENCE, "{}", s.get("/metrics").1);
    }
    assert_eq!(s.get("/healthz").0, 200);
}

#[test]
fn a_drain_waits_for_sessions_says_so_and_a_second_signal_ends_it() {
    let dir = folder();
    let mut s = Serving::start(dir.path(), &["-o", "feed=simulated", "-o", "drain_s=600"]);
    let mut handset = TcpStream::connect(s.listening("SUPL")).unwrap();
    // The beginning of a message begins a session.
    handset.write_all(&[0x00, 0x30, 0x02]).unwrap();
    let began = Instant::now();
    while !s.get("/metrics").1.contains("groma_supl_sessions_open 1") {
        assert!(began.elapsed() < PATIENCE);
    }
    s.signal("-TERM");
    s.wait_for("stopping");
    let (code, body) = s.get("/readyz");
    assert!(code == 503 && body.contains("the server is stopping"), "{code} {body}");
    assert_eq!(s.get("/healthz").0, 200);
    s.signal("-TERM");
    assert_eq!(s.end(), Some(1), "{}", s.log());
}

#[test]
fn the_configuration_is_checked_and_shown() {
    let dir = folder();
    let file = dir.path().join("c.toml");
    fs::write(&file, "[http]\nlissten = \"127.0.0.1:1\"\n").unwrap();
    let out = run(&["serve", "--check", "--config", file.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("c.toml:2:1: unknown key `lissten`, did you mean `listen`?"));
    let out = run(&["serve", "--check", "-o", "drain_s=9"]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stdout).starts_with("data = \"data\"\ndrain_s = 9\n"), "{}", text(&out.stdout));
}

#[test]
fn messages_are_shown_and_mistakes_take_one_line() {
    let hex = "9206 2a";
    let shown = run(&["asn1", "decode", "--pdu", "LPP-Message", hex]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let back = run(&["asn1", "encode", "--pdu", "LPP-Message", &text(&shown.stdout)]);
    assert_eq!(text(&back.stdout), "92062a\n");
    for (args, words) in [
        (["decode", "LPP-Message", "zz"], "hexadecimal"),
        (["decode", "ULP-PDU", "0003"], "ULP-PDU"),
        (["decode", "ULP-PDU", "@/nonexistent"], "/nonexistent"),
        (["encode", "ULP-PDU", "{"], "JSON"),
        (["decode", "NO-SUCH", "00"], "NO-SUCH"),
    ] {
        let [direction, pdu, input] = args;
        let out = run(&["asn1", direction, "--pdu", pdu, input]);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.lines().count() == 1 && said.contains(words), "{args:?}: {said}");
    }
    assert_eq!(run(&["asn1", "decode"]).status.code(), Some(2));
}

/// What goes wrong at a start is told in one line, with what to do about it.
#[test]
fn a_start_that_fails_says_why_and_what_to_do() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let data = path("data");
    let (http, listen) = (format!("http.listen={taken}"), format!(r#"listen=[{{address="{taken}"}}]"#));
    let (no_http, no_listen) = ("http.listen=127.0.0.1:0", r#"listen=[{address="127.0.0.1:0"}]"#);
    let nowhere = path("nowhere/data");
    fs::write(path("file"), "x").unwrap();
    let (not_a_folder, no_config) = (path("file/data"), path("nowhere.toml"));
    for (args, words) in [
        (
            &["serve", "--data", &data, "-o", &http, "-o", no_listen][..],
            "choose another in the configuration",
        ),
        (&["serve", "--data", &data, "-o", no_http, "-o", &listen], "choose another in the configuration"),
        (&["serve", "--data", &not_a_folder, "-o", no_http, "-o", no_listen], "cannot make the data folder"),
        (&["serve", "--config", &no_config], "cannot read"),
        (&["sky", "--stored", "--data", &nowhere], "groma feed import"),
        (&["store", "check", "--data", &nowhere], "groma feed import"),
        (&["feed", "import", "--data", &data, &no_config], "1 of 1 files could not be read"),
        (&["cells", "import", "--data", &data, &no_config], "No such file"),
        (&["cells", "import", "--data", &data, &path("file")], "neither a cell table"),
        (&["reload", "--server", "http://127.0.0.1:1"], "is the server running?"),
        (&["trace", "list", "--server", "http://127.0.0.1:1"], "is the server running?"),
        (&["handset", "agnss", "--server", "localhost"], "HOST:PORT"),
        (&["asn1", "decode", "--pdu", "ULP", "00"], "ULP-PDU, RRLP-PDU, LPP-Message"),
    ] {
        let out = run(args);
        let said = text(&out.stderr);
        assert!(!out.status.success() && said.contains(words), "{args:?}: {said}");
        assert!(said.lines().filter(|line| line.starts_with("groma: ")).count() == 1, "{args:?}: {said}");
    }
    assert!(!std::path::Path::new(&nowhere).exists(), "who only looks makes nothing");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child =
        groma().args(["serve", "--check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
