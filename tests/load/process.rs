//! What the system counts of a process.

use std::fs;

use anyhow::Context as _;

/// Ticks of a CPU second in `/proc`, which is 100 on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// A process that is watched, by the name that the report gives it.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    id: u32,
}

impl Process {
    /// Reads `NAME=PID`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('=').and_then(|(name, id)| {
            Some(Self {
                name: name.to_owned(),
                id: id.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| format!("{text:?} is not NAME=PID"))
    }

    /// CPU seconds so far, in user space and in the kernel.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.read("stat")?;
        // The name in brackets may have spaces; user and system time are the 12th and 13th field behind it.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11));
        let ticks: Vec<f64> = fields.into_iter().flatten().take(2).flat_map(str::parse).collect();
        anyhow::ensure!(ticks.len() == 2, "/proc/{}/stat has no times", self.id);
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// The most memory that was resident at any time, in MiB.
    pub(crate) fn peak_mebibytes(&self) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kibibytes.with_context(|| format!("/proc/{}/status has no VmHWM", self.id))? / 1024)
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.id);
        fs::read_to_string(&path).with_context(|| format!("read {path}: does {} still run?", self.name))
    }
}
