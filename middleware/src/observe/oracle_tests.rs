//! The oracle on anything that may pass.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const CLIENT: [&str; 14] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"desk"}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1},"_meta":{"progressToken":"p"}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    r#"{"jsonrpc":"2.0","id":"2","method":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","id":3,"method":"tasks/get","params":{"taskId":"t"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#,
    r#"{"id":4,"method":"ping"}"#,
    r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]"#,
    " ",
    "not JSON",
];

const SERVER: [&str; 19] = [
    r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"ledger"}}}"#,
    r#"{"result":{"content":[{"type":"text","text":"ok"}],"structuredContent":{"a":1}},"jsonrpc":"2.0","id":1}"#,
    r#"{"jsonrpc":"2.0","id":2,"result":{"resultType":"input_required","requestState":"s"}}"#,
    r#"{"jsonrpc":"2.0","id":2,"result":{"resultType":"task","taskId":"t","status":"working"}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"taskId":"t","status":"failed"}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"taskId":"t","error":{"code":-32603,"message":"m"},"status":"failed"}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"taskId":"t","status":"completed","result":{"content":[{"type":"text","text":"ok"}]}}}"#,
    r#"{"jsonrpc":"2.0","id":"2","result":{"tools":[{"name":"add","inputSchema":{"required":["a"]}}]}}"#,
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m"}}"#,
    r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32022}}"#,
    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t","status":"completed","result":{}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t","result":{"structuredContent":{"a":1}},"status":"completed"}}"#,
    r#"[{"jsonrpc":"2.0","id":2,"result":{}},{"jsonrpc":"2.0","id":1,"result":{"isError":true}}]"#,
    "",
    "no",
];

/// Some of these, each behind the one before and `between`.
fn some(of: &'static [&'static str], between: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = (select(of), select(between)).prop_map(|(text, between)| format!("{text}{between}"));
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn batch() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(&CLIENT[..11]), 0..6).prop_map(|messages| format!("[{}]", messages.join(",")))
}

fn events() -> impl Strategy<Value = String> {
    let event = (
        select(&SERVER[..]),
        select(&["", "id: 1\n", "id: 2\r\n", "event: message\n", ": there\n\n"][..]),
    );
    let event = event.prop_map(|(message, before)| format!("{before}data: {message}\n\n"));
    proptest::collection::vec(event, 0..8).prop_map(|events| events.concat())
}

proptest! {
    #[test]
    fn a_conversation_is_observed_the_same_however_it_is_cut(
        client in some(&CLIENT, &["\n", "\r\n", "\n \n", ""]),
        server in some(&SERVER, &["\n", "\r\n", "\n\n", ""]),
        size in 1usize..200,
    ) {
        check_lines(client.as_bytes(), server.as_bytes(), size);
    }

    #[test]
    fn an_exchange_is_observed_the_same_however_it_is_cut(
        head in any::<[u8; 2]>(),
        request in prop_oneof![select(&CLIENT[..]).prop_map(str::to_owned), batch(), some(&CLIENT, &["", " "])],
        answer in prop_oneof![select(&SERVER[..]).prop_map(str::to_owned), events(), some(&SERVER, &["", " "])],
        size in 1usize..200,
    ) {
        let data = [&head[..], request.as_bytes(), &[0], answer.as_bytes()].concat();
        Scene::read(&data).unwrap().check(size);
    }

    #[test]
    fn an_answer_that_lacks_bytes_is_observed_like_one_that_lacks_their_events(
        head in any::<[u8; 2]>(),
        request in prop_oneof![select(&CLIENT[..]).prop_map(str::to_owned), batch()],
        answer in prop_oneof![select(&SERVER[..]).prop_map(str::to_owned), events(), events()],
        (start, bytes) in (0usize..400, 1usize..200),
        size in 1usize..200,
    ) {
        let data = [&head[..], request.as_bytes(), &[0], answer.as_bytes()].concat();
        Scene::read(&data).unwrap().check_without(start..start + bytes, size);
    }

    #[test]
    fn no_bytes_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..400), size in 1usize..50) {
        let (client, server) = data.split_at(data.len() / 2);
        check_lines(client, server, size);
        if let Some(scene) = Scene::read(&data) {
            scene.check(size);
        }
    }
}
