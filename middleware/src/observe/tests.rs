//! What depends on time, order and more than one exchange.

use std::time::SystemTime;

use opentelemetry::trace::SpanContext;

use super::*;
use crate::capture::Capture;
use crate::identity::Users;
use crate::record::{Direction, User};
use crate::wire::headers::Content;

/// An observer and a clock that only moves when told to.
struct Stage {
    observer: Arc<Observer>,
    start: Instant,
}

impl Stage {
    fn new() -> Self {
        Self::of_sessions(10)
    }

    fn capturing(capture: Capture) -> Self {
        let observer = Observer::new(None, Users::default(), 10).telling(DetailConfig {
            capture,
            ..DetailConfig::default()
        });
        Self {
            observer: observer.into(),
            ..Self::new()
        }
    }

    /// With so many sessions remembered.
    fn of_sessions(limit: usize) -> Self {
        Self {
            observer: Arc::new(Observer::new(None, Users::default(), limit)),
            start: Instant::now(),
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn head(&self, seconds: u64) -> RequestHead {
        let start_wall = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        RequestHead {
            post: true,
            ..RequestHead::of_pipe(self.at(seconds), start_wall, None)
        }
    }

    fn in_session(&self, seconds: u64) -> RequestHead {
        RequestHead {
            session_id: Some("s1".into()),
            ..self.head(seconds)
        }
    }

    fn begin(&self, head: RequestHead) -> Exchange {
        Exchange::begin(self.observer.clone(), head, SpanContext::empty_context())
    }

    /// Opens an event stream by GET.
    fn stream(&self, seconds: u64, resumes: bool) -> Exchange {
        let mut exchange = self.begin(RequestHead {
            post: false,
            resumes,
            ..self.in_session(seconds)
        });
        self.answer(&mut exchange, seconds, 200, Content::EventStream, "");
        exchange
    }

    fn answer(&self, exchange: &mut Exchange, seconds: u64, status: u16, content: Content, body: &str) {
        let head = ResponseHead {
            status: status.into(),
            session_id: None,
            content,
            user: None,
            tenant: None,
        };
        exchange.response_head(head, self.at(seconds));
        exchange.response_data(body.as_bytes(), self.at(seconds));
    }

    /// A POST of `body` at `seconds` that is answered one second later by `answer`.
    fn post(&self, head: RequestHead, body: &str, answer: &str) -> Vec<Record> {
        let seconds = head.start.duration_since(self.start).as_secs();
        let mut exchange = self.begin(head);
        exchange.request_data(body.as_bytes(), self.at(seconds));
        self.answer(&mut exchange, seconds + 1, 200, Content::Json, answer);
        exchange.end(End::Complete, self.at(seconds + 1));
        records(exchange.take())
    }
}

fn records(observations: impl IntoIterator<Item = Observation>) -> Vec<Record> {
    let record = |observation: Observation| match observation {
        Observation::Call(record) => Some(record.into_record()),
        _ => None,
    };
    observations.into_iter().filter_map(record).collect()
}

fn told(records: &[Record]) -> Vec<String> {
    let told = |record: &Record| {
        let seconds = (record.duration.as_secs(), record.waited.as_secs());
        format!("{} {} {} {seconds:?}", record.method, record.outcome, record.fault)
    };
    records.iter().map(told).collect()
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}"#;
const OK: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
const ASK: &str = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{}}"#;

fn request(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#)
}

fn result(id: u32, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{members}}}}}"#)
}

fn event(id: u32, message: &str) -> String {
    format!("id: {id}\ndata: {message}\n\n")
}

#[test]
fn rounds_of_a_call_are_numbered_and_tell_how_long_they_were_waited_for() {
    let stage = Stage::new();
    let asks = |state: &str| result(7, &format!(r#""resultType":"input_required","requestState":"{state}""#));
    let again = |state: &str| {
        let state = format!(r#""name":"add","inputResponses":{{}},"requestState":"{state}""#);
        request(7, "tools/call", &state)
    };
    let mut seen = stage.post(stage.head(0), CALL, &asks("one"));
    seen.extend(stage.post(stage.head(5), &again("one"), &asks("two")));
    seen.extend(stage.post(stage.head(9), &again("two"), OK));
    seen.extend(stage.post(stage.head(11), &again("never seen"), OK));
    let rounds: Vec<_> = seen
        .iter()
        .map(|record| (record.attempt, record.waited.as_secs()))
        .collect();
    assert_eq!(rounds, [(1, 0), (2, 4), (3, 3), (2, 0)]);
}

#[test]
fn a_state_belongs_to_who_sends_it_and_to_what_they_call() {
    let head = |stage: &Stage, seconds, (user, tenant, client): (&str, &str, &str)| RequestHead {
        user: Some(User::Plain(user.into())),
        tenant: Some(tenant.into()),
        user_agent: Some(Peer {
            name: client.into(),
            ..Peer::default()
        }),
        ..stage.head(seconds)
    };
    let asks = result(7, r#""resultType":"input_required","requestState":"confirm""#);
    let again = CALL.replace(
        "{\"name\"",
        "{\"requestState\":\"confirm\",\"inputResponses\":{},\"name\"",
    );
    let ada = ("ada", "acme", "desk");
    for (case, whose, again, same) in [
        ("who was asked", ada, again.clone(), true),
        ("another user", ("bob", "acme", "desk"), again.clone(), false),
        ("another tenant", ("ada", "initech", "desk"), again.clone(), false),
        ("another client", ("ada", "acme", "phone"), again.clone(), false),
        ("another tool", ada, again.replace("add", "subtract"), false),
    ] {
        let stage = Stage::new();
        let first = stage.post(head(&stage, 0, ada), CALL, &asks).remove(0);
        let next = stage.post(head(&stage, 5, whose), &again, OK).remove(0);
        assert_eq!(next.waited.as_secs(), if same { 4 } else { 0 }, "{case}");
        assert_eq!(next.detail.chain == first.detail.chain, same, "{case}");
    }
}

#[test]
fn what_the_server_asks_is_timed_until_the_client_has_answered_and_counted_once() {
    let stage = Stage::new();
    stage.post(stage.in_session(0), CALL, OK);
    let mut stream = stage.stream(1, false);
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
    let all = [event(1, ASK), event(2, changed), event(3, progress)].concat();
    stream.response_data(all.as_bytes(), stage.at(2));
    let mut resumed = stage.stream(3, true);
    resumed.response_data(all.as_bytes(), stage.at(3));
    assert_eq!(records(resumed.take()), []);
    let mut seen = records(stream.take());
    seen.extend(stage.post(stage.in_session(8), OK, ""));
    assert_eq!(
        told(&seen),
        [
            "notifications/tools/list_changed ok none (0, 0)",
            "elicitation/create ok none (6, 0)"
        ]
    );
    assert!(seen.iter().all(|record| record.direction == Direction::ToClient));
    assert_eq!(seen[1].start, SystemTime::UNIX_EPOCH + Duration::from_secs(2));
    assert_eq!(stage.observer.in_flight.read().0, 0);
}

#[test]
fn a_person_may_take_longer_to_answer_than_a_server() {
    let stage = Stage::new();
    stage.post(stage.in_session(0), CALL, OK);
    let mut stream = stage.stream(0, false);
    stream.response_data(event(1, ASK).as_bytes(), stage.at(0));
    stream.end(End::Dropped, stage.at(1));
    assert!(stage.observer.expire(stage.at(1799)).is_empty());
    let expired = records(stage.observer.expire(stage.at(1800)));
    assert_eq!(told(&expired), ["elicitation/create abandoned client_gone (1800, 0)"]);
}

#[test]
fn the_end_of_a_session_is_the_end_of_what_waits_in_it() {
    for (name, delete, status, expected) in [
        (
            "the client ends it",
            true,
            204,
            "tools/call abandoned client_gone (3, 0)",
        ),
        (
            "the server does not know it any more",
            false,
            404,
            "tools/call abandoned server (3, 0)",
        ),
    ] {
        let stage = Stage::new();
        let mut exchange = stage.begin(stage.in_session(0));
        exchange.request_data(CALL.as_bytes(), stage.at(0));
        stage.answer(&mut exchange, 1, 202, Content::Other, "");
        exchange.end(End::Complete, stage.at(1));
        let mut last = stage.begin(RequestHead {
            post: false,
            delete,
            ..stage.in_session(3)
        });
        stage.answer(&mut last, 3, status, Content::Other, "");
        last.end(End::Complete, stage.at(3));
        assert_eq!(told(&records(last.take())), [expected], "{name}");
    }
}

#[test]
fn two_requests_of_one_id_get_each_their_own_answer() {
    let stage = Stage::new();
    let [mut first, mut second] = [0, 1].map(|seconds| {
        let mut exchange = stage.begin(stage.in_session(seconds));
        exchange.request_data(CALL.as_bytes(), stage.at(seconds));
        exchange
    });
    stage.answer(&mut second, 2, 200, Content::Json, &result(7, r#""isError":true"#));
    stage.answer(&mut first, 5, 200, Content::Json, OK);
    assert_eq!(told(&records(first.take())), ["tools/call ok none (5, 0)"]);
    assert_eq!(told(&records(second.take())), ["tools/call tool_error server (1, 0)"]);
}

#[test]
fn a_request_over_http_of_which_nothing_tells_the_version_is_of_the_one_that_servers_assume() {
    let stage = Stage::new();
    let version = |head, call: &str, answer: &str| stage.post(head, call, answer).remove(0).protocol_version;
    assert_eq!(version(stage.head(0), CALL, OK).as_deref(), Some("2025-03-26"));
    assert_eq!(version(stage.in_session(0), CALL, OK).as_deref(), Some("2025-03-26"));
    let (asks, told) = (r#""protocolVersion":"2025-11-25""#, r#""protocolVersion":"2025-06-18""#);
    stage.post(stage.in_session(0), &request(1, "initialize", asks), &result(1, told));
    assert_eq!(version(stage.in_session(0), CALL, OK).as_deref(), Some("2025-06-18"));
}

#[test]
fn a_server_of_which_only_the_name_is_configured_tells_its_version() {
    let told = r#""protocolVersion":"2025-06-18","serverInfo":{"name":"fastmcp","version":"1.9"}"#;
    for (configured, expected) in [
        (None, ("fastmcp", "1.9")),
        (Some(("ledger", "")), ("ledger", "1.9")),
        (Some(("ledger", "2")), ("ledger", "2")),
    ] {
        let server = configured.map(|(name, version)| Peer {
            name: name.into(),
            version: version.into(),
        });
        let stage = Stage {
            observer: Arc::new(Observer::new(server, Users::default(), 10)),
            ..Stage::new()
        };
        stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, told));
        let server = stage.post(stage.in_session(0), CALL, OK).remove(0).server;
        assert_eq!((&*server.name, &*server.version), expected);
    }
}

#[test]
fn headers_that_do_not_mirror_the_body_are_told() {
    let stage = Stage::new();
    let modern = r#""name":"add","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let call = request(7, "tools/call", modern);
    for (version, method, name, expected) in [
        ("2026-07-28", Some("tools/call"), Some("add"), None),
        ("2026-07-28", Some("tools/call"), Some("=?base64?YWRk?="), None),
        ("2026-07-28", Some("tools/call"), Some("other"), Some("name")),
        ("2026-07-28", None, Some("add"), Some("method")),
        ("2025-11-25", None, None, Some("method,name,version")),
    ] {
        let head = RequestHead {
            protocol_version: Some(version.into()),
            method: method.map(Into::into),
            name: name.map(Into::into),
            session_id: Some("stray".into()),
            ..stage.head(0)
        };
        let record = stage.post(head.clone(), &call, OK).remove(0);
        assert_eq!(record.mismatch.names(), expected, "{version} {method:?} {name:?}");
        assert_eq!(record.session_id, None, "there are none any more");
        let legacy = stage.post(head, CALL, OK).remove(0);
        // The header of this version says that the body says so, too.
        let expected = (version == "2026-07-28")
            .then(|| expected.map_or("version".to_owned(), |names| format!("{names},version")));
        assert_eq!(
            legacy.mismatch.names().map(str::to_owned),
            expected,
            "{version} {method:?} {name:?}"
        );
    }
    let notification = call.replace("\"id\":7,", "");
    assert_ne!(notification, call);
    let record = stage.post(stage.head(0), &notification, "").remove(0);
    assert_eq!(
        record.mismatch.names(),
        None,
        "headers of notifications are not defined"
    );
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn a_batch_of_answers_is_read_to_its_end_in_whatever_order_they_come() {
    const COUNT: u32 = 300;
    let batch = |messages: Vec<String>| format!("[{}]", messages.join(","));
    let calls = (0..COUNT)
        .map(|id| request(id, "tools/call", r#""name":"add""#))
        .collect();
    let answers = (0..COUNT).rev().map(|id| result(id, "")).collect();
    let stage = Stage::new();
    let seen = stage.post(stage.head(0), &batch(calls), &batch(answers));
    assert_eq!(seen.len(), 256);
    let is_ok = |record: &Record| record.outcome == Outcome::Ok;
    assert!(seen.iter().all(is_ok), "{:?}", told(&seen));
}

#[test]
fn a_tool_whose_call_succeeded_as_a_task_is_there() {
    let stage = Stage::new();
    for (status, known) in [(r#""failed""#, false), (r#""completed","result":{}"#, true)] {
        let call = request(7, "tools/call", r#""name":"add""#);
        stage.post(stage.head(0), &call, &result(7, r#""resultType":"task","taskId":"t""#));
        let answer = result(8, &format!(r#""taskId":"t","status":{status}"#));
        stage.post(stage.head(1), &request(8, "tasks/get", r#""taskId":"t""#), &answer);
        assert_eq!(stage.observer.tools.knows("add"), known, "{status}");
    }
}

#[path = "blame_tests.rs"]
mod blame;
#[path = "client_task_tests.rs"]
mod client_tasks;
#[path = "flag_tests.rs"]
mod flags;
#[path = "pipe_tests.rs"]
mod pipes;
#[path = "resource_tests.rs"]
mod resources;
#[path = "room_tests.rs"]
mod room;
#[path = "round_tests.rs"]
mod round_keys;
#[path = "session_tests.rs"]
mod session_ends;
#[path = "stream_tests.rs"]
mod streams;
#[path = "task_end_tests.rs"]
mod task_ends;
#[path = "task_tests.rs"]
mod tasks;
