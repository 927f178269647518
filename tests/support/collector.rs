//! The collector as its users run it: a process of its own.

use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{eventually, program, within};

/// Within this time an engine has started, also on a machine that has much else to do.
const STARTED: Duration = Duration::from_secs(90);
/// Within this time a collector has tried again, and the store has started.
const RETRIED: Duration = Duration::from_secs(90);

/// A running collector; it is stopped and its folder removed at the end.
pub(crate) struct Collector {
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) grpc: String,
    pub(crate) http: String,
    pub(crate) page: String,
    _temporary: Option<TempDir>,
}

impl Collector {
    /// A collector with an embedded store in a folder of its own, on free ports.
    pub(crate) async fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut collector = Self::start_in(temporary.path(), &[]).await;
        collector._temporary = Some(temporary);
        collector.ready().await;
        collector
    }

    /// A collector whose embedded store is in `folder` unless `arguments` say otherwise.
    pub(crate) async fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_as(command(), folder, arguments).await
    }

    /// The same, by a command that becomes the program.
    pub(crate) async fn start_as(mut command: Command, folder: &Path, arguments: &[&str]) -> Self {
        command.kill_on_drop(true).stdin(Stdio::null());
        let store = format!("embedded:{}", folder.join("store").display());
        let spool = folder.join("spool").display().to_string();
        let anywhere = "127.0.0.1:0";
        let defaults = [
            ("--store", &*store),
            ("--spool-folder", &*spool),
            ("--grpc-listen", anywhere),
            ("--http-listen", anywhere),
            ("--page-listen", anywhere),
        ];
        for (flag, value) in defaults.iter().filter(|(flag, _)| !arguments.contains(flag)) {
            command.args([flag, value]);
        }
        let mut process = command
            .args(["--log-format", "json"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let keep = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                keep.lock().unwrap().push(line);
            }
        });
        let listening = within(STARTED, "the collector says where it listens, or ends", || {
            let log = log.lock().unwrap();
            let line = log.iter().find(|line| line.contains("\"listening\""));
            let ended = process.try_wait().unwrap();
            assert!(line.is_some() || ended.is_none(), "{ended:?}: {}", log.join("\n"));
            std::future::ready(line.map(|line| serde_json::from_str::<Value>(line).unwrap()))
        });
        let listening = listening.await;
        let address = |name: &str| format!("http://{}", listening[name].as_str().unwrap());
        Self {
            grpc: address("grpc"),
            http: address("http"),
            page: address("page"),
            process,
            log,
            _temporary: None,
        }
    }

    /// Waits until the store answers.
    pub(crate) async fn ready(&self) {
        eventually("the store is ready", || async {
            let answer = reqwest::get(format!("{}/readyz", self.page)).await.ok()?;
            let ready = answer.json::<Value>().await.ok()?;
            (ready["state"] == "ready").then_some(())
        })
        .await;
    }

    /// What the API answers, whatever the status.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}/api/v1/{path}", self.page)).await.unwrap();
        answer.json().await.unwrap()
    }

    /// The recorded calls of tools once there are at least `count` of them, oldest first.
    pub(crate) async fn tool_calls(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} calls of tools are stored"), || async {
            let answer = self.api("calls?range=1h&limit=1000").await;
            let calls = answer["calls"]
                .as_array()?
                .iter()
                .rev()
                .filter(|call| call["method"] == "tools/call");
            let calls: Vec<Value> = calls.cloned().collect();
            // The store shows calls before their sums: a batch is in as a whole when nothing waits any more.
            let waiting = self.metric("toolsight_rows_queued").await?;
            (calls.len() >= count && waiting == 0.0).then_some(calls)
        })
        .await
    }

    /// A metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = reqwest::get(format!("{}/metrics", self.page))
            .await
            .ok()?
            .text()
            .await
            .ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line?.trim().parse().ok()
    }

    /// Port of the embedded engine's HTTP interface.
    pub(crate) fn store_port(&self) -> u16 {
        let log = self.log.lock().unwrap();
        let line = log
            .iter()
            .find(|line| line.contains("embedded engine started"))
            .unwrap();
        let started: Value = serde_json::from_str(line).unwrap();
        started["address"]
            .as_str()
            .unwrap()
            .rsplit_once(':')
            .unwrap()
            .1
            .parse()
            .unwrap()
    }

    /// Waits until no row waits for the store, however many there are, as long as they become fewer.
    pub(crate) async fn drained(&self) {
        let mut waiting = f64::INFINITY;
        while waiting > 0.0 {
            // A batch that failed a few times in a row is sent again after half a minute at the latest.
            waiting = within(RETRIED, &format!("fewer than {waiting} rows wait"), || async {
                let now = self.metric("toolsight_rows_queued").await?;
                (now < waiting).then_some(now)
            })
            .await;
        }
    }

    /// Waits until the store has taken more than this process has brought to it so far.
    pub(crate) async fn stores_more(&self) {
        let inserted = || self.metric("toolsight_rows_inserted_total");
        let before = inserted().await.unwrap();
        within(RETRIED, "the store takes rows", || async {
            (inserted().await? > before).then_some(())
        })
        .await;
    }

    /// The number that the store embedded in `folder` answers with.
    pub(crate) async fn ask(&self, folder: &Path, query: &str) -> u64 {
        let password = std::fs::read_to_string(folder.join("store/reader.password")).unwrap();
        let url = format!("http://127.0.0.1:{}", self.store_port());
        let client = reqwest::Client::new();
        let asked = client
            .post(url)
            .basic_auth("reader", Some(password.trim()))
            .body(query.to_owned());
        let answer = asked.send().await.unwrap().text().await.unwrap();
        let count = answer.trim().parse();
        count.unwrap_or_else(|_| panic!("{query}: {answer}"))
    }

    /// Changes something in the embedded store, as the user of the collector itself.
    pub(crate) async fn write(&self, folder: &Path, statement: String) {
        let access = std::fs::read_to_string(folder.join("store/engine.access")).unwrap();
        let password = access.lines().last().unwrap();
        let url = format!("http://127.0.0.1:{}", self.store_port());
        let client = reqwest::Client::new();
        let sent = client
            .post(url)
            .basic_auth("writer", Some(password))
            .body(statement)
            .send();
        let answer = sent.await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// What has been logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Process ids of the engine, which is a child of the collector.
    pub(crate) fn engines(&self) -> Vec<u32> {
        children(self.process.id().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Waits until it ends by itself; also gives what it has logged.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.process.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it goes on: {}", self.log())).unwrap();
        (status, self.log())
    }

    /// Kills the collector as the system would, and waits for its end.
    pub(crate) async fn kill(mut self) -> Option<TempDir> {
        self.process.kill().await.unwrap();
        self._temporary.take()
    }
}

/// The program, killed when the test ends.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program("toolsight-collector"));
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Runs the program with `arguments` until it ends by itself.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let mut command = command();
    command.args(arguments);
    finished(command).await
}

/// Runs a command that becomes the program until it ends by itself.
pub(crate) async fn finished(mut command: Command) -> Output {
    let output = command.kill_on_drop(true).stdin(Stdio::null()).output();
    tokio::time::timeout(Duration::from_secs(30), output)
        .await
        .expect("the program has not ended")
        .unwrap()
}

/// The processes whose parent is `parent`.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name in brackets may have spaces; the parent is the second field behind it.
        stat.rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok())
            == Some(parent)
    })
    .collect()
}
