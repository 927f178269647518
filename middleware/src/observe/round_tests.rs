//! Rounds of a call that nothing but the keys of what is asked for links.

use super::*;

#[test]
fn a_round_without_a_state_is_known_by_the_keys_of_what_is_asked_for() {
    const LATER: u64 = 3600;
    let asks = result(
        7,
        r#""resultType":"input_required","inputRequests":{"b":{"x":{"y":1}},"a":{}}"#,
    );
    let (tool, prompt, resource) = (r#""name":"add""#, r#""name":"p""#, r#""uri":"file:///a""#);
    let (call, get, read) = ("tools/call", "prompts/get", "resources/read");
    let answers = r#""inputResponses":{"a":{"action":"accept"},"b":1}"#;
    for (case, user, (method, target), (other, again), is_same) in [
        ("a tool", Some("ada"), (call, tool), (tool, answers), true),
        ("a prompt", Some("ada"), (get, prompt), (prompt, answers), true),
        ("a resource", Some("ada"), (read, resource), (resource, answers), true),
        (
            "other keys",
            Some("ada"),
            (call, tool),
            (tool, r#""inputResponses":{"a":{}}"#),
            false,
        ),
        ("another tool", Some("ada"), (call, tool), (prompt, answers), false),
        ("nobody tells who calls", None, (call, tool), (tool, answers), false),
        (
            "what asks for no round",
            Some("ada"),
            ("tasks/get", tool),
            (tool, answers),
            false,
        ),
    ] {
        let stage = Stage::new();
        let head = |seconds| RequestHead {
            user: user.map(|user| User::Plain(user.into())),
            ..stage.head(seconds)
        };
        let first = stage.post(head(0), &request(7, method, target), &asks).remove(0);
        let params = format!("{other},{again}");
        let next = stage.post(head(LATER), &request(7, method, &params), &asks).remove(0);
        let last = stage.post(head(LATER + 2), &request(7, method, &params), OK).remove(0);
        let waited = [&next, &last].map(|record| (record.attempt, record.waited.as_secs()));
        let is_linked = next.waited.as_secs() > 0;
        assert_eq!(is_linked, is_same, "{case}");
        if is_same {
            assert_eq!(waited, [(2, LATER - 1), (3, 1)], "{case}");
            assert_eq!(next.detail.chain, first.detail.chain, "{case}");
        } else {
            assert_eq!(next.attempt, 2, "{case}");
        }
        assert!(
            user.is_none() || is_same || next.detail.chain != first.detail.chain,
            "{case}"
        );
    }
}
