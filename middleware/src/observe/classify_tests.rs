//! One case for each rule.

use super::*;
use crate::wire::{Reader, Side};

fn answer(body: &str) -> Message {
    let mut reader = Reader::new(Side::Answer);
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,{body}}}"#);
    std::mem::take(reader.read(&mut text.as_bytes()).unwrap())
}

fn probe(method: &str) -> Probe {
    if method == "server/discover" {
        Probe::Discover
    } else {
        Probe::No
    }
}

/// Of a server that has not answered any request of the new era yet.
#[test]
fn a_refusal_of_the_new_era_is_no_failure() {
    let caller = |outcome| (outcome, Fault::Caller);
    let probe = (Outcome::Probe, Fault::None);
    for (code, status, expected) in [
        ("-32000", 400, probe),
        ("-32600", 400, probe),
        ("-32601", 405, probe),
        ("-32001", 404, probe),
        ("-32022", 400, probe),
        (r#""none""#, 406, probe),
        // The server knows the new era.
        ("-32601", 404, caller(Outcome::ProtocolError)),
        ("-32602", 400, caller(Outcome::InvalidArguments)),
        ("-32020", 400, caller(Outcome::ProtocolError)),
        ("-32021", 400, caller(Outcome::ProtocolError)),
        // These are refusals of something else.
        ("-32000", 401, (Outcome::Unauthorized, Fault::Auth)),
        ("-32000", 403, caller(Outcome::ProtocolError)),
        ("-32000", 429, caller(Outcome::RateLimited)),
        ("-32000", 408, (Outcome::Timeout, Fault::Server)),
        ("-32000", 200, (Outcome::ProtocolError, Fault::Server)),
        ("-32000", 500, (Outcome::ProtocolError, Fault::Server)),
    ] {
        let refused = answer(&format!(r#""error":{{"code":{code}}}"#));
        let seen = by_answer(
            "tools/call",
            Probe::Request,
            Input::Fine,
            &refused,
            Some(Status::from(status)),
        );
        assert_eq!(seen, expected, "{code} {status}");
    }
    for (status, expected) in [
        (400, probe),
        (404, probe),
        (405, probe),
        (403, caller(Outcome::HttpError)),
        (401, (Outcome::Unauthorized, Fault::Auth)),
        (408, (Outcome::Timeout, Fault::Server)),
        (429, caller(Outcome::RateLimited)),
        (502, (Outcome::HttpError, Fault::Server)),
    ] {
        let seen = by_end(Probe::Request, End::Complete, Some(Status::from(status)), true);
        assert_eq!(seen, expected, "{status}");
    }
}

/// One row for each row of the specification's outcomes that an answer decides.
#[test]
fn answers_decide_outcome_and_fault() {
    use Fault::{Auth, Caller, None, Server};
    let error = |code: i32| format!(r#""error":{{"code":{code},"message":"m"}}"#);
    for (method, body, status, expected) in [
        (
            "tools/call",
            r#""result":{"content":[]}"#.to_owned(),
            200,
            (Outcome::Ok, None),
        ),
        (
            "tools/call",
            r#""result":{"resultType":"complete","isError":false}"#.into(),
            200,
            (Outcome::Ok, None),
        ),
        (
            "tools/call",
            r#""result":{"isError":true}"#.into(),
            200,
            (Outcome::ToolError, Server),
        ),
        (
            "tools/call",
            r#""result":{"resultType":"complete","isError":true}"#.into(),
            500,
            (Outcome::ToolError, Server),
        ),
        (
            "tools/call",
            r#""result":{"resultType":"input_required"}"#.into(),
            200,
            (Outcome::InputRequired, None),
        ),
        (
            "tools/call",
            r#""result":{"resultType":"task","taskId":"t"}"#.into(),
            200,
            (Outcome::Deferred, None),
        ),
        (
            "tools/call",
            r#""result":{"task":{"taskId":"t"}}"#.into(),
            200,
            (Outcome::Deferred, None),
        ),
        (
            "tasks/get",
            r#""result":{"resultType":"task","taskId":"t"}"#.into(),
            200,
            (Outcome::Ok, None),
        ),
        (
            "tasks/get",
            r#""result":{"task":{"taskId":"t"}}"#.into(),
            200,
            (Outcome::Ok, None),
        ),
        (
            "tools/call",
            r#""result":{"resultType":"surprise"}"#.into(),
            200,
            (Outcome::ProtocolError, Server),
        ),
        ("tools/call", error(-32602), 200, (Outcome::InvalidArguments, Caller)),
        ("tools/call", error(-32602), 400, (Outcome::InvalidArguments, Caller)),
        ("tools/call", error(-32603), 200, (Outcome::InternalError, Server)),
        ("tools/call", error(-32000), 200, (Outcome::ProtocolError, Server)),
        ("tools/call", error(-32000), 400, (Outcome::ProtocolError, Caller)),
        ("tools/call", error(-32001), 404, (Outcome::ProtocolError, Caller)),
        ("tools/call", error(-32000), 500, (Outcome::ProtocolError, Server)),
        (
            "tasks/get",
            r#""result":{"status":"working"}"#.into(),
            200,
            (Outcome::Ok, None),
        ),
        (
            "tools/call",
            r#""result":{"status":"failed"}"#.into(),
            200,
            (Outcome::Ok, None),
        ),
        ("tools/call", error(-32042), 200, (Outcome::InputRequired, None)),
        ("nonsense", error(-32601), 404, (Outcome::ProtocolError, Caller)),
        ("resources/read", error(-32002), 200, (Outcome::ProtocolError, Caller)),
        ("tools/call", error(-32020), 400, (Outcome::ProtocolError, Caller)),
        ("tools/call", error(-32021), 400, (Outcome::ProtocolError, Caller)),
        ("tools/call", error(-32022), 400, (Outcome::ProtocolError, Caller)),
        ("", error(-32700), 400, (Outcome::InvalidArguments, Caller)),
        ("tools/call", error(-32000), 401, (Outcome::Unauthorized, Auth)),
        ("tools/call", error(-32000), 429, (Outcome::RateLimited, Caller)),
        ("tools/call", error(-32000), 408, (Outcome::Timeout, Server)),
        ("tools/call", error(-32603), 504, (Outcome::Timeout, Server)),
        (
            "tools/call",
            r#""error":{}"#.into(),
            200,
            (Outcome::ProtocolError, Server),
        ),
        ("server/discover", error(-32601), 200, (Outcome::Probe, None)),
        ("server/discover", error(-32000), 400, (Outcome::Probe, None)),
        ("server/discover", error(-32603), 200, (Outcome::InternalError, Server)),
    ] {
        assert_eq!(
            by_answer(
                method,
                probe(method),
                Input::Fine,
                &answer(&body),
                Some(Status::from(status))
            ),
            expected,
            "{method} {body} {status}"
        );
    }
    let failed = r#""result":{"isError":true}"#;
    for (input, body, expected) in [
        (Input::UnknownTool, &*error(-32602), (Outcome::UnknownTool, Caller)),
        (Input::UnknownTool, failed, (Outcome::UnknownTool, Caller)),
        (Input::UnknownTool, &*error(-32603), (Outcome::InternalError, Server)),
        (Input::Invalid, failed, (Outcome::InvalidArguments, Caller)),
        (Input::Invalid, &*error(-32602), (Outcome::InvalidArguments, Caller)),
        (Input::Invalid, &*error(-32603), (Outcome::InternalError, Server)),
        (Input::Invalid, r#""result":{}"#, (Outcome::Ok, None)),
    ] {
        assert_eq!(
            by_answer("tools/call", Probe::No, input, &answer(body), Some(Status::from(200))),
            expected,
            "{input:?} {body}"
        );
    }
}

#[test]
fn exchanges_without_an_answer_are_decided_by_status_and_end() {
    use Fault::{Auth, Caller, ClientGone, Server};
    for (method, end, status, modern, expected) in [
        (
            "tools/call",
            End::Complete,
            Some(200),
            true,
            (Outcome::Abandoned, Server),
        ),
        (
            "tools/call",
            End::BodyError,
            Some(200),
            true,
            (Outcome::Abandoned, Server),
        ),
        (
            "tools/call",
            End::ServiceError,
            None,
            true,
            (Outcome::HttpError, Server),
        ),
        (
            "tools/call",
            End::Dropped,
            Some(200),
            true,
            (Outcome::Cancelled, ClientGone),
        ),
        (
            "tools/call",
            End::Dropped,
            None,
            false,
            (Outcome::Abandoned, ClientGone),
        ),
        (
            "tools/call",
            End::Complete,
            Some(401),
            true,
            (Outcome::Unauthorized, Auth),
        ),
        (
            "server/discover",
            End::Complete,
            Some(403),
            true,
            (Outcome::HttpError, Caller),
        ),
        (
            "tools/call",
            End::Complete,
            Some(404),
            false,
            (Outcome::HttpError, Caller),
        ),
        (
            "tools/call",
            End::Complete,
            Some(429),
            true,
            (Outcome::RateLimited, Caller),
        ),
        (
            "tools/call",
            End::Complete,
            Some(502),
            true,
            (Outcome::HttpError, Server),
        ),
        (
            "tools/call",
            End::Complete,
            Some(202),
            false,
            (Outcome::Deferred, Fault::None),
        ),
        (
            "tools/call",
            End::Complete,
            Some(307),
            true,
            (Outcome::Deferred, Fault::None),
        ),
        (
            "tools/call",
            End::Dropped,
            Some(302),
            false,
            (Outcome::Deferred, Fault::None),
        ),
        ("tools/call", End::Complete, Some(504), true, (Outcome::Timeout, Server)),
        ("tools/call", End::Complete, Some(408), true, (Outcome::Timeout, Server)),
        (
            "server/discover",
            End::Complete,
            Some(400),
            true,
            (Outcome::Probe, Fault::None),
        ),
    ] {
        assert_eq!(
            by_end(probe(method), end, status.map(Status::from), modern),
            expected,
            "{method} {end:?} {status:?}"
        );
    }
}

#[test]
fn a_403_is_about_credentials_only_where_it_says_which() {
    let refusal = answer(r#""error":{"code":-32000}"#);
    for (challenges, by_code, alone) in [
        (
            true,
            (Outcome::Unauthorized, Fault::Auth),
            (Outcome::Unauthorized, Fault::Auth),
        ),
        (
            false,
            (Outcome::ProtocolError, Fault::Caller),
            (Outcome::HttpError, Fault::Caller),
        ),
    ] {
        let status = Status { code: 403, challenges };
        let answered = by_answer("tools/call", Probe::No, Input::Fine, &refusal, Some(status));
        assert_eq!((answered, by_status(status)), (by_code, alone), "{challenges}");
    }
}

#[test]
fn versions_are_ordered_by_date() {
    assert!(is_modern(Some("2026-07-28")) && is_modern(Some("2027-01-01")));
    assert!(!is_modern(Some("2025-11-25")) && !is_modern(None));
}
