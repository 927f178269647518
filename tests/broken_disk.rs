//! A spool whose disk does not keep what was written to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::StatusCode;

use crate::support::collector::{Collector, command};
use crate::support::sender::Sender;
use crate::support::{counts, eventually, root};

/// As much as four requests are a file of the spool, so that all is done with its files that ever is.
const SMALL: [&str; 4] = ["--spool-bytes", "4194304", "--spool-linger-seconds", "0"];
const PADDING: usize = 120 << 10;
/// Errors of Linux by their numbers.
const EIO: i32 = 5;
const EROFS: i32 = 30;

/// The library that lets a disk fail.
fn library(folder: &Path) -> String {
    let library = folder.join("failing_disk.so").display().to_string();
    let source = root().join("tests/support/failing_disk.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o", &library])
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success());
    library
}

/// A collector whose disk fails for these files and calls with this error, while the switch is there.
async fn start(folder: &Path, library: &str, files: &str, calls: &str, error: i32) -> (Collector, PathBuf) {
    let switch = folder.join("failing");
    let mut failing = command();
    failing
        .env("LD_PRELOAD", library)
        .env("FAILING_FILES", files)
        .env("FAILING_CALLS", calls)
        .env("FAILING_ERROR", error.to_string())
        .env("FAILING_SWITCH", &switch);
    let collector = Collector::start_as(failing, folder, &SMALL).await;
    collector.ready().await;
    (collector, switch)
}

/// Every acknowledged call is in the store once, and in every sum.
async fn check(case: &str, collector: &Collector, folder: &Path, sender: &Sender) {
    collector.drained().await;
    for (table, query, expected) in counts::expected(sender.calls, sender.failures()) {
        let count = collector.ask(folder, query).await;
        assert_eq!(count, expected, "{case}, {table}: {}", collector.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_failed_to_keep_is_not_acknowledged_then_or_later() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let (broken, read_only) = (EIO, EROFS);
    let refused = StatusCode::SERVICE_UNAVAILABLE;
    // What was refused is not found in the spool after the start, whatever the system still shows of it.
    for (case, files, calls, error, status, known_already) in [
        ("requests are not kept", ".segment", "sync", broken, refused, 0.0),
        ("requests are not written", ".segment", "write", broken, refused, 0.0),
        (
            "a file is not made anew of an old one",
            ".spare",
            "rename",
            broken,
            refused,
            0.0,
        ),
        (
            "it becomes read-only",
            "/spool/",
            "write rename change",
            read_only,
            refused,
            0.0,
        ),
        ("notes are not kept", "journal", "sync", broken, StatusCode::OK, 10.0),
        (
            "notes are not written",
            "journal",
            "write",
            broken,
            StatusCode::OK,
            10.0,
        ),
    ] {
        let folder = folder.path().join(case);
        std::fs::create_dir(&folder).unwrap();
        let (collector, switch) = start(&folder, &library, files, calls, error).await;
        let mut sender = Sender::new("sender");
        sender.padding = PADDING;
        for _ in 0..20 {
            sender.send(&collector.http, 10).await;
        }
        collector.drained().await;

        std::fs::write(&switch, "").unwrap();
        let (request, answer) = loop {
            let request = sender.request(10);
            let answer = sender.answer(&collector.http, &request).await.unwrap();
            // A file is begun with one of the next.
            if answer.status() != StatusCode::OK || calls != "rename" {
                break (request, answer);
            }
            sender.calls += 10;
            assert!(sender.calls < 1000, "{case}: the spool is small");
        };
        assert_eq!(answer.status(), status, "{case}: {}", collector.log());
        let (ended, log) = collector.ended().await;
        assert_eq!(ended.code(), Some(1), "{case}: {log}");
        let said = if status == refused {
            "the spool cannot be written"
        } else {
            "the spool cannot be read"
        };
        let cause = std::io::Error::from_raw_os_error(error).to_string();
        assert!(log.contains(said) && log.contains(&cause), "{case}: {log}");

        std::fs::remove_file(&switch).unwrap();
        let collector = Collector::start_in(&folder, &SMALL).await;
        collector.ready().await;
        // The sender has heard nothing good, or nothing at all.
        assert_eq!(
            sender.post(&collector.http, &request).await,
            Some(StatusCode::OK),
            "{case}"
        );
        sender.calls += 10;
        let known = collector.metric("toolsight_spans_duplicate_total").await;
        assert_eq!(known, Some(known_already), "{case}");
        check(case, &collector, &folder, &sender).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_put_away_take_room_until_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let (collector, switch) = start(folder.path(), &library, ".segment", "rename", EIO).await;
    std::fs::write(&switch, "").unwrap();
    let mut sender = Sender::new("sender");
    sender.padding = PADDING;
    let mut full = async || loop {
        let answer = sender.answer(&collector.http, &sender.request(10)).await.unwrap();
        if answer.status() != StatusCode::OK {
            return answer.status();
        }
        sender.calls += 10;
        assert!(sender.calls < 1000, "the spool is small");
    };
    assert_eq!(full().await, StatusCode::TOO_MANY_REQUESTS);
    collector.drained().await;
    let told = || {
        collector
            .log()
            .matches("a segment of the spool cannot be removed")
            .count()
    };
    eventually("the first file cannot be put away", async || (told() > 0).then_some(())).await;
    assert_eq!(
        full().await,
        StatusCode::TOO_MANY_REQUESTS,
        "nothing of it is done with"
    );
    std::fs::remove_file(&switch).unwrap();
    sender.send(&collector.http, 10).await;
    assert_eq!(told(), 1, "{}", collector.log());
    check("it goes on", &collector, folder.path(), &sender).await;
}
