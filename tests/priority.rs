//! Who goes first where processors are short, as the operating system has it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::support::collector::Collector;
use crate::support::program;

/// SCHED_OTHER and SCHED_RR of `sched(7)`.
const SHARED: u32 = 0;
const REAL_TIME: u32 = 2;

/// The scheduling of a process's threads by their names.
fn threads(process: u32) -> BTreeMap<String, u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let policy = |task: std::io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        // The name stands in brackets, and may have blanks in it; the policy is the 41st field, see `proc_pid_stat(5)`.
        let (name, fields) = (stat.split_once('(')?.1).rsplit_once(')')?;
        Some((name.to_owned(), fields.split_whitespace().nth(38)?.parse().unwrap()))
    };
    tasks.filter_map(policy).collect()
}

/// Whether this process may ask for it.
fn permitted() -> bool {
    Command::new("chrt")
        .args(["--rr", "1", "true"])
        .status()
        .unwrap()
        .success()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_before_all_else_where_that_is_asked_for_and_nothing_else_does() {
    for (setting, requests) in [("shared", SHARED), ("real-time", REAL_TIME)] {
        if requests == REAL_TIME && !permitted() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::start_in(folder.path(), &["--priority", setting]).await;
        collector.ready().await;
        let own = threads(collector.id());
        assert_eq!(own["spool"], requests, "{setting}: {own:?}");
        assert_eq!(own["tokio-rt-worker"], requests, "{setting}: {own:?}");
        assert_eq!(own["inserter"], SHARED, "{setting}: {own:?}");
        let engines = collector.engines();
        assert_eq!(engines.len(), 1);
        for (thread, policy) in threads(engines[0]) {
            assert_eq!(policy, SHARED, "{setting}: the engine's {thread}");
        }
        collector.kill().await;
    }
}

#[test]
fn who_may_not_go_first_is_told_what_to_do() {
    let collector = program("toolsight-collector");
    let mut command = match permitted() {
        true => Command::new("setpriv"),
        false => Command::new(&collector),
    };
    if permitted() {
        command.arg("--bounding-set=-sys_nice").arg(&collector);
    }
    let output = command.args(["--priority", "real-time"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("is not permitted") && told.contains("LimitRTPRIO=1"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(1));
}
