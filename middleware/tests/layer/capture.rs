//! Arguments, results and what else is said: not a byte of it leaves, unless the operator wants that. Messages of errors do,
//! unless the operator does not want it.

use rmcp::model::CallToolRequestParams;
use rmcp::model::ProtocolVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

/// What client and server say over a pipe, in turns, with the marker wherever a person's words may stand.
const SAID: &[(bool, &str)] = &[
    (
        true,
        r#"{"id":1,"method":"prompts/get","params":{"name":"greet","arguments":{"who":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":1,"result":{"description":"@","messages":[{"role":"user","content":{"type":"text","text":"@"}}]}}"#,
    ),
    (
        true,
        r#"{"id":2,"method":"resources/read","params":{"uri":"file:///home/@/notes?q=@"}}"#,
    ),
    (
        false,
        r#"{"id":2,"result":{"contents":[{"uri":"file:///home/@/notes","text":"@"}]}}"#,
    ),
    (true, r#"{"id":3,"method":"resources/subscribe","params":{"uri":"@"}}"#),
    (
        false,
        r#"{"id":3,"error":{"code":-32602,"message":"@","data":{"@":"@"}}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/resources/updated","params":{"uri":"file:///@","title":"@"}}"#,
    ),
    (
        true,
        r#"{"id":4,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"@"},"argument":{"name":"@","value":"@"}}}"#,
    ),
    (false, r#"{"id":4,"result":{"completion":{"values":["@"]}}}"#),
    (
        true,
        r#"{"id":5,"method":"tools/call","params":{"name":"book","arguments":{"city":"@"},"task":{"ttl":1},"_meta":{"progressToken":"@"}}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/progress","params":{"progressToken":"@","progress":1,"message":"@"}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/message","params":{"level":"info","data":"@"}}"#,
    ),
    (
        false,
        r#"{"id":5,"result":{"task":{"taskId":"@","status":"working","statusMessage":"@"}}}"#,
    ),
    (true, r#"{"id":6,"method":"tasks/result","params":{"taskId":"@"}}"#),
    (
        false,
        r#"{"id":6,"result":{"content":[{"type":"text","text":"@"}],"structuredContent":{"@":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":7,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"@"}}],"systemPrompt":"@"}}"#,
    ),
    (
        true,
        r#"{"id":7,"result":{"role":"assistant","model":"@","content":{"type":"text","text":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":8,"method":"elicitation/create","params":{"message":"@","requestedSchema":{"properties":{"@":{"type":"string"}}}}}"#,
    ),
    (true, r#"{"id":8,"result":{"action":"accept","content":{"name":"@"}}}"#),
    (
        true,
        r#"{"id":9,"method":"tools/call","params":{"name":"book","requestState":"@","inputResponses":{"@":{"content":{"@":"@"}}}}}"#,
    ),
    (
        false,
        r#"{"id":9,"result":{"resultType":"input_required","requestState":"@","inputRequests":{"@":{"params":{"message":"@"}}}}}"#,
    ),
    (
        true,
        r#"{"method":"notifications/cancelled","params":{"requestId":10,"reason":"@"}}"#,
    ),
    (
        true,
        r#"{"id":11,"method":"tools/call","params":{"name":"book","arguments":"@"}}"#,
    ),
    (
        false,
        r#"{"id":11,"result":{"isError":true,"content":[{"type":"text","text":"@"}]}}"#,
    ),
    (true, r#"{"id":12,"method":"resources/templates/list"}"#),
    (
        false,
        r#"{"id":12,"result":{"resourceTemplates":[{"name":"@","uriTemplate":"users://{id}/profile","description":"@"}]}}"#,
    ),
    (
        true,
        r#"{"id":13,"method":"resources/read","params":{"uri":"users://@/profile"}}"#,
    ),
    (
        false,
        r#"{"id":13,"result":{"contents":[{"uri":"users://@/profile","text":"@"}]}}"#,
    ),
    (
        true,
        r#"{"id":14,"method":"resources/read","params":{"uri":"users://@/@/profile"}}"#,
    ),
    (
        false,
        r#"{"id":14,"error":{"code":-32002,"message":"@","data":{"uri":"@"}}}"#,
    ),
    (
        true,
        r#"{"id":15,"method":"resources/read","params":{"uri":"/home/@: @"}}"#,
    ),
    (false, r#"{"id":15,"result":{"contents":[{"text":"@"}]}}"#),
];

/// Says all that over a pipe.
async fn talk(builder: Builder) -> Received {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = builder.endpoint(format!("http://{address}")).build().unwrap();
    let line = |text: &str| {
        format!(
            "{}\n",
            text.replace('@', MARKER).replacen('{', r#"{"jsonrpc":"2.0","#, 1)
        )
    };
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

#[tokio::test]
async fn without_capture_no_byte_of_what_is_said_over_a_pipe_is_exported() {
    let received = talk(Toolsight::builder().error_messages(false)).await;
    let mut names: Vec<_> = received.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    let expected = [
        "completion/complete",
        "elicitation/create",
        "notifications/cancelled",
        "notifications/resources/updated",
        "prompts/get greet",
        "resources/read",
        "resources/read",
        "resources/read",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "sampling/createMessage",
        "tasks/result",
        "tools/call",
        "tools/call",
        "tools/call",
    ];
    assert_eq!(names, expected);
    assert!(!contains(&received.bytes(), MARKER));
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
