//! A spool whose disk does not keep what was written to it.

use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;

use crate::support::collector::{Collector, command};
use crate::support::sender::Sender;
use crate::support::{counts, root};

/// The library that lets waits for the disk fail.
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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_failed_to_keep_is_not_acknowledged_then_or_later() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    for (case, files, status, said, known_already) in [
        (
            "requests",
            ".segment",
            StatusCode::SERVICE_UNAVAILABLE,
            "the spool cannot be written",
            // What was refused is not found in the spool after the start, whatever the system still shows of it.
            0.0,
        ),
        (
            "notes about batches",
            "journal",
            StatusCode::OK,
            "the spool cannot be read",
            10.0,
        ),
    ] {
        let folder = folder.path().join(case);
        std::fs::create_dir(&folder).unwrap();
        let switch = folder.join("failing");
        let mut failing = command();
        failing
            .env("LD_PRELOAD", &library)
            .env("FAILING_FILES", files)
            .env("FAILING_SWITCH", &switch);
        let collector = Collector::start_as(failing, &folder, &[]).await;
        collector.ready().await;
        let mut sender = Sender::new("sender");
        for _ in 0..20 {
            sender.send(&collector.http, 10).await;
        }
        collector.drained().await;

        std::fs::write(&switch, "").unwrap();
        let request = sender.request(10);
        let answer = sender.answer(&collector.http, &request).await.unwrap();
        assert_eq!(answer.status(), status, "{case}: {}", collector.log());
        let (ended, log) = collector.ended().await;
        assert_eq!(ended.code(), Some(1), "{case}: {log}");
        assert!(
            log.contains(said) && log.contains("Input/output error"),
            "{case}: {log}"
        );

        std::fs::remove_file(&switch).unwrap();
        let collector = Collector::start_in(&folder, &[]).await;
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
        collector.drained().await;
        for (table, query, expected) in counts::expected(sender.calls, sender.failures()) {
            let count = collector.ask(&folder, query).await;
            assert_eq!(count, expected, "{case}, {table}: {}", collector.log());
        }
    }
}
