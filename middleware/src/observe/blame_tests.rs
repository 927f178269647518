//! When a tool that is not there, or arguments that do not match, are the caller's mistake.

use super::*;
use crate::record::User;

const LIST: &str = "tools/list";
const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// A list of one tool, whose input needs `x`, and what comes before and behind it.
fn page(name: &str, more: &str) -> String {
    result(
        7,
        &format!(r#""tools":[{{"name":"{name}","inputSchema":{{"required":["x"]}}}}]{more}"#),
    )
}

#[test]
fn only_what_a_caller_was_told_is_held_against_them() {
    use Step::{Changes, Lists};
    enum Step {
        /// The user sends this with these parameters, and is answered by a page with these members.
        Lists(&'static str, &'static str, &'static str, &'static str),
        Changes,
    }
    let whole = |user| Lists(user, LIST, "", "");
    for (name, steps, unknown, wrong) in [
        ("nothing was listed", vec![], false, false),
        ("the caller has the whole list", vec![whole("ada")], true, true),
        ("another user has", vec![whole("bob")], false, true),
        (
            "two other users have the same one",
            vec![whole("bob"), whole("eve")],
            true,
            true,
        ),
        (
            "the list has a further page",
            vec![Lists("ada", LIST, "", r#","nextCursor":"2""#)],
            false,
            true,
        ),
        (
            "the further page was asked for, too",
            vec![
                Lists("ada", LIST, "", r#","nextCursor":"""#),
                Lists("ada", LIST, r#""cursor":"""#, ""),
            ],
            true,
            true,
        ),
        (
            "the first page was another process's to answer",
            vec![Lists("ada", LIST, r#""cursor":"2""#, "")],
            false,
            true,
        ),
        (
            "tools stand in the answer to something else",
            vec![Lists("ada", "resources/list", "", "")],
            false,
            false,
        ),
        (
            "the tools have changed since",
            vec![whole("ada"), Changes],
            false,
            false,
        ),
        (
            "the tools were listed anew",
            vec![whole("ada"), Changes, whole("ada")],
            true,
            true,
        ),
    ] {
        let stage = Stage::new();
        let by = |user: &str| RequestHead {
            user: Some(User::Plain(user.into())),
            ..stage.in_session(0)
        };
        for step in &steps {
            match step {
                Lists(user, method, params, more) => {
                    stage.post(by(user), &request(7, method, params), &page("add", more));
                }
                Changes => stage
                    .stream(1, false)
                    .response_data(event(1, CHANGED).as_bytes(), stage.at(1)),
            }
        }
        let failed = result(7, r#""isError":true"#);
        let ends = |tool: &str| {
            let call = request(7, "tools/call", &format!(r#""name":"{tool}""#));
            stage.post(by("ada"), &call, &failed).remove(0).outcome
        };
        let outcomes = [(unknown, Outcome::UnknownTool), (wrong, Outcome::InvalidArguments)];
        let expected = outcomes.map(|(is_blamed, outcome)| if is_blamed { outcome } else { Outcome::ToolError });
        assert_eq!([ends("subtract"), ends("add")], expected, "{name}");
    }
}

#[test]
fn sessions_of_nobody_in_particular_have_lists_of_their_own() {
    let stage = Stage::new();
    stage.post(stage.in_session(0), &request(7, LIST, ""), &page("add", ""));
    for (session, expected) in [("s1", Outcome::UnknownTool), ("s2", Outcome::ToolError)] {
        let head = RequestHead {
            session_id: Some(session.into()),
            ..stage.head(0)
        };
        let call = request(7, "tools/call", r#""name":"subtract""#);
        let seen = stage.post(head, &call, &result(7, r#""isError":true"#));
        assert_eq!(seen[0].outcome, expected, "{session}");
    }
}
