//! What the tests share: the collector's program, a wrapped MCP server, and the clients.

pub(crate) mod clients;
pub(crate) mod collector;
pub(crate) mod counts;
pub(crate) mod disk;
pub(crate) mod remote;
pub(crate) mod sender;
pub(crate) mod server;
pub(crate) mod store;

use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files that git knows or would add, with their text.
pub(crate) fn tracked(endings: &[&str]) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "git cannot list the files");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let wanted = listed
        .lines()
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    wanted
        .filter_map(|path| Some((path.to_owned(), std::fs::read_to_string(root().join(path)).ok()?)))
        .collect()
}

/// A program that `cargo build` has put beside this test, or into the folder that `TOOLSIGHT_PROGRAMS` names.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = std::env::var_os("TOOLSIGHT_PROGRAMS")
        .map_or(path, PathBuf::from)
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run tests/run, or `cargo build -p toolsight-collector -p toolsight --features toolsight/cli`",
        path.display()
    );
    path
}

/// A file that `tests/run` installs; the message says so where it is missing.
pub(crate) fn installed(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(path.exists(), "{} is missing: tests/run installs it", path.display());
    path
}

/// The number that a variable of the environment has, if it is there.
pub(crate) fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}

/// Resident memory of a process in bytes; 0 once it has ended.
pub(crate) fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) else {
        return 0;
    };
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Sends a signal to a process, which has to be there.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Asks again until `ready` yields something; panics with `what` when it takes longer than half a minute.
pub(crate) async fn eventually<T, F>(what: &str, ready: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(Duration::from_secs(30), what, ready).await
}

/// Asks again until `ready` yields something; panics with `what` when it takes longer than `limit`.
pub(crate) async fn within<T, F>(limit: Duration, what: &str, mut ready: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = ready().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
