//! Whether there is memory for another request.
//!
//! The collector measures itself against a limit that was set for it; else everything in its control groups (the embedded
//! engine included) against their limits; else everything on the machine against what that has: beyond it the system would
//! kill something.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::telemetry::Metrics;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// Of a machine without other limits, so many bytes that are left last are watched: 5 % of a large machine would be many.
const LAST: u64 = 8 << 30;

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
    /// Control groups with a limit, each within the next.
    Groups(Vec<Group>),
    /// All memory of the machine, by the text of this file.
    Machine(PathBuf),
}

/// The folder of a control group, and names of files there.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    files: &'static GroupFiles,
}

#[derive(Debug)]
struct GroupFiles {
    used: &'static str,
    limit: &'static str,
    /// Line of `memory.stat` with what was read from disk and is not in use: it is given back when memory is wanted.
    inactive: &'static str,
}

/// "Memory" in Documentation/admin-guide/cgroup-v2.rst of Linux.
const VERSION_2: GroupFiles = GroupFiles {
    used: "memory.current",
    limit: "memory.max",
    inactive: "inactive_file ",
};
/// Documentation/admin-guide/cgroup-v1/memory.rst.
const VERSION_1: GroupFiles = GroupFiles {
    used: "memory.usage_in_bytes",
    limit: "memory.limit_in_bytes",
    inactive: "total_inactive_file ",
};

impl Memory {
    /// Looks at the memory from now on; `limit` is in bytes, 0 for that of the control groups or the machine. The task is
    /// `None` where the system tells of none. What is watched is told in `memory_limit_bytes`.
    pub fn watch(limit: u64, metrics: Metrics) -> (Self, Option<JoinHandle<()>>) {
        let memory = Self::default();
        let Some((source, limit_bytes)) = Source::find(limit).and_then(|source| {
            let (_, limit) = source.read()?;
            Some((source, limit))
        }) else {
            warn!("memory is not watched, since the system tells of no limit: set memory_limit_bytes");
            return (memory, None);
        };
        let of = source.name();
        metrics.memory_limit.with_label_values(&[of]).set(limit_bytes as i64);
        info!(of, limit_bytes, "memory is watched");
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
                    warn!(used, limit, of, state = ?next, "memory runs short");
                } else if next < state {
                    info!(used, limit, of, state = ?next, "there is memory again");
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
    /// What is measured; `limit` is that of this process, 0 for none.
    fn find(limit: u64) -> Option<Self> {
        if limit > 0 {
            return Some(Self::Process(limit));
        }
        let memory = PathBuf::from("/proc/meminfo");
        let (_, most) = machine(&fs::read_to_string(&memory).ok()?)?;
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let groups = groups(&own, Path::new("/sys/fs/cgroup"), most);
        Some(if groups.is_empty() {
            Self::Machine(memory)
        } else {
            Self::Groups(groups)
        })
    }

    /// What the limit is of.
    const fn name(&self) -> &'static str {
        match self {
            Self::Process(_) => "setting",
            Self::Groups(_) => "control group",
            Self::Machine(_) => "machine",
        }
    }

    /// Bytes in use, and the limit; `None` where there is none.
    fn read(&self) -> Option<(u64, u64)> {
        match self {
            Self::Process(limit) => Some((resident(&fs::read_to_string("/proc/self/status").ok()?)?, *limit)),
            // The one that is fullest is the first to run out.
            Self::Groups(groups) => groups.iter().filter_map(Group::read).max_by(|one, other| {
                let share = |(used, limit): &(u64, u64)| *used as f64 / *limit as f64;
                share(one).total_cmp(&share(other))
            }),
            Self::Machine(file) => {
                let (available, most) = machine(&fs::read_to_string(file).ok()?)?;
                let watched = most.min(LAST);
                Some((watched - available.min(watched), watched))
            }
        }
    }
}

impl Group {
    fn read(&self) -> Option<(u64, u64)> {
        let number = |name: &str| {
            fs::read_to_string(self.folder.join(name))
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        };
        let stat = fs::read_to_string(self.folder.join("memory.stat")).ok()?;
        let inactive = stat.lines().find_map(|line| line.strip_prefix(self.files.inactive));
        let inactive = inactive.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let limit = number(self.files.limit).filter(|limit| *limit > 0)?;
        Some((number(self.files.used)?.saturating_sub(inactive), limit))
    }
}

/// This process's control groups that have a limit below what the machine has, by the text of `/proc/self/cgroup`. In a
/// container the names may be those of the machine, of which only the root is to be seen, as the container's own.
fn groups(own: &str, mount: &Path, most: u64) -> Vec<Group> {
    let mut found = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, files) = if controllers.is_empty() {
            (mount.to_owned(), &VERSION_2)
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (mount.join("memory"), &VERSION_1)
        } else {
            continue;
        };
        for path in Path::new(path.trim_start_matches('/')).ancestors() {
            let group = Group {
                folder: root.join(path),
                files,
            };
            if group.read().is_some_and(|(_, limit)| limit < most) {
                found.push(group);
            }
        }
    }
    found
}

/// Bytes that the machine can give without taking them from others, and those that it has, by the text of `/proc/meminfo`.
fn machine(meminfo: &str) -> Option<(u64, u64)> {
    Some((bytes(meminfo, "MemAvailable:")?, bytes(meminfo, "MemTotal:")?))
}

/// Resident bytes by the text of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    bytes(status, "VmRSS:")
}

/// What such a text says in kilobytes.
fn bytes(text: &str, name: &str) -> Option<u64> {
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(name))?;
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
    fn groups_are_measured_without_the_files_that_can_be_given_back() {
        for (case, own, root, files, used) in [
            ("version 2", "0::/a.slice/b", "", VERSION_2, "inactive_file"),
            (
                "version 1",
                "9:cpu:/x\n4:memory:/a.slice/b\n0::/",
                "memory",
                VERSION_1,
                "total_inactive_file",
            ),
        ] {
            let mount = tempfile::tempdir().unwrap();
            let within = |group: &str| mount.path().join(root).join(group);
            let write = |group: &str, current: u64, limit: &str| {
                let folder = within(group);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(files.used), format!("{current}\n")).unwrap();
                fs::write(
                    folder.join("memory.stat"),
                    format!("anon 5\n{used} 300\nactive_file 7\n"),
                )
                .unwrap();
                fs::write(folder.join(files.limit), format!("{limit}\n")).unwrap();
            };
            let read = || Source::Groups(groups(own, mount.path(), 1 << 40)).read();
            assert_eq!(read(), None, "{case}: nothing is there");
            write("a.slice/b", 1000, "max");
            assert_eq!(read(), None, "{case}: no limit");
            write("a.slice/b", 1000, "9223372036854771712");
            assert_eq!(read(), None, "{case}: more than the machine has");
            write("a.slice/b", 1000, "2000");
            assert_eq!(read(), Some((700, 2000)), "{case}");
            write("a.slice", 2500, "3000");
            assert_eq!(read(), Some((2200, 3000)), "{case}: the one around it is fuller");
            write("a.slice", 2500, "8000");
            assert_eq!(read(), Some((700, 2000)), "{case}: it is not");
            // As a container sees it that does not know its name: only the root is there.
            fs::remove_dir_all(within("a.slice")).unwrap();
            write("", 1000, "4000");
            assert_eq!(read(), Some((700, 4000)), "{case}: in a container");
        }
    }

    #[test]
    fn of_a_machine_the_last_bytes_are_watched() {
        const GIB: u64 = 1 << 20;
        for (total, available, expected) in [
            (4 * GIB, GIB, (3 << 30, 4 << 30)),
            (256 * GIB, 128 * GIB, (0, LAST)),
            (256 * GIB, 2 * GIB, (6 << 30, LAST)),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("meminfo");
            fs::write(
                &file,
                format!("MemTotal: {total} kB\nMemFree: 1 kB\nMemAvailable:  {available} kB\n"),
            )
            .unwrap();
            assert_eq!(Source::Machine(file).read(), Some(expected), "{available} of {total}");
        }
    }

    #[test]
    fn something_is_watched_without_a_setting() {
        let source = Source::find(0).expect("the machine tells what it has");
        assert_ne!(source.name(), "setting");
        assert!(source.read().is_some());
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
            let watched = metrics.memory_limit.with_label_values(&["setting"]).get();
            assert_eq!(watched, limit as i64);
            task.unwrap().abort();
        }
    }
}
