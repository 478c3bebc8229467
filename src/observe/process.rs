//! What the operating system says of this process, read when metrics are asked for.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Memory, CPU time and open files of the process, from `/proc/self`; silent where there is none.
#[derive(Debug)]
pub(super) struct Process;

/// Clock ticks a second in `/proc/self/stat`: 100 on every Linux architecture (`USER_HZ`).
const USER_HZ: f64 = 100.0;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            let m = ConstGauge::new(bytes);
            let help = "Resident memory of the process";
            let e = encoder.encode_descriptor(
                "process_resident_memory",
                help,
                Some(&Unit::Bytes),
                m.metric_type(),
            )?;
            m.encode(e)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let m = ConstCounter::new(seconds);
            let help = "CPU time of the process, user and system";
            let e = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), m.metric_type())?;
            m.encode(e)?;
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            let m = ConstGauge::new(i64::try_from(files.count()).unwrap_or(i64::MAX));
            let help = "Open files and sockets of the process";
            let e = encoder.encode_descriptor("process_open_files", help, None, m.metric_type())?;
            m.encode(e)?;
        }
        Ok(())
    }
}

/// Resident memory in bytes.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// User and system time in seconds.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / USER_HZ)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_itself() {
        assert!(resident_bytes().unwrap() > 100_000);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
