//! What a call of a resource is aimed at, and what is kept of its address.

use super::*;
use crate::capture::Capture;
use crate::record::Target;

const READ: &str = "resources/read";
const LIST: &str = "resources/templates/list";
const ADA: &str = r#""uri":"users://ada/profile""#;

/// What the answer to a list has in it.
fn templates(listed: &[&str]) -> String {
    let listed: Vec<_> = listed
        .iter()
        .map(|template| format!(r#"{{"name":"n","uriTemplate":"{template}"}}"#))
        .collect();
    format!(r#""resourceTemplates":[{}]"#, listed.join(","))
}

#[test]
fn a_resource_goes_by_its_template_once_the_server_has_listed_it() {
    let own = templates(&["users://{id}/profile", "users://{+any}"]);
    let other = templates(&["notes://{id}"]);
    let long = format!(r#""uri":"users://{}/profile""#, "a".repeat(1024));
    for (name, asked, listed, method, params, expected) in [
        ("nothing was listed", LIST, "", READ, ADA, "users"),
        ("it is listed", LIST, &*own, READ, ADA, "users://{id}/profile"),
        ("others are listed", LIST, &other, READ, ADA, "users"),
        (
            "a list of something else has it",
            "resources/list",
            &own,
            READ,
            ADA,
            "users",
        ),
        (
            "subscribed to",
            LIST,
            &own,
            "resources/subscribe",
            ADA,
            "users://{id}/profile",
        ),
        (
            "no longer",
            LIST,
            &own,
            "resources/unsubscribe",
            ADA,
            "users://{id}/profile",
        ),
        ("an address that is too long", LIST, &own, READ, &long, "users"),
        ("no address", LIST, &own, READ, r#""uri":"ada's profile: users://""#, ""),
    ] {
        let stage = Stage::new();
        stage.post(stage.in_session(0), &request(7, LIST, ""), &result(7, ""));
        stage.post(stage.in_session(0), &request(7, asked, ""), &result(7, listed));
        let record = stage
            .post(stage.in_session(2), &request(7, method, params), OK)
            .remove(0);
        assert_eq!(record.target, Target::Resource(expected.into()), "{name}");
        assert!(!format!("{record:?}").contains("ada"), "{name}: {record:?}");
    }
}

#[test]
fn what_names_no_resource_is_aimed_at_none() {
    for (method, params) in [(READ, ""), (READ, r#""uri":1"#), ("tools/list", ADA)] {
        let stage = Stage::new();
        let record = stage
            .post(stage.in_session(0), &request(7, method, params), OK)
            .remove(0);
        assert_eq!(record.target, Target::None, "{method} {params}");
    }
}

#[test]
fn only_schemes_and_templates_that_are_there_are_known() {
    let stage = Stage::new();
    let resources = &stage.observer.tools.resources;
    let refused = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32002,"message":"no"}}"#;
    stage.post(stage.in_session(0), &request(7, READ, ADA), refused);
    assert!(!resources.knows("users"), "it was refused");
    stage.post(stage.in_session(0), &request(7, READ, ADA), OK);
    assert!(resources.knows("users"), "it was read");
    let listed = result(7, &templates(&["users://{id}/profile"]));
    stage.post(stage.in_session(0), &request(7, LIST, ""), &listed);
    assert!(resources.knows("users://{id}/profile"));
}

#[test]
#[cfg_attr(miri, ignore = "the rules of redaction are too many steps for an interpreter")]
fn the_whole_address_is_kept_only_where_arguments_are_captured() {
    let arguments = Capture::default().arguments(100);
    let whole = r#"{"uri":"users://ada/profile"}"#;
    let not_asked = r#""uri":"users://ada/profile","arguments":{"uri":"x"}"#;
    let not_read = r#""uri":1,"arguments":{"uri":"x"}"#;
    for (name, capture, method, params, expected) in [
        ("nothing", Capture::default(), READ, ADA, None),
        ("results", Capture::default().results(100), READ, ADA, None),
        ("one tool", arguments.clone().only_tools(["add"]), READ, ADA, None),
        ("arguments", arguments.clone(), READ, ADA, Some(whole)),
        ("not a tool's", arguments.clone(), READ, not_asked, Some(whole)),
        ("no address", arguments.clone(), READ, not_read, None),
        (
            "subscribed to",
            arguments.clone(),
            "resources/subscribe",
            ADA,
            Some(whole),
        ),
        ("something else", arguments, "completion/complete", ADA, None),
    ] {
        let stage = Stage::capturing(capture);
        let answer = result(7, r#""content":[{"type":"text","text":"x"}],"contents":[{"text":"x"}]"#);
        let record = stage
            .post(stage.in_session(0), &request(7, method, params), &answer)
            .remove(0);
        let captured = record.detail.captured.as_ref();
        let told = captured.and_then(|captured| captured.arguments.as_deref());
        assert_eq!(told, expected, "{name}");
        assert!(captured.is_none_or(|captured| captured.result.is_none()), "{name}");
        let target = if method.starts_with("resources/") && params != not_read {
            Target::Resource("users".into())
        } else {
            Target::None
        };
        assert_eq!(record.target, target, "{name}");
    }
}
