//! Whether there is memory for another request.
//!
//! The collector measures itself against a limit that was set for it, else everything in its control group (the embedded
//! engine included) against that group's limit: beyond it the system would kill something.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::telemetry::Metrics;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// What the last look said; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: Arc<AtomicU8>,
}

/// How much is left. Each state is left again only some way below where it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum State {
    #[default]
    Enough,
    /// Worth a warning.
    Little,
    /// Requests are refused.
    Scarce,
}

/// Where the use and its limit are read.
#[derive(Debug)]
enum Source {
    /// The resident memory of this process, against so many bytes.
    Process(u64),
    /// The folder of a control group, version 2.
    Group(PathBuf),
}

impl Memory {
    /// Looks at the memory from now on; `limit` is in bytes, 0 for that of the control group. The task is `None` where
    /// there is no limit.
    pub fn watch(limit: u64, metrics: Metrics) -> (Self, Option<JoinHandle<()>>) {
        let memory = Self::default();
        let source = if limit > 0 {
            Some(Source::Process(limit))
        } else {
            group().map(Source::Group)
        };
        let Some(source) = source.filter(|source| source.read().is_some()) else {
            return (memory, None);
        };
        let shared = memory.clone();
        let run = async move {
            let mut looks = interval(INTERVAL);
            looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut state = State::default();
            loop {
                looks.tick().await;
                let Some((used, limit)) = source.read() else {
                    continue;
                };
                let next = state.next(used, limit);
                if next > state {
                    warn!(used, limit, state = ?next, "memory runs short");
                } else if next < state {
                    info!(used, limit, state = ?next, "there is memory again");
                }
                state = next;
                metrics.memory_state.set(state as i64);
                shared.state.store(state as u8, Ordering::Relaxed);
            }
        };
        (memory, Some(tokio::spawn(run)))
    }

    /// Whether requests have to be refused.
    pub(crate) fn is_scarce(&self) -> bool {
        self.state.load(Ordering::Relaxed) == State::Scarce as u8
    }
}

impl State {
    /// The state after this one, when so many bytes of so many are used.
    fn next(self, used: u64, limit: u64) -> Self {
        let percent = (u128::from(used) * 100 / u128::from(limit.max(1))) as u64;
        match (self, percent) {
            (_, 95..) | (Self::Scarce, 90..) => Self::Scarce,
            (_, 90..) | (Self::Little | Self::Scarce, 85..) => Self::Little,
            _ => Self::Enough,
        }
    }
}

impl Source {
    /// Bytes in use, and the limit; `None` where there is none.
    fn read(&self) -> Option<(u64, u64)> {
        match self {
            Self::Process(limit) => Some((resident(&fs::read_to_string("/proc/self/status").ok()?)?, *limit)),
            Self::Group(folder) => {
                let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
                // Files that were read and are not in use are given back when memory is wanted.
                let stat = fs::read_to_string(folder.join("memory.stat")).ok()?;
                let files = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
                let files = files.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
                Some((number("memory.current")?.saturating_sub(files), number("memory.max")?))
            }
        }
    }
}

/// The folder of this process's control group.
fn group() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(path))
}

/// Resident bytes by the text of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kilobytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_entered_high_and_left_low() {
        let mut state = State::default();
        for (used, expected) in [
            (89, State::Enough),
            (90, State::Little),
            (86, State::Little),
            (94, State::Little),
            (95, State::Scarce),
            (90, State::Scarce),
            (89, State::Little),
            (84, State::Enough),
            (200, State::Scarce),
            (0, State::Enough),
        ] {
            state = state.next(used, 100);
            assert_eq!(state, expected, "{used} %");
        }
    }

    #[test]
    fn a_group_is_measured_without_the_files_that_can_be_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text| fs::write(folder.path().join(name), text).unwrap();
        let source = Source::Group(folder.path().to_owned());
        write("memory.current", "1000\n");
        write("memory.stat", "anon 5\ninactive_file 300\nactive_file 7\n");
        write("memory.max", "max\n");
        assert_eq!(source.read(), None, "no limit");
        write("memory.max", "2000\n");
        assert_eq!(source.read(), Some((700, 2000)));
    }

    #[tokio::test]
    async fn a_process_beyond_its_limit_refuses() {
        for (limit, scarce) in [(1, true), (1 << 50, false)] {
            let metrics = Metrics::new().unwrap();
            metrics.memory_state.set(9);
            let (memory, task) = Memory::watch(limit, metrics.clone());
            while metrics.memory_state.get() == 9 {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(memory.is_scarce(), scarce);
            task.unwrap().abort();
        }
    }
}
