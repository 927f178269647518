//! A spool whose disk is full, cannot be written, or is none.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::collector::{Collector, finished};
use crate::support::sender::Sender;
use crate::support::{disk, eventually};

/// Much smaller than the spool may become by its settings.
const DISK: &str = "size=24m";

/// A collector whose spool has a small disk, and whose store has another one.
async fn start(folder: &Path, arguments: &[&str]) -> Collector {
    let spool = folder.join("spool");
    std::fs::create_dir(&spool).unwrap();
    let collector = Collector::start_as(disk::command(&spool, DISK), folder, arguments).await;
    collector.ready().await;
    collector
}

async fn ready(collector: &Collector) -> (StatusCode, String) {
    let answer = reqwest::get(format!("{}/readyz", collector.page)).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// Waits until everything that was acknowledged is in the store, where it has to be once.
async fn arrived(collector: &Collector, folder: &Path, calls: u64) {
    collector.drained().await;
    let counted = collector.ask(folder, "SELECT count() FROM toolsight.calls").await;
    assert_eq!(counted, calls, "{}", collector.log());
    let counted = collector
        .ask(folder, "SELECT uniqExact(request_id) FROM toolsight.calls")
        .await;
    assert_eq!(counted, calls, "{}", collector.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_come_again_while_the_disk_is_full_and_all_that_was_acknowledged_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let collector = start(folder.path(), &[]).await;
    let spool = disk::seen_by(&collector, &folder.path().join("spool"));
    let ballast = spool.join("ballast");
    disk::fill(&ballast, 8 << 20);
    let mut sender = Sender::new("sender");
    sender.padding = 256 << 10;
    let engine = collector.engines()[0];
    crate::support::signal(engine, "-STOP");
    let refused = loop {
        let request = sender.request(10);
        let answer = sender.answer(&collector.http, &request).await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        sender.calls += 10;
        assert!(sender.calls < 1000, "the disk is small");
    };
    assert!(sender.calls > 100, "{} calls", sender.calls);
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    let said: Value = refused.json().await.unwrap();
    assert_eq!(said["message"], "the collector's disk is full, send again later");

    let log = collector.log();
    assert_eq!(log.matches("the spool's disk is full").count(), 1, "{log}");
    assert!(log.contains("--spool-folder"), "{log}");
    let (status, reasons) = ready(&collector).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{reasons}");
    assert!(reasons.contains("disk is full"), "{reasons}");
    assert_eq!(collector.metric("toolsight_spool_full_total").await, Some(1.0));
    let page = reqwest::get(&collector.page).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "the rest goes on");
    let segments = std::fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap());
    let segments = segments.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "segment"));
    let bytes: u64 = segments.map(|entry| entry.metadata().unwrap().len()).sum();
    assert_eq!(collector.metric("toolsight_spool_bytes").await, Some(bytes as f64));

    std::fs::remove_file(&ballast).unwrap();
    eventually("room is noticed without a request", || async {
        (ready(&collector).await.0 == StatusCode::OK).then_some(())
    })
    .await;
    sender.send(&collector.http, 10).await;
    crate::support::signal(engine, "-CONT");
    arrived(&collector, folder.path(), sender.calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_about_batches_waits_for_room_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let collector = start(folder.path(), &["--batch-milliseconds", "1"]).await;
    let mut sender = Sender::new("sender");
    sender.send(&collector.http, 1).await;
    let spool = disk::seen_by(&collector, &folder.path().join("spool"));
    let ballast = spool.join("ballast");
    // Others take also what the spool leaves to them.
    disk::fill(&ballast, 24 << 20);
    // There is still room in the segment; each batch of a call needs some in the journal.
    let noted = || collector.log().contains("room for notes");
    while !noted() {
        assert!(sender.calls < 5000, "{}", collector.log());
        sender.send(&collector.http, 1).await;
        eventually(
            "the call is a batch of its own, or there is no room for its notes",
            || async {
                let queued = collector.metric("toolsight_rows_queued").await?;
                (queued == 0.0 || noted()).then_some(())
            },
        )
        .await;
    }
    sender.send(&collector.http, 1).await;
    std::fs::remove_file(&ballast).unwrap();
    arrived(&collector, folder.path(), sender.calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_used_ends_the_program_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let away = "http://127.0.0.1:1";
    let beside = folder.path().join("spool").display().to_string();
    let (place, inside) = (folder.path().join("disk"), folder.path().join("disk/folder"));
    std::fs::create_dir(&place).unwrap();
    let embedded = format!("embedded:{}", inside.display());
    for (case, options, store, spool, expected) in [
        (
            "the spool on a disk that is read-only",
            "size=1m,ro",
            away,
            inside.to_str().unwrap(),
            ["Read-only file system", "--spool-folder"],
        ),
        (
            "the spool on a disk that is full",
            "size=1m,nr_inodes=1",
            away,
            inside.to_str().unwrap(),
            ["No space left on device", "--spool-folder"],
        ),
        (
            "a spool that is a file",
            "size=1m",
            away,
            file.to_str().unwrap(),
            ["File exists", "--spool-folder"],
        ),
        (
            "the store on a disk that is read-only",
            "size=1m,ro",
            &embedded,
            &beside,
            ["Read-only file system", inside.to_str().unwrap()],
        ),
    ] {
        let mut command = disk::command(&place, options);
        command.args(["--store", store, "--spool-folder", spool]);
        for flag in ["--grpc-listen", "--http-listen", "--page-listen"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let output = finished(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{case}: {said}");
        for part in expected {
            assert!(said.contains(part), "{case}: {part:?} is not in {said:?}");
        }
        assert!(!said.contains("panicked"), "{case}: {said}");
    }
}
