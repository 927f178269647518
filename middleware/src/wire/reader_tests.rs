//! Messages of all kinds, and what is read of them.

use super::*;
use crate::record::Peer;
use crate::wire::message::{ErrorPart, Id, Kind};
use crate::wire::{BATCH_LIMIT, oracle};
use proptest::prelude::*;
use serde_json::Value;

fn read(document: &str) -> Vec<Message> {
    let side = if document.contains("\"result\"") {
        Side::Answer
    } else {
        Side::Request
    };
    let mut reader = Reader::new(side);
    let mut messages = Vec::new();
    for byte in document.as_bytes() {
        reader.read_all(&[*byte], &mut messages);
    }
    assert!(reader.finish(), "{document}");
    messages
}

fn one(document: &str) -> Message {
    let mut messages = read(document);
    assert_eq!(messages.len(), 1, "{document}");
    messages.remove(0)
}

#[test]
fn a_modern_call_tells_who_calls_what() {
    let message = one(
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"name":"no","id":1},"name":"post\u005fentry",
        "_meta":{"traceparent":"00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01","io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"title":"x","version":"4.2.0","name":"desk"}}}}"#,
    );
    assert_eq!(message.kind(), Kind::Request);
    assert_eq!(message.id, Some(Id::Number("7".into())));
    assert_eq!(message.params.name.as_deref(), Some("post_entry"));
    assert_eq!(message.params.meta.protocol_version.as_deref(), Some("2026-07-28"));
    let parent = message.params.meta.traceparent.unwrap().context(None);
    assert_eq!(parent.span_id().to_string(), "051581bf3cb55c13");
    assert_eq!(
        message.params.meta.client,
        Some(Peer {
            name: "desk".into(),
            version: "4.2.0".into()
        })
    );
}

#[test]
fn a_result_is_read_in_any_order_of_members() {
    let message = one(
        r#"{"result":{"content":[{"type":"text","text":"{\"isError\":false}"}],"structuredContent":{"isError":false},
        "isError":true,"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ledger","version":"1.9"}}},
        "id":"a","jsonrpc":"2.0"}"#,
    );
    let result = message.result.as_ref().unwrap();
    assert_eq!((message.kind(), message.id), (Kind::Result, Some(Id::Text("a".into()))));
    assert!(result.is_error && !result.task);
    assert_eq!(
        result.server,
        Some(Peer {
            name: "ledger".into(),
            version: "1.9".into()
        })
    );
}

#[test]
fn kinds_follow_from_the_members() {
    for (document, kind) in [
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            Kind::Notification,
        ),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Kind::Notification),
        (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Kind::Result),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
            Kind::Error,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"error":"odd"}"#, Kind::Other),
        (r#"{"hello":"world"}"#, Kind::Other),
    ] {
        assert_eq!(one(document).kind(), kind, "{document}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn a_batch_is_as_many_messages_and_of_calls_it_is_bounded() {
    let batch = |count: usize| {
        format!(
            "[{}]",
            vec![r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#; count].join(",")
        )
    };
    assert_eq!(read(&batch(3)).len(), 3);
    let mut reader = Reader::new(Side::Request);
    let mut messages = Vec::new();
    reader.read_all(batch(BATCH_LIMIT + 5).as_bytes(), &mut messages);
    assert_eq!((messages.len(), reader.omitted()), (BATCH_LIMIT, 5));
    let mut reader = Reader::new(Side::Answer);
    messages.clear();
    reader.read_all(batch(BATCH_LIMIT + 5).as_bytes(), &mut messages);
    assert_eq!(
        (messages.len(), reader.omitted()),
        (BATCH_LIMIT + 5, 0),
        "answers are no calls"
    );
}

#[test]
fn the_names_of_listed_tools_are_learnt() {
    let message = one(
        r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"a","inputSchema":{"name":"x"}},{"description":"d","name":"b"}],"nextCursor":"n"}}"#,
    );
    let result = message.result.unwrap();
    let names = result
        .tools
        .unwrap()
        .into_iter()
        .map(|tool| tool.name)
        .collect::<Vec<_>>();
    assert_eq!(names, ["a", "b"]);
    assert!(result.next_cursor.is_some());
}

#[test]
fn the_templates_of_listed_resources_are_learnt_and_cut() {
    let long = format!("a:{{b}}{}", "c".repeat(300));
    for (listed, expected) in [
        ("[]", vec![]),
        ("{}", vec![]),
        (
            r#"[{"name":"n","uriTemplate":"a:\u007bb}"},{"uriTemplate":1},"c:{d}"]"#,
            vec![("a:{b}", false)],
        ),
        (&format!(r#"[{{"uriTemplate":"{long}"}}]"#), vec![(&long[..256], true)]),
        (
            &format!(r#"[{{"uriTemplate":"a{}"}}]"#, r"\u0061".repeat(200)),
            vec![(&*"a".repeat(171), true)],
        ),
    ] {
        let document = format!(r#"{{"id":3,"result":{{"resourceTemplates":{listed}}}}}"#);
        oracle::same_in_pieces(document.as_bytes(), 1);
        let templates = one(&document).result.unwrap().templates;
        let told: Vec<_> = templates.iter().map(|told| (&*told.text, told.is_cut)).collect();
        assert_eq!(told, expected, "{listed}");
    }
}

#[test]
fn as_much_of_an_address_is_kept_as_is_matched_or_captured() {
    for (arguments, bytes, kept, is_long) in [
        (0, 1024, 1024, false),
        (0, 1025, 1024, true),
        (100, 5000, 1024, true),
        (2000, 1500, 1500, true),
        (2000, 5000, 2000, true),
    ] {
        let document = format!(r#"{{"method":"m","params":{{"uri":"{}"}}}}"#, "u".repeat(bytes));
        for size in [1, 700, 9000] {
            let mut reader = Reader::new(Side::Request).telling(Telling {
                arguments,
                ..Telling::default()
            });
            let mut messages = Vec::new();
            document
                .as_bytes()
                .chunks(size)
                .for_each(|piece| reader.read_all(piece, &mut messages));
            let params = &messages[0].params;
            let told = (params.uri.as_deref().map(str::len), params.is_uri_long);
            assert_eq!(told, (Some(kept), is_long), "{bytes} bytes in pieces of {size}");
        }
    }
}

#[test]
fn ids_keep_their_type() {
    assert_ne!(one(r#"{"id":7,"method":"m"}"#).id, one(r#"{"id":"7","method":"m"}"#).id);
    assert_eq!(one(r#"{"id":7,"method":"m"}"#).id, one(r#"{"id":7.0,"method":"m"}"#).id);
    let wanted = |token: &str| {
        let message = one(&format!(
            r#"{{"method":"m","params":{{"_meta":{{"progressToken":{token}}}}}}}"#
        ));
        message.params.meta.progress_token
    };
    let told = |token: &str| {
        let message = one(&format!(r#"{{"method":"m","params":{{"progressToken":{token}}}}}"#));
        message.params.progress_token
    };
    assert_ne!(wanted("7"), wanted(r#""7""#));
    assert_eq!(
        (wanted("7"), wanted(r#""7""#)),
        (told("7"), told(r#""7""#)),
        "and so do tokens of progress"
    );
    assert_eq!((wanted("null"), told("[7]")), (None, None));
}

#[test]
fn values_of_the_wrong_type_are_absent() {
    let message = one(r#"{"jsonrpc":2,"id":{},"method":["x"],"params":"p","error":{"code":"x","message":1}}"#);
    assert_eq!(
        message,
        Message {
            error: Some(ErrorPart::default()),
            ..Message::default()
        }
    );
}

#[test]
fn arguments_are_told_by_name_and_kind() {
    let told = |arguments: &str| {
        let document = format!(r#"{{"method":"m","params":{{"arguments":{arguments}}}}}"#);
        oracle::same_in_pieces(document.as_bytes(), 1);
        let arguments = one(&document).params.arguments;
        let told = arguments.iter().map(|argument| (&*argument.name, argument.kind));
        told.map(|(name, kind)| format!("{name}:{kind:?}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (arguments, expected) in [
        ("{}", ""),
        (r#"{"a":{"b":1},"c":[1],"d":"x\n"}"#, "a:Object c:Array d:String"),
        (
            r#"{ "a" : 1, "b":-2.0,"c":1.5,"d":5.00,"e":1e3}"#,
            "a:Integer b:Integer c:Number d:Integer e:Integer",
        ),
        (r#"{"a":true,"b":null}"#, "a:Boolean b:Null"),
        (r#"{"a":"x","a":1}"#, "a:String a:Integer"),
        (r#"{"\u0061":"x","é":1}"#, "a:String é:Integer"),
        (r#"{"a":1.2.3,"":""}"#, "a:Number :String"),
        (r#"[{"a":1}]"#, ""),
    ] {
        assert_eq!(told(arguments), expected, "{arguments}");
    }
}

#[test]
fn names_that_come_again_are_told_as_before() {
    let document = |name: &str| format!(r#"{{"method":"m","params":{{"name":"{name}","arguments":{{"{name}":1}}}}}}"#);
    let long = "n".repeat(300);
    let cut = "n".repeat(256);
    let mut reader = Reader::new(Side::Request);
    for (name, expected) in [
        ("", ""),
        ("a", "a"),
        ("abc", "abc"),
        ("axc", "axc"),
        ("abc", "abc"),
        (r"a\u0062c", "abc"),
        (r"\u0061bc", "abc"),
        (&long, &cut),
        (&cut, &cut),
        ("é", "é"),
    ] {
        let text = document(name);
        let message = reader.read(&mut text.as_bytes()).map(std::mem::take).unwrap();
        assert_eq!(message.params.name.as_deref(), Some(expected), "{name}");
        assert_eq!(message.params.arguments[0].name, expected, "{name}");
        assert!(reader.finish());
    }
}

/// Documents out of the words that are looked for, in their places and in others.
fn any_document() -> impl Strategy<Value = Value> {
    let word = "(jsonrpc|id|method|params|name|arguments|_meta|traceparent|result|isError|content|structuredContent|type|task|tools|resourceTemplates|uriTemplate|nextCursor|error|code|status|[a-z\"\\\\]{0,70})";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word.prop_map(Into::into),
        "[ -~\"\\\\é😀\n]{0,200}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::vec((word, inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn any_document_reads_as_serde_reads_it_and_in_pieces_as_whole(document in any_document(), size in 1usize..150) {
        oracle::same_as_serde(&document);
        oracle::same_in_pieces(document.to_string().as_bytes(), size);
    }

    #[test]
    fn any_bytes_read_in_pieces_as_whole(bytes in "[\\[\\]{}\",:\\\\aé 1]{0,300}", size in 1usize..150) {
        oracle::same_in_pieces(bytes.as_bytes(), size);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn a_state_is_told_from_others_by_all_of_it() {
    let state = |text: &str| {
        let document = format!(r#"{{"id":1,"method":"a","params":{{"requestState":"{text}"}}}}"#);
        let message = one(&document);
        let mut messages = Vec::new();
        Reader::new(Side::Request).read_all(document.as_bytes(), &mut messages);
        assert_eq!(messages, [message], "in one piece as in many");
        messages.remove(0).params.request_state
    };
    let long = "s".repeat(5000);
    assert_eq!(state(&long), state(&long));
    assert_ne!(state(&(long.clone() + "a")), state(&(long.clone() + "b")));
    assert_ne!(state(&long), state(&long[1..]));
    assert_eq!(state(r"a\u002bb"), state("a+b"), "however it is written");
    for escaped in [r"\u002b".to_owned() + &long, long + r"\u002b"] {
        assert_eq!(state(&escaped), None, "where it is cut depends on how it is written");
    }
}
