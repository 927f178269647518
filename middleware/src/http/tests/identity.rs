use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::identity::{ClientAddress, Clients, Identity, UserId};

#[tokio::test]
async fn a_modern_call_is_known_by_its_own_body() {
    let (layer, mut receiver) = layer();
    let mut request = post(MODERN);
    request.extensions_mut().insert(UserId::new("ada"));
    exchange(
        &layer,
        request,
        Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[OK]),
        },
    )
    .await;
    let record = &records(&mut receiver)[0];
    assert_eq!((&*record.client.name, &*record.client.version), ("desk", "4.2.0"));
    assert_eq!(record.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(record.user, Some(crate::record::User::Plain("ada".into())));
    assert_eq!(record.span.trace_id().to_string(), "5b8aa5a2d2c872e8321cf37308d69df2");
    assert_eq!(record.parent.to_string(), "051581bf3cb55c13");
    assert_eq!(record.response_bytes, OK.len() as u64);
    assert_eq!(record.request_id.as_deref(), Some("7"));
}

#[tokio::test]
async fn the_address_of_the_client_is_what_the_application_says_and_no_header() {
    let peer = SocketAddr::from(([192, 0, 2, 7], 50_443));
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    for (said, expected) in [
        (None, None),
        (Some(ClientAddress::from(peer)), Some((peer.ip(), Some(50_443)))),
        (Some(ClientAddress::from(mapped)), Some((peer.ip(), None))),
    ] {
        let (layer, mut receiver) = layer();
        let mut request = post(MODERN);
        let forwarded = "192.0.2.99".parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", forwarded);
        said.map(|address| request.extensions_mut().insert(address));
        let answer = Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[OK]),
        };
        exchange(&layer, request, answer).await;
        let told = records(&mut receiver)[0].client_address.take();
        assert_eq!(told.map(|client| (client.address, client.port)), expected);
    }
}

#[tokio::test]
async fn a_session_is_known_by_its_handshake_and_a_stranger_by_its_user_agent() {
    const SESSION: &[(&str, &str)] = &[("content-type", "application/json"), ("mcp-session-id", "s1")];
    let (layer, mut receiver) = layer();
    let initialize = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "clientInfo":{"name":"Desk (via mcp-remote 0.1)","version":"2"}}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"ledger","version":"1.9"}}}"#;
    exchange(
        &layer,
        post(initialize),
        Answer {
            status: 200,
            headers: SESSION,
            body: Script::pieces(&[answer]),
        },
    )
    .await;
    for session in ["s1", "unknown"] {
        let mut request = post(LEGACY);
        request.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        exchange(
            &layer,
            request,
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&[OK]),
            },
        )
        .await;
    }
    let seen: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| {
            let version = record.protocol_version.as_deref().unwrap_or("-");
            let bridge = record.client_bridge.as_deref().unwrap_or("-");
            let session = record.session_id.as_deref().unwrap_or("-");
            format!(
                "{} {} {bridge} {version} {} {session}",
                record.client.name, record.client.version, record.server.name
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "Desk 2 mcp-remote 0.1 2025-06-18 ledger s1",
            "Desk 2 mcp-remote 0.1 2025-06-18 ledger s1",
            "agent 3 - 2025-03-26 ledger unknown"
        ]
    );
}

#[tokio::test]
async fn a_batch_is_a_record_for_each_message() {
    let (layer, mut receiver) = layer();
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},
        {"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"add"}},{"jsonrpc":"2.0","id":3,"method":"ping"}]"#;
    let answer = r#"[{"jsonrpc":"2.0","id":"1","result":{"isError":true}},{"jsonrpc":"2.0","id":1,"result":{}}]"#;
    exchange(
        &layer,
        post(batch),
        Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[answer]),
        },
    )
    .await;
    let mut seen: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| format!("{} {:?} {}", record.method, record.request_id, record.outcome))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            r#"notifications/initialized None ok"#,
            r#"ping Some("1") ok"#,
            r#"ping Some("3") abandoned"#,
            r#"tools/call Some("1") tool_error"#
        ]
    );
}

#[tokio::test]
async fn tools_that_were_never_listed_are_told_apart_from_wrong_arguments() {
    let (layer, mut receiver) = layer();
    let list = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
    let listed = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"add"}]}}"#;
    let invalid = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"invalid"}}"#;
    let call = |name: &str| LEGACY.replace("add", name);
    for (request, answer) in [
        (call("nope"), invalid),
        (list.to_owned(), listed),
        (call("add"), invalid),
        (call("nope"), invalid),
    ] {
        exchange(
            &layer,
            post(&request),
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&[answer]),
            },
        )
        .await;
    }
    let outcomes: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| record.outcome.as_str())
        .collect();
    assert_eq!(
        outcomes,
        ["invalid_arguments", "ok", "invalid_arguments", "unknown_tool"]
    );
}

#[tokio::test]
async fn a_deleted_session_is_timed() {
    const SESSION: &[(&str, &str)] = &[("content-type", "application/json"), ("mcp-session-id", "s1")];
    let (layer, mut receiver) = layer();
    let initialize = r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}"#;
    exchange(
        &layer,
        post(initialize),
        Answer {
            status: 200,
            headers: SESSION,
            body: Script::pieces(&[OK]),
        },
    )
    .await;
    let delete = Request::delete("/mcp")
        .header("mcp-session-id", "s1")
        .body(Script::pieces(&[]))
        .unwrap();
    exchange(
        &layer,
        delete,
        Answer {
            status: 200,
            headers: &[],
            body: Script::pieces(&[]),
        },
    )
    .await;
    assert!(matches!(receiver.try_recv(), Ok(Observation::Call(_))));
    assert!(matches!(receiver.try_recv(), Ok(Observation::Session(_))));
}

#[tokio::test]
async fn clients_that_the_operator_names_are_recorded_by_that_name() {
    let clients = Clients::default().client("desk", "Desk of ours").bridge("agent");
    let identity = Identity {
        clients: clients.read(|_| None).unwrap(),
        ..Identity::default()
    };
    for (case, request, expected) in [
        ("a client of the body", MODERN, "Desk of ours 4.2.0 -"),
        ("a bridge of the head", LEGACY, "  agent 3"),
    ] {
        let (queue, mut receiver) = Queue::new(10);
        let observer = Arc::new(Observer::new(None, identity.clone(), 10));
        let layer = ToolsightLayer::at_once(observer, queue);
        let answer = Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[OK]),
        };
        exchange(&layer, post(request), answer).await;
        let record = &records(&mut receiver)[0];
        let bridge = record.client_bridge.as_deref().unwrap_or("-");
        let seen = format!("{} {} {bridge}", record.client.name, record.client.version);
        assert_eq!(seen, expected, "{case}");
    }
}
