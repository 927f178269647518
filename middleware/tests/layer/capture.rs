//! Arguments, results and messages of errors: not a byte of them leaves, unless the operator wants that.

use rmcp::model::CallToolRequestParams;
use rmcp::model::ProtocolVersion;
use toolsight::{Builder, Capture, Toolsight};

use crate::receiver::{Received, attributes};
use crate::server::{call, connect, start};

const MARKER: &str = "marker-3f9a";

/// Calls with the marker in arguments, results and errors.
async fn make_calls(builder: Builder) -> Received {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = builder.endpoint(format!("http://{address}")).build().unwrap();
    let url = start(&toolsight).await;
    for version in [ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_06_18] {
        let client = connect(&url, version).await;
        let with = |tool: &'static str, arguments: serde_json::Value| {
            CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone())
        };
        let said = with("echo", serde_json::json!({"text": MARKER, "password": MARKER}));
        client.call_tool(said).await.unwrap();
        client
            .call_tool(with("fail", serde_json::json!({"text": MARKER})))
            .await
            .unwrap_err();
        let wrong = with("echo", serde_json::json!({"text": [MARKER]}));
        assert_eq!(client.call_tool(wrong).await.unwrap().is_error, Some(true));
        client.call_tool(call("add", 1, 2)).await.unwrap();
    }
    toolsight.flush().await;
    received
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn without_capture_no_byte_of_them_is_exported() {
    let received = make_calls(Toolsight::builder().error_messages(false)).await;
    assert!(received.spans().len() >= 8);
    assert!(!contains(&received.bytes(), MARKER));
}

#[tokio::test]
async fn messages_of_errors_are_exported_unless_the_operator_does_not_want_them() {
    let received = make_calls(Toolsight::builder()).await;
    assert!(contains(&received.bytes(), MARKER), "the search finds what is there");
}

#[tokio::test]
async fn what_is_captured_is_redacted_and_of_the_tools_that_are_wanted() {
    let capture = Capture::default().arguments(1000).results(1000).only_tools(["echo"]);
    let received = make_calls(Toolsight::builder().capture(capture)).await;
    let spans = received.spans();
    let captured = |name: &str| -> Vec<_> {
        let spans = spans.iter().filter(|span| span.name == format!("tools/call {name}"));
        spans.map(attributes).collect()
    };
    for echo in captured("echo").iter().filter(|span| span["toolsight.outcome"] == "ok") {
        let arguments: serde_json::Value = serde_json::from_str(&echo["gen_ai.tool.call.arguments"]).unwrap();
        assert_eq!(arguments, serde_json::json!({"text": MARKER, "password": "[redacted]"}));
        let result: serde_json::Value = serde_json::from_str(&echo["gen_ai.tool.call.result"]).unwrap();
        assert_eq!(result["content"][0]["text"], MARKER);
    }
    assert_eq!(captured("add").len(), 2);
    for add in captured("add") {
        assert!(!add.contains_key("gen_ai.tool.call.arguments") && !add.contains_key("gen_ai.tool.call.result"));
        assert!(add.contains_key("toolsight.args.hash"));
    }
}
