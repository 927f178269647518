//! What breaks on the way must not be felt by the server, must be counted, and must heal by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::clients::{self, Caller};
use crate::support::collector::{Collector, children};
use crate::support::sender::Sender;
use crate::support::server::Server;
use crate::support::{eventually, resident, signal};

const CALLER: Caller = Caller {
    name: "rusty",
    version: "1.0",
    user: "ada",
};

/// Calls `echo` so many times and returns the median duration.
async fn calls(server: &Server, count: usize) -> Duration {
    let client = clients::rmcp(&server.url, CALLER, "2026-07-28").await;
    let mut durations = Vec::new();
    for _ in 0..count {
        let begin = Instant::now();
        assert_eq!(clients::call(&client, "echo", &json!({"text": "x"})).await, "ok");
        durations.push(begin.elapsed());
    }
    durations.sort();
    durations[count / 2]
}

fn kill(process: u32) {
    signal(process, "-9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_comes_back_and_no_call_is_missing() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    calls(&server, 50).await;
    let engines = collector.engines();
    assert_eq!(engines.len(), 1, "the engine is the collector's child");
    kill(engines[0]);
    let during = calls(&server, 50).await;
    assert!(
        during < Duration::from_millis(200),
        "a call took {during:?} while the engine was down"
    );
    let told = collector.tool_calls(100).await;
    assert_eq!(told.len(), 100, "every call once");
    assert_ne!(collector.engines(), engines, "a new engine runs");
    let status = collector.api("status").await;
    assert_eq!(
        (&status["store"]["state"], &status["rows"]["lost"]),
        (&json!("ready"), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_killed_is_missed_by_nobody_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let server = Server::start(&collector.grpc).await;
    let before = calls(&server, 50).await;
    collector.tool_calls(50).await;
    let (grpc, engines) = (collector.grpc.clone(), collector.engines());
    collector.kill().await;
    eventually("the engine ends with its collector", || async {
        engines
            .iter()
            .all(|id| !std::path::Path::new(&format!("/proc/{id}")).exists())
            .then_some(())
    })
    .await;
    let during = calls(&server, 50).await;
    assert!(
        during < before * 5 + Duration::from_millis(50),
        "{before:?} before, {during:?} without a collector"
    );
    let address = grpc.trim_start_matches("http://");
    let collector = Collector::start_in(folder.path(), &["--grpc-listen", address]).await;
    let told = collector.tool_calls(100).await;
    assert_eq!(
        told.len(),
        100,
        "what was recorded without a collector has been kept and sent"
    );
    assert_eq!(server.toolsight.dropped().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    // A port where nothing listens by now.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let store = format!("http://127.0.0.1:{port}/toolsight");
    let collector = Collector::start_in(folder.path(), &["--store", &store]).await;
    let server = Server::start(&collector.grpc).await;
    calls(&server, 20).await;
    server.toolsight.flush().await;
    let status = collector.api("status").await;
    assert_eq!(status["store"]["state"], "unreachable", "{status}");
    assert!(
        status["store"]["error"].as_str().unwrap().contains(&port.to_string()),
        "{status}"
    );
    let queued = eventually("the calls wait for the store", || async {
        collector.api("status").await["rows"]["queued"]
            .as_u64()
            .filter(|queued| *queued >= 20)
    })
    .await;
    assert!(queued >= 20);
    let page = reqwest::get(format!("{}/api/v1/overview", collector.page))
        .await
        .unwrap();
    assert_eq!(page.status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_told_to_end_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let server = Server::start(&collector.grpc).await;
    calls(&server, 10).await;
    server.toolsight.flush().await;
    let (id, engines) = (collector.id(), collector.engines());
    assert!(
        Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()
            .unwrap()
            .success()
    );
    eventually("collector and engine end", || async {
        let gone = |id: &u32| !std::path::Path::new(&format!("/proc/{id}/exe")).exists();
        (gone(&id) && engines.iter().all(gone) && children(id).is_empty()).then_some(())
    })
    .await;
    drop(collector);
    let collector = Collector::start_in(folder.path(), &[]).await;
    assert_eq!(
        collector.tool_calls(10).await.len(),
        10,
        "what was waiting has been stored before the end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_held_up_by_a_full_spool_and_nothing_of_what_was_acknowledged_is_missing() {
    const SPOOL: u64 = 64 << 20;
    // What is promised at any time, see docs/sizing.md.
    const MEMORY: u64 = 150 << 20;
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &["--spool-bytes", &SPOOL.to_string()]).await;
    collector.ready().await;
    let mut sender = Sender::new("sender");
    sender.padding = 1 << 20;
    sender.send(&collector.http, 10).await;
    let engine = collector.engines()[0];
    // It is there and does not answer.
    signal(engine, "-STOP");
    let before = resident(collector.id());
    let refused = loop {
        let request = sender.request(10);
        match sender.post(&collector.http, &request).await {
            Some(status) if status.is_success() => sender.calls += 10,
            status => break status,
        }
        assert!(sender.calls < 1000, "the spool is bounded");
    };
    assert_eq!(refused.map(|status| status.as_u16()), Some(429));
    assert!(sender.calls > 300, "{} calls", sender.calls);
    let grown = resident(collector.id()).saturating_sub(before);
    assert!(grown < SPOOL / 2, "{grown} bytes of memory for what lies on disk");
    assert!(collector.metric("toolsight_spool_bytes").await.unwrap() <= SPOOL as f64);
    let ready = reqwest::get(format!("{}/readyz", collector.page)).await.unwrap();
    assert_eq!(ready.status(), 503, "a spool that is full is a reason to go elsewhere");

    signal(engine, "-CONT");
    sender.send(&collector.http, 10).await;
    let told = collector.tool_calls(sender.calls as usize).await;
    assert_eq!(told.len() as u64, sender.calls, "every call once");
    let most = resident(collector.id());
    assert!(
        most < MEMORY,
        "{most} bytes of memory after all of it went to the store"
    );
    let ready = reqwest::get(format!("{}/readyz", collector.page)).await.unwrap();
    assert_eq!(ready.status(), 200);
}
