//! Spans and metrics may have targets of their own: while nobody answers one of them, the other goes on.

use std::time::{Duration, Instant};

use rmcp::model::ProtocolVersion;
use tokio::time::timeout;
use toolsight::{Protocol, Toolsight};

use crate::receiver::{Received, Signal};
use crate::server::{call, connect, start};

/// Less than anything is waited for whose target is away.
const SOON: Duration = Duration::from_secs(8);
const CALLS: &str = "mcp.server.operation.duration";
const DROPPED: &str = "toolsight.records.dropped";

/// Sends metrics all the time, and no more than `queue` records wait.
async fn toolsight(received: &Received, protocol: Protocol, queue: usize, within: Duration) -> Toolsight {
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let builder = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .protocol(protocol)
        .metric_interval(Duration::from_millis(100))
        .export_timeout(Duration::from_secs(60));
    builder.queue_records(queue).shutdown_timeout(within).build().unwrap()
}

/// Returns when `is_so`, which it must be soon.
async fn soon(what: &str, is_so: impl Fn() -> bool) {
    let come = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(SOON, come).await.is_ok(), "{what}");
}

#[tokio::test]
async fn metrics_of_all_calls_and_of_what_is_lost_go_out_while_nobody_answers_spans() {
    let received = Received::default();
    received.be_away(Some(Signal::Spans));
    let toolsight = toolsight(&received, Protocol::Grpc, 8, SOON).await;
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    // The server's first answer, to `server/discover`, is a record too.
    soon("spans are on their way", || received.asked() == 1).await;
    for _ in 0..100 {
        client.call_tool(call("add", 1, 2)).await.unwrap();
    }
    let lost_of_all = || received.counted(CALLS) + received.counted(DROPPED);
    soon("the metrics tell of each record or of its loss", || {
        received.counted(DROPPED) > 0 && lost_of_all() >= 101
    })
    .await;
    assert_eq!(received.spans().len(), 0);
    received.be_away(None);
    toolsight.shutdown().await;
    let (sent, lost) = (received.spans().len() as u64, toolsight.dropped());
    assert_eq!(
        (sent + lost.queue_full, lost.total()),
        (101, lost.queue_full),
        "sent once or counted"
    );
}

#[tokio::test]
async fn spans_go_out_while_nobody_answers_metrics() {
    let received = Received::default();
    received.be_away(Some(Signal::Metrics));
    let toolsight = toolsight(&received, Protocol::Grpc, 10_000, SOON).await;
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    for round in 1..=3 {
        client.call_tool(call("add", 1, 2)).await.unwrap();
        soon("the spans come", || received.spans().len() == 1 + round).await;
    }
    assert_eq!(received.metrics(), [""; 0]);
    received.be_away(None);
    soon("the metrics come", || received.counted(CALLS) == 4).await;
}

#[tokio::test]
async fn a_shutdown_and_a_flush_send_the_one_signal_within_their_time_while_nobody_answers_the_other() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        for (away, spans, calls) in [(Signal::Spans, 0, 2), (Signal::Metrics, 2, 0)] {
            for is_shutdown in [true, false] {
                let case = format!("{protocol:?} {away:?} {is_shutdown}");
                let received = Received::default();
                received.be_away(Some(away));
                let toolsight = toolsight(&received, protocol, 10_000, Duration::from_secs(1)).await;
                let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
                client.call_tool(call("add", 1, 2)).await.unwrap();
                let begin = Instant::now();
                if is_shutdown {
                    toolsight.shutdown().await;
                } else {
                    toolsight.flush().await;
                }
                assert!(begin.elapsed() < SOON, "{case}");
                assert_eq!(
                    (received.spans().len(), received.counted(CALLS)),
                    (spans, calls),
                    "{case}"
                );
            }
        }
    }
}
