//! Arguments, results and what else is said: not a byte of it leaves, unless the operator wants that. Messages of errors do,
//! unless the operator does not want it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rmcp::model::CallToolRequestParams;
use rmcp::model::ProtocolVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use toolsight::http::RequestBody;
use toolsight::{Builder, Capture, Toolsight};
use tower::{Layer as _, Service as _, service_fn};

use crate::receiver::{Received, attributes};
use crate::said::SAID;
use crate::server::{call, connect, start};

const MARKER: &str = "marker-3f9a";

/// Calls with the marker in arguments, results and errors.
async fn make_calls(builder: Builder) -> Received {
    let (received, toolsight) = observing(builder).await;
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

/// A message as it passes.
fn message(text: &str) -> String {
    text.replace('@', MARKER).replacen('{', r#"{"jsonrpc":"2.0","#, 1)
}

async fn observing(builder: Builder) -> (Received, Toolsight) {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = builder.endpoint(format!("http://{address}")).build().unwrap();
    (received, toolsight)
}

/// Says all that over a pipe.
async fn talk(builder: Builder) -> Received {
    let (received, toolsight) = observing(builder).await;
    let line = |text: &str| message(text) + "\n";
    let said: String = SAID.iter().filter(|said| said.0).map(|said| line(said.1)).collect();
    let (mut read, mut write) = toolsight.pipe(said.as_bytes(), tokio::io::sink());
    for (by_client, text) in SAID {
        let mut line = line(text).into_bytes();
        if *by_client {
            read.read_exact(&mut line).await.unwrap();
        } else {
            write.write_all(&line).await.unwrap();
        }
    }
    drop(write);
    toolsight.flush().await;
    received
}

/// The same over HTTP+SSE.
async fn talk_over_two_endpoints(builder: Builder) -> Received {
    let (received, toolsight) = observing(builder).await;
    let (server, events) = mpsc::channel(1);
    let events = Arc::new(Mutex::new(Some(events)));
    let service = service_fn(|request: Request<RequestBody<Full<Bytes>>>| {
        let events = events.clone();
        async move {
            let mut response = Response::new(Body::empty());
            if request.method() == Method::GET {
                let events = ReceiverStream::new(events.lock().unwrap().take().unwrap());
                *response.body_mut() = Body::from_stream(events.map(Ok::<String, Infallible>));
                let media_type = HeaderValue::from_static("text/event-stream");
                response.headers_mut().insert(CONTENT_TYPE, media_type);
            } else {
                *response.status_mut() = StatusCode::ACCEPTED;
            }
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    let mut layered = toolsight.layer().layer(service);
    let opens = Request::get("/sse").header(ACCEPT, "text/event-stream");
    let opens = opens.body(Full::default()).unwrap();
    let mut stream = layered.call(opens).await.unwrap().into_body();
    let endpoint = "event: endpoint\ndata: /message?session=1\n\n".to_owned();
    server.send(endpoint).await.unwrap();
    stream.frame().await.unwrap().unwrap();
    for (by_client, text) in SAID {
        if *by_client {
            let posts = Request::post("/message?session=1").body(Full::from(message(text)));
            let response = layered.call(posts.unwrap()).await.unwrap();
            response.into_body().collect().await.unwrap();
        } else {
            server.send(format!("data: {}\n\n", message(text))).await.unwrap();
            stream.frame().await.unwrap().unwrap();
        }
    }
    drop(server);
    assert!(stream.frame().await.is_none());
    toolsight.flush().await;
    received
}

#[tokio::test]
async fn without_capture_no_byte_of_what_is_said_otherwise_is_exported() {
    let builder = || Toolsight::builder().error_messages(false);
    for (way, received) in [
        ("a pipe", talk(builder()).await),
        ("HTTP+SSE", talk_over_two_endpoints(builder()).await),
    ] {
        let mut names: Vec<_> = received.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        let expected = [
            "completion/complete",
            "elicitation/create",
            "elicitation/create",
            "notifications/cancelled",
            "notifications/resources/updated",
            "notifications/tasks",
            "notifications/tasks",
            "prompts/get greet",
            "resources/read",
            "resources/read",
            "resources/read",
            "resources/read",
            "resources/subscribe",
            "resources/templates/list",
            "sampling/createMessage",
            "tasks/get",
            "tasks/get",
            "tasks/result",
            "tasks/result",
            "tasks/update",
            "tools/call book",
            "tools/call book",
            "tools/call book",
            "tools/call book",
            "tools/call book",
            "tools/call book",
        ];
        assert_eq!(names, expected, "{way}");
        assert!(!contains(&received.bytes(), MARKER), "{way}");
    }
}

#[tokio::test]
async fn the_results_of_tasks_are_captured_however_they_come() {
    for received in [
        talk(Toolsight::builder().capture(Capture::default().results(1000))).await,
        talk_over_two_endpoints(Toolsight::builder().capture(Capture::default().results(1000))).await,
    ] {
        let spans = received.spans();
        let calls = spans
            .iter()
            .filter(|span| span.name.starts_with("tools/call"))
            .map(attributes);
        let captured = calls.filter_map(|call| call.get("gen_ai.tool.call.result").cloned());
        assert_eq!(captured.filter(|result| result.contains(MARKER)).count(), 4);
    }
}

/// Template or scheme of each resource that is read, and the arguments that are captured.
fn reads(received: &Received) -> Vec<(Option<String>, Option<String>)> {
    let spans = received.spans();
    let reads = spans
        .iter()
        .filter(|span| span.name == "resources/read")
        .map(attributes);
    reads
        .map(|mut read| {
            (
                read.remove("mcp.resource.uri"),
                read.remove("gen_ai.tool.call.arguments"),
            )
        })
        .collect()
}

#[tokio::test]
async fn resources_go_by_template_or_scheme_and_their_address_is_captured_with_the_arguments() {
    let targets = [Some("file"), Some("users://{id}/profile"), Some("users"), None];
    let addresses = [
        "file:///home/@/notes?q=@",
        "users://@/profile",
        "users://@/@/profile",
        "/home/@: @",
    ];
    let whole = Capture::default().arguments(1000);
    let redacted = whole.clone().redact_pattern(MARKER).unwrap();
    for (name, capture, shown) in [
        ("nothing", Capture::default().results(1000), None),
        ("one tool", whole.clone().only_tools(["book"]), None),
        ("arguments", whole, Some(MARKER)),
        ("redacted arguments", redacted, Some("[redacted]")),
    ] {
        let received = talk(Toolsight::builder().capture(capture)).await;
        let expected = targets.into_iter().zip(addresses).map(|(target, address)| {
            let address = shown.map(|shown| format!(r#"{{"uri":"{}"}}"#, address.replace('@', shown)));
            (target.map(str::to_owned), address)
        });
        assert_eq!(reads(&received), expected.collect::<Vec<_>>(), "{name}");
    }
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
