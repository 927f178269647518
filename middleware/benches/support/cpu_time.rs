//! CPU time of a process by thread.

use std::fmt::Display;
use std::fs;

/// Nanoseconds of CPU time of all threads of `process`, an id or `self`, for whose name `counts` holds.
pub(crate) fn cpu_time(process: impl Display, counts: impl Fn(&str) -> bool) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("Linux tells of threads");
    threads
        .filter_map(|thread| {
            let thread = thread.ok()?.path();
            let name = fs::read_to_string(thread.join("comm")).ok()?;
            let time = fs::read_to_string(thread.join("schedstat")).ok()?;
            counts(name.trim()).then(|| time.split(' ').next()?.parse::<u64>().ok())?
        })
        .sum()
}
