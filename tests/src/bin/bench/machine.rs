//! What the figures depend on: processor, kernel, disk, versions, and how busy the machine was with other things.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::cpu::{Meter, Scope};
use crate::samples::Samples;

/// Writes that the disk is timed with.
const SYNCS: usize = 200;
/// How long the machine is watched before anything runs.
const WATCH: Duration = Duration::from_secs(1);

/// Facts of this machine; `data` is a directory on the file system that the server writes to.
///
/// # Errors
/// When the file system cannot be timed.
pub fn facts(data: &Path) -> anyhow::Result<BTreeMap<&'static str, Value>> {
    let sync = sync_times(data)?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(BTreeMap::from([
        ("cpu", json!(cpu_model())),
        ("cores", json!(cores)),
        ("kernel", json!(read("/proc/sys/kernel/osrelease"))),
        ("memory_mib", json!(memory_mib())),
        ("data_file_system", json!(file_system(data))),
        ("fdatasync_4k_p50_ms", json!(round(sync.median()))),
        ("fdatasync_4k_p95_ms", json!(round(sync.millis(0.95)))),
        ("docker", json!(answer("docker", &["version", "--format", "{{.Server.Version}}"]))),
        ("python", json!(answer("/usr/bin/python3", &["-c", "import platform; print(platform.python_version())"]))),
        ("commit", json!(answer("git", &["rev-parse", "--short", "HEAD"]))),
        ("load_at_start", load()),
        ("busy_cores_before", json!(round(busy_cores()?))),
    ]))
}

/// The kernel's load averages.
pub fn load() -> Value {
    json!(read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn sync_times(directory: &Path) -> anyhow::Result<Samples> {
    let path = directory.join(format!("sync-{}", std::process::id()));
    let mut file = File::create(&path).with_context(|| format!("failed to write to {}", directory.display()))?;
    let page = [0x5a_u8; 4096];
    let mut once = || -> std::io::Result<Duration> {
        let begin = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        Ok(begin.elapsed())
    };
    let samples: std::io::Result<Samples> = (0..SYNCS).map(|_| once()).collect();
    fs::remove_file(&path)?;
    Ok(samples?)
}

/// Processor cores that others keep busy.
fn busy_cores() -> anyhow::Result<f64> {
    let meter = Meter::start(Scope::Machine)?;
    std::thread::sleep(WATCH);
    Ok(meter.millis()? / 1e3 / WATCH.as_secs_f64())
}

fn cpu_model() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    model.trim_start_matches([' ', '\t', ':']).to_owned()
}

fn memory_mib() -> u64 {
    let info = read("/proc/meminfo");
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    total.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

fn file_system(directory: &Path) -> String {
    answer("stat", &["--file-system", "--format", "%T", &directory.to_string_lossy()]).unwrap_or_default()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// What a program prints; nothing when it is absent or fails, which is then a fact too.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
