//! What is told of calls beyond how they ended.

use super::*;
use crate::identity::UserId;

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
const LISTED: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[
    {"name":"add","description":"x","inputSchema":{"properties":{"a":{"type":"integer"},"b":{}},"required":["a"],
    "additionalProperties":false},"outputSchema":{"type":"object","properties":{"sum":{"type":"integer"}},"required":["sum"]}},
    {"inputSchema":{},"name":"say"}]}}"#;

/// Sends each request with its answer, some bytes at a time, and returns the records.
async fn told(exchanges: &[(String, String)]) -> Vec<Record> {
    let (layer, mut receiver) = layer();
    for (request, answer) in exchanges {
        let pieces: Vec<&str> = answer
            .as_bytes()
            .chunks(7)
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .collect();
        let mut request = post(request);
        request.extensions_mut().insert(UserId::new("ada"));
        let body = Script::pieces(&pieces);
        exchange(
            &layer,
            request,
            Answer {
                status: 200,
                headers: JSON,
                body,
            },
        )
        .await;
    }
    records(&mut receiver)
}

fn call(tool: &str, arguments: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}"{arguments}}}}}"#)
}

fn result(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{{result}}}}}"#)
}

#[tokio::test]
async fn arguments_are_hashed_and_the_definition_is_named() {
    let fine = result(
        r#""content":[{"type":"text","text":"3"},{"type":"image","data":"x"},{"type":"text"}],"structuredContent":{"sum":3}"#,
    );
    let records = told(&[
        (LIST.to_owned(), LISTED.to_owned()),
        (call("add", r#","arguments":{"a":1,"b":[true]}"#), fine.clone()),
        (
            call("add", r#","arguments": { "b" : [ true ] , "a" : 1.0 }"#),
            fine.clone(),
        ),
        (call("add", r#","arguments":{"a":2}"#), fine),
        (call("say", ""), result(r#""content":[]"#)),
        (
            call("say", r#","arguments":{}"#),
            result(r#""content":[{"type":"text","text":""}]"#),
        ),
    ])
    .await;
    let detail = |at: usize| &records[at].detail;
    assert!(detail(1).arguments_hash.is_some());
    assert_eq!(detail(1).arguments_hash, detail(2).arguments_hash);
    assert_ne!(detail(1).arguments_hash, detail(3).arguments_hash);
    assert_eq!(
        detail(4).arguments_hash,
        detail(5).arguments_hash,
        "no arguments are none"
    );
    assert_eq!(detail(1).content_types.names(), "image,text:2");
    let flags: Vec<_> = records.iter().map(|record| record.detail.flags.names()).collect();
    assert_eq!(flags, ["", "", "identical", "", "empty", "empty"]);
    let definition = detail(1).definition.unwrap();
    let listed = &LISTED[LISTED.find(r#"{"name":"add""#).unwrap()..LISTED.find(",\n    {\"inputSchema\"").unwrap()];
    assert_eq!(definition.bytes, listed.len() as u64);
    assert_ne!(
        Some(definition.hash),
        detail(4).definition.map(|definition| definition.hash)
    );
    assert!(detail(0).chain.is_some() && records.iter().all(|record| record.detail.chain == detail(0).chain));
    assert!(records.iter().all(|record| record.detail.captured.is_none()));
}

#[tokio::test]
async fn results_and_arguments_that_are_not_by_the_schema_are_told_apart() {
    let error = result(r#""content":[{"type":"text","text":"no"}],"isError":true"#);
    let structured = |structured: &str| result(&format!(r#""content":[]{structured}"#));
    let records = told(&[
        (LIST.to_owned(), LISTED.to_owned()),
        (call("add", r#","arguments":{"b":1,"secret name":2}"#), error.clone()),
        (call("add", r#","arguments":{"a":"1"}"#), error.clone()),
        (call("add", r#","arguments":{"a":1}"#), error),
        (
            call("add", r#","arguments":{"a":1}"#),
            structured(r#","structuredContent":{"sum":"3"}"#),
        ),
        (call("add", r#","arguments":{"a":2}"#), structured("")),
        (
            call("add", r#","arguments":{"a":3}"#),
            structured(r#","structuredContent":[1]"#),
        ),
        (
            call("add", r#","arguments":{"a":4}"#),
            structured(r#","structuredContent":{"sum":4}"#),
        ),
    ])
    .await;
    let invalid: Vec<_> = records.iter().map(|record| &*record.detail.invalid_arguments).collect();
    assert_eq!(invalid[..4], ["", "_OTHER,a", "a", ""]);
    let mismatched: Vec<_> = records
        .iter()
        .map(|record| record.detail.flags.schema_mismatch)
        .collect();
    assert_eq!(mismatched, [false, false, false, false, true, true, true, false]);
}

#[tokio::test]
async fn a_round_goes_on_with_the_chain_of_the_one_before() {
    let state = r#""resultType":"input_required","requestState":"s1""#;
    let trace = r#","_meta":{"traceparent":"00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01"}"#;
    let done = result(r#""content":[]"#);
    let records = told(&[
        (call("add", trace), result(state)),
        (call("add", r#","requestState":"s1""#), done.clone()),
        (call("add", ""), done),
    ])
    .await;
    let chains: Vec<_> = records
        .iter()
        .map(|record| record.detail.chain.map(|chain| chain.to_string()))
        .collect();
    assert_eq!(chains[0].as_deref(), Some("5b8aa5a2d2c872e8321cf37308d69df2"));
    assert_eq!(chains[1], chains[0]);
    assert!(chains[2].is_some() && chains[2] != chains[0]);
}
