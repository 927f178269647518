//! A collector that may have few files open, or no more than it has.

use std::collections::BTreeMap;
use std::process::Command as Program;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::collector::{Collector, command};
use crate::support::remote::Remote;
use crate::support::sender::Sender;
use crate::support::{counts, eventually, program};

/// Bytes of a request that nothing is stored of, so that a segment is soon full.
const PADDING: usize = 256 << 10;
/// The spool's bound, of which each segment takes an eighth.
const SPOOL: [&str; 2] = ["--spool-bytes", "33554432"];

/// Lets a running program have so many files open, below what it may allow itself.
fn allow(collector: &Collector, files: u64) {
    let status = Program::new("prlimit")
        .args(["--pid", &collector.id().to_string(), &format!("--nofile={files}:")])
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_leave_files_to_the_spool_and_the_store() {
    let folder = tempfile::tempdir().unwrap();
    // Elsewhere, since the embedded one would have as few.
    let mut store = Remote::new();
    store.start().await;
    let mut few = Command::new("prlimit");
    few.arg("--nofile=128:128").arg(program("toolsight-collector"));
    let location = store.location();
    let arguments = [&["--store", &*location], &SPOOL[..]].concat();
    let collector = Collector::start_as(few, folder.path(), &arguments).await;
    collector.ready().await;
    let mut sender = Sender::new("sender");
    sender.padding = PADDING;
    sender.send(&collector.http, 10).await;

    let mut idle = Vec::new();
    for number in 0..200 {
        let address = [&collector.grpc, &collector.http, &collector.page][number % 3];
        idle.push(TcpStream::connect(address.trim_start_matches("http://")).await.unwrap());
    }
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    while sender.calls < 1500 {
        let request = sender.request(10);
        let answer = eventually("the collector answers", async || {
            sender.answer(&collector.http, &request).await
        })
        .await;
        let status = answer.status();
        let said = match status {
            StatusCode::OK => String::new(),
            _ => answer.json::<Value>().await.unwrap()["message"].to_string(),
        };
        if status == StatusCode::OK {
            sender.calls += 10;
        } else {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{said}: {}", collector.log());
        }
        *answers.entry(said).or_default() += 1;
    }
    drop(idle);

    collector.drained().await;
    let said = collector.api("collector").await["problems"].to_string();
    assert!(said.contains("allows 128 open files"), "{said}");
    assert!(collector.log().contains("LimitNOFILE"), "{}", collector.log());
    for (table, query, expected) in counts::expected(sender.calls, sender.failures()) {
        assert_eq!(
            store.ask(query).await,
            expected,
            "{table}: {answers:?} {}",
            collector.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_come_again_while_no_file_can_be_opened_and_all_that_was_acknowledged_arrives() {
    let folder = tempfile::tempdir().unwrap();
    // No batch is made for now, so that there are files that have to be opened to be read.
    let batches = ["--batch-rows", "500", "--batch-milliseconds", "10000"];
    let collector = Collector::start_as(command(), folder.path(), &[&SPOOL[..], &batches].concat()).await;
    collector.ready().await;
    let mut sender = Sender::new("sender");
    sender.padding = PADDING;
    while sender.calls < 490 {
        sender.send(&collector.http, 10).await;
    }
    // New connections need files as well.
    let (page, path) = (Client::new(), format!("{}/readyz", collector.page));
    let ready = || async { page.get(&path).send().await.unwrap() };
    ready().await.bytes().await.unwrap();

    allow(&collector, 10);
    let refused = loop {
        let request = sender.request(10);
        let answer = sender.answer(&collector.http, &request).await;
        let answer = answer.unwrap_or_else(|| panic!("no answer: {}", collector.log()));
        if answer.status() != StatusCode::OK {
            break answer;
        }
        sender.calls += 10;
        assert!(sender.calls < 1000, "a segment is small");
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    let said: Value = refused.json().await.unwrap();
    assert_eq!(
        said["message"],
        "the collector has too many files open, send again later"
    );
    let told = ready().await;
    assert_eq!(
        told.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "{:?}",
        told.text().await
    );
    assert!(collector.log().contains("LimitNOFILE"), "{}", collector.log());
    eventually("the reader waits for files as well", || async {
        collector
            .log()
            .contains("nothing goes to the store before")
            .then_some(())
    })
    .await;

    allow(&collector, 1024);
    eventually("files are noticed without a request", || async {
        (ready().await.status() == StatusCode::OK).then_some(())
    })
    .await;
    sender.send(&collector.http, 10).await;
    collector.drained().await;
    for (table, query, expected) in counts::expected(sender.calls, sender.failures()) {
        let counted = collector.ask(folder.path(), query).await;
        assert_eq!(counted, expected, "{table}: {}", collector.log());
    }
}
