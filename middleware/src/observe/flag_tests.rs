//! What is notable about structured content, which since 2026-07-28 may be any value.

use super::*;
use crate::capture::Capture;

/// A server whose one tool has this output schema.
fn stage(schema: &str) -> Stage {
    stage_with(schema, Capture::default())
}

fn stage_with(schema: &str, capture: Capture) -> Stage {
    let stage = Stage::capturing(capture);
    let list = format!(r#""tools":[{{"name":"add","outputSchema":{schema}}}]"#);
    stage.post(stage.head(0), &request(1, "tools/list", ""), &result(1, &list));
    stage
}

#[test]
fn only_what_contradicts_the_schema_is_a_mismatch() {
    let object = r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    let untyped = r#"{"properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    let array = r#"{"type":"array","items":{"type":"object","properties":{"type":{"type":"string"}}}}"#;
    let nullable = r#"{"type":["null","number"]}"#;
    for (schema, structured, expected) in [
        (object, r#"{"a":1}"#, false),
        (object, r#"{"a":"x"}"#, true),
        (object, "{}", true),
        (object, r#"[{"a":1}]"#, true),
        (object, "1", true),
        (object, "null", true),
        (untyped, "{}", true),
        (untyped, "[]", false),
        (untyped, r#""x""#, false),
        (array, "[]", false),
        (array, "[1]", false),
        (array, "{}", true),
        (array, "true", true),
        (nullable, "null", false),
        (nullable, "1.5", false),
        (nullable, "1", false),
        (nullable, r#""1""#, true),
        (nullable, "[]", true),
        (r#"{"type":"integer"}"#, "1.5", true),
        (r#"{"anyOf":[{"type":"string"}]}"#, "1", false),
        ("{}", "[]", false),
        ("true", "1", false),
    ] {
        let answer = result(
            7,
            &format!(r#""content":[{{"type":"text","text":"x"}}],"structuredContent":{structured}"#),
        );
        let stage = stage(schema);
        let record = stage.post(stage.head(1), CALL, &answer).remove(0);
        assert_eq!(record.detail.flags.schema_mismatch, expected, "{schema} {structured}");
    }
    let stage = stage("{}");
    let record = stage.post(stage.head(1), CALL, OK).remove(0);
    assert!(record.detail.flags.schema_mismatch, "what has a schema has to be there");
}

#[test]
#[cfg_attr(miri, ignore = "the rules of redaction are too many steps for an interpreter")]
fn a_structured_scalar_is_content_like_any_other() {
    let long = format!(r#""{}""#, "x".repeat(1500));
    let other = format!(r#""{}y""#, "x".repeat(1499));
    let escaped = format!(r#""{}\n{}""#, "x".repeat(1023), "x".repeat(500));
    for (structured, different, is_empty) in [
        ("4", "5", false),
        ("4", r#""4""#, false),
        ("false", "true", false),
        (r#""x""#, r#""y""#, false),
        (r#""""#, r#""x""#, true),
        ("null", "0", true),
        ("[]", "[1]", false),
        (&long, &other, false),
        (&escaped, &long, false),
    ] {
        let stage = stage_with("{}", Capture::default().results(2000));
        let answer = |structured: &str| result(7, &format!(r#""structuredContent":{structured}"#));
        let seen: Vec<_> = [structured, structured, different]
            .iter()
            .map(|structured| stage.post(stage.head(1), CALL, &answer(structured)).remove(0).detail)
            .collect();
        let empty = if is_empty { "empty" } else { "" };
        assert_eq!(seen[0].flags.names(), empty, "{structured}");
        assert!(seen[1].flags.identical, "{structured} again");
        assert!(!seen[2].flags.identical, "{different} is not {structured}");
        let captured = seen[0]
            .captured
            .as_ref()
            .and_then(|captured| captured.result.as_deref());
        let expected = format!(r#"{{"structuredContent":{structured}}}"#);
        assert_eq!(captured, Some(&*expected));
    }
}

#[test]
fn a_success_whose_first_text_begins_like_an_error_is_told() {
    let error = r#"{"type":"text","text":"Database error: no such table"}"#;
    let fine = r#"{"text":"1 row","type":"text"}"#;
    for (content, more, expected) in [
        (error.to_owned(), "", "error_text"),
        (format!("{error},{fine}"), "", "error_text"),
        (format!(r#"{{"type":"image"}},{error}"#), "", "error_text"),
        (format!("{fine},{error}"), "", ""),
        (fine.to_owned(), "", ""),
        // It says so itself.
        (error.to_owned(), r#","isError":true"#, ""),
    ] {
        let stage = Stage::new();
        let answer = result(7, &format!(r#""content":[{content}]{more}"#));
        let record = stage.post(stage.head(1), CALL, &answer).remove(0);
        assert_eq!(record.detail.flags.names(), expected, "{content} {more}");
    }
}
