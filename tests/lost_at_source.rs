//! What a layer loses before the collector can have it is told by the collector.

use serde_json::json;
use toolsight::Toolsight;

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::eventually;
use crate::support::server::Server;

const CALLER: Caller = Caller {
    name: "rusty",
    version: "1.0",
    user: "ada",
};

#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_small_queue_lost_while_the_collector_was_away_are_told_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    // The name is what the server says of itself, as that of its calls is.
    let small = Toolsight::builder().queue_records(4);
    let server = Server::start_as(small, &collector.grpc).await;
    let client = clients::rmcp(&server.url, CALLER, "2026-07-28").await;
    let shown = |name: &str| format!("toolsight_layer_{name}{{server=\"endings\"}}");
    let dropped = "toolsight_layer_records_dropped_total{reason=\"queue_full\",server=\"endings\"}";
    eventually("the layer tells that it lost nothing", || async {
        collector.metric(dropped).await.filter(|lost| *lost == 0.0)
    })
    .await;
    let quiet = collector.api("collector").await;
    assert_eq!(quiet["problems"], json!([]));
    assert_eq!(quiet["numbers"]["layers"]["records_dropped"]["queue_full"], 0);

    let grpc = collector.grpc.clone();
    collector.kill().await;
    let mut calls = 0;
    while server.toolsight.dropped().queue_full < 20 {
        assert_eq!(clients::call(&client, "echo", &json!({"text": "x"})).await, "ok");
        calls += 1;
        assert!(calls < 20_000, "the queue has four places");
    }
    let url = server.url.clone();
    let hanging = tokio::spawn(async move {
        let client = clients::rmcp(&url, CALLER, "2026-07-28").await;
        clients::call(&client, "hang", &json!({})).await
    });

    let address = grpc.trim_start_matches("http://");
    let collector = Collector::start_in(folder.path(), &["--grpc-listen", address]).await;
    collector.ready().await;
    let lost = eventually("the collector tells of every loss", || async {
        let lost = server.toolsight.dropped().queue_full;
        (collector.metric(dropped).await == Some(lost as f64)).then_some(lost)
    })
    .await;
    let answer = collector.api("collector").await;
    let layers = &answer["numbers"]["layers"];
    assert_eq!(layers["records_dropped"]["queue_full"], lost, "{layers}");
    assert_eq!(layers["records_dropped_by_server"], json!({"endings": lost}));
    let problem = &answer["problems"][0];
    assert_eq!(problem["kind"], "layers_losing", "{answer}");
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains(&format!("queue_full {lost}")), "{message}");
    assert_eq!(answer["numbers"]["ledger"]["holds"], true, "{answer}");

    eventually("the call that hangs is shown", || async {
        let running = collector.metric(&shown("calls_in_flight")).await?;
        let seconds = collector.metric(&shown("oldest_call_seconds")).await?;
        (running == 1.0 && seconds > 0.0).then_some(())
    })
    .await;
    assert_eq!(collector.metric(&shown("instances")).await, Some(1.0));
    let ignored = collector
        .metric("toolsight_telemetry_ignored_total{signal=\"metrics\"}")
        .await;
    assert!(ignored.unwrap() > 0.0, "the layer's histograms are counted");
    // Each flush tells the same counts once more.
    for _ in 0..3 {
        server.toolsight.flush().await;
    }
    assert_eq!(
        collector.metric(dropped).await,
        Some(lost as f64),
        "each loss is told once"
    );
    hanging.abort();
}
