//! A server of standard input and output in another language, wrapped.

use std::process::Stdio;
use std::time::Duration;

use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::{installed, program, signal};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The program in front of `server`, with its records sent to `endpoint`.
fn wrapped(endpoint: &str, options: &[&str], server: &[&str]) -> Command {
    let mut command = Command::new(program("toolsight"));
    command
        .arg("wrap")
        .args(["--endpoint", endpoint])
        .args(options)
        .arg("--")
        .args(server);
    command.kill_on_drop(true);
    command
}

fn started(server: &[&str]) -> Child {
    let mut command = wrapped(NOWHERE, &[], server);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_python_server_are_recorded_in_every_era() {
    let collector = Collector::start().await;
    let python = installed("tests/peers/python/venv/bin/python").display().to_string();
    let server = installed("tests/peers/python/server.py").display().to_string();
    for protocol in ["2025-06-18", "2026-07-28"] {
        let mut command = wrapped(
            &collector.grpc,
            &["--user-variable", "WHO"],
            &[&python, &server, "stdio"],
        );
        command.env("WHO", "ada");
        let caller = Caller {
            name: "rusty",
            version: "1.0",
            user: "ada",
        };
        let (transport, _) = TokioChildProcess::builder(command)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = clients::rmcp_over(transport, caller, protocol).await;
        assert_eq!(clients::call(&client, "add", &json!({"a": 1, "b": 2})).await, "ok");
        assert_eq!(clients::call(&client, "fail", &json!({})).await, "tool_error");
        client.cancel().await.unwrap();
    }
    let calls = collector.tool_calls(4).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            ["server", "target", "outcome", "client", "protocol", "user", "transport"].map(|name| call[name].clone())
        })
        .collect();
    let expected = |target: &str, outcome: &str, protocol: &str| {
        ["python-server", target, outcome, "rusty", protocol, "ada", "stdio"].map(Value::from)
    };
    assert_eq!(
        told,
        [
            expected("add", "ok", "2025-06-18"),
            expected("fail", "tool_error", "2025-06-18"),
            expected("add", "ok", "2026-07-28"),
            expected("fail", "tool_error", "2026-07-28"),
        ]
    );
}

#[tokio::test]
async fn every_byte_passes_in_both_directions() {
    let mut bytes = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\nno JSON \xff\xfe\0\n\n".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 3_000_000));
    bytes.extend(b"\nno line end");
    let mut child = started(&["cat"]);
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent = bytes.clone();
    let send = tokio::spawn(async move { input.write_all(&sent).await });
    let mut got = Vec::new();
    output.read_to_end(&mut got).await.unwrap();
    send.await.unwrap().unwrap();
    assert!(got == bytes, "{} bytes of {}", got.len(), bytes.len());
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_line_passes_before_the_next_one_comes() {
    let mut child = started(&["cat"]);
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in ["one", "two"] {
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), line);
    }
    drop(input);
    assert!(lines.next_line().await.unwrap().is_none());
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn it_ends_with_the_status_of_the_server() {
    for (what, server, status) in [
        ("a server that ends well", &["true"][..], 0),
        ("one that fails", &["sh", "-c", "exit 3"], 3),
        ("one that is killed", &["sh", "-c", "kill -9 $$"], 137),
        ("a command that is not there", &["no-such-server"], 127),
        ("a file that is no program", &["/etc/passwd"], 126),
        (
            "one whose child keeps its output",
            &["sh", "-c", "sleep 60 & echo $! >&2; exit 4"],
            4,
        ),
    ] {
        let mut command = wrapped(NOWHERE, &[], server);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The client's side stays open, as that of a client that waits for an answer.
        let _input = child.stdin.take();
        let ended = timeout(Duration::from_secs(30), child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("{what}: it goes on")).unwrap();
        assert_eq!(ended.code(), Some(status), "{what}");
        let mut said = String::new();
        let mut error = child.stderr.take().unwrap();
        // The child of the server has it open.
        let _ = timeout(Duration::from_secs(1), error.read_to_string(&mut said)).await;
        if status == 127 {
            assert!(said.contains("no-such-server cannot be started"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_signal_to_end_reaches_the_server() {
    for (name, status) in [("-TERM", 7), ("-HUP", 8), ("-INT", 9)] {
        let script =
            "trap 'exit 7' TERM; trap 'exit 8' HUP; trap 'exit 9' INT; echo ready; while :; do read line; done";
        let mut child = started(&["sh", "-c", script]);
        let _input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "ready");
        signal(child.id().unwrap(), name);
        let ended = timeout(Duration::from_secs(30), child.wait()).await;
        assert_eq!(ended.unwrap().unwrap().code(), Some(status), "{name}");
    }
}

#[tokio::test]
async fn a_server_ends_when_its_wrapping_is_killed() {
    let mut child = started(&["sh", "-c", "echo $$; exec cat"]);
    let _input = child.stdin.take();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let server: u32 = lines.next_line().await.unwrap().unwrap().parse().unwrap();
    child.kill().await.unwrap();
    crate::support::eventually("the server has ended", || async {
        (!std::path::Path::new(&format!("/proc/{server}")).exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "abc").unwrap();
    let file = file.display().to_string();
    for (options, told) in [
        (&["--users", "hashed"][..], "needs --key-file"),
        (&["--key-file", "/no/such/key"], "read the key in /no/such/key"),
        (&["--key-file", &file], "has to have 64 hexadecimal digits"),
        (&["--header", "authorization"], "has no \"=\""),
        (&["--user-claims", "sub"], "--user-claim"),
        (&["--endpoint", "127.0.0.1:4317:0"], "start the export"),
    ] {
        let mut command = Command::new(program("toolsight"));
        let output = command
            .arg("wrap")
            .args(options)
            .args(["--", "true"])
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(told), "{options:?}: {said}");
    }
}
