//! The README's first command: it shows what it promises, and leaves nothing behind.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::collector::{children, command};
use crate::support::eventually;

async fn ask(page: &str, path: &str) -> Option<Value> {
    reqwest::get(format!("{page}/api/v1/{path}?range=15m"))
        .await
        .ok()?
        .json()
        .await
        .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_its_two_bugs_and_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", folder.path().display());
    let begin = Instant::now();
    let mut demo = command()
        .args(["demo", "--store", &store, "--grpc-listen", "127.0.0.1:0"])
        .args(["--http-listen", "127.0.0.1:0", "--page-listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut page = None;
    while page.is_none() {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the demo says where its page is");
        let address = line.strip_prefix("Toolsight is running: ");
        page = address.and_then(|address| Some(address.split_once("/#")?.0.to_owned()));
    }
    let page = page.unwrap();

    eventually("the flaky tool is marked", || async {
        let tools = ask(&page, "tools").await?;
        let order = tools["tools"]
            .as_array()?
            .iter()
            .find(|tool| tool["tool"] == "place_order")?;
        (order["state"] == "flaky").then_some(())
    })
    .await;
    assert!(begin.elapsed() < Duration::from_secs(120));
    let broken_for = |clients: &[Value]| -> Vec<String> {
        let breaks = |client: &&Value| {
            let tools = client["tools"].as_array().unwrap();
            tools.iter().any(|tool| tool["tool"] == "convert_temperature")
        };
        let name = |client: &Value| format!("{} {}", client["client"], client["version"]);
        clients.iter().filter(breaks).map(name).collect()
    };
    let clients = eventually("every client has called, and the tool has broken", || async {
        let clients = ask(&page, "clients").await?["clients"].as_array()?.clone();
        (clients.len() >= 6 && !broken_for(&clients).is_empty()).then_some(clients)
    })
    .await;
    assert_eq!(
        broken_for(&clients),
        [r#""desk-agent" "2.1.0""#],
        "for one version of one client"
    );
    for protocol in ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"] {
        assert!(
            clients.iter().any(|client| client["protocol"] == protocol),
            "{protocol}"
        );
    }

    let id = demo.id().unwrap();
    let engines = children(id);
    assert_eq!(engines.len(), 1);
    assert!(
        Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status()
            .unwrap()
            .success()
    );
    let ended = tokio::time::timeout(Duration::from_secs(30), demo.wait()).await;
    assert!(ended.expect("the demo has not ended").unwrap().success());
    assert!(
        engines
            .iter()
            .all(|id| !std::path::Path::new(&format!("/proc/{id}/exe")).exists())
    );
}
