//! What happens in each cell of transport, version and ending, and what is to be recorded; or why it cannot happen.

use super::{Act, Transport};

/// Each transport in each version that has it.
pub(super) const TRANSPORTS: [(Transport, &str); 14] = [
    (Transport::Stdio, "2024-11-05"),
    (Transport::Stdio, "2025-03-26"),
    (Transport::Stdio, "2025-06-18"),
    (Transport::Stdio, "2025-11-25"),
    (Transport::Stdio, "2026-07-28"),
    (Transport::TwoEndpoints, "2024-11-05"),
    (Transport::Json, "2025-03-26"),
    (Transport::Json, "2025-06-18"),
    (Transport::Json, "2025-11-25"),
    (Transport::Json, "2026-07-28"),
    (Transport::Stream, "2025-03-26"),
    (Transport::Stream, "2025-06-18"),
    (Transport::Stream, "2025-11-25"),
    (Transport::Stream, "2026-07-28"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Ok,
    ToolError,
    InvalidArguments,
    UnknownMethod,
    InternalError,
    UnknownResultType,
    InputRequired,
    TaskCompletes,
    TaskFails,
    TaskIsCancelled,
    CancelledByNotification,
    AnswerAfterCancel,
    HangUp,
    ServerLeaves,
    Breaks,
    ServiceFails,
    Unauthorized,
    Forbidden,
    RateLimited,
    GatewayTimeout,
    BadGateway,
    SessionExpired,
    Resumed,
    Probe,
    ServerAsks,
    ServerAsksInVain,
    ServerTakesBack,
    Batch,
}

impl Ending {
    pub(super) const ALL: [Self; 28] = [
        Self::Ok,
        Self::ToolError,
        Self::InvalidArguments,
        Self::UnknownMethod,
        Self::InternalError,
        Self::UnknownResultType,
        Self::InputRequired,
        Self::TaskCompletes,
        Self::TaskFails,
        Self::TaskIsCancelled,
        Self::CancelledByNotification,
        Self::AnswerAfterCancel,
        Self::HangUp,
        Self::ServerLeaves,
        Self::Breaks,
        Self::ServiceFails,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RateLimited,
        Self::GatewayTimeout,
        Self::BadGateway,
        Self::SessionExpired,
        Self::Resumed,
        Self::Probe,
        Self::ServerAsks,
        Self::ServerAsksInVain,
        Self::ServerTakesBack,
        Self::Batch,
    ];
}

pub(super) enum Cell {
    /// What happens, and the records, apart from the handshake's.
    Plays(Vec<Act>, Vec<String>),
    /// Why not.
    CannotOccur(&'static str),
}

const MODERN: &str = "2026-07-28";

/// A request that says by itself who asks, where the version wants that.
pub(super) fn request(version: &str, id: u32, method: &str, params: &str) -> String {
    let meta = if version == MODERN {
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"desk","version":"1"}}"#
    } else {
        r#""_meta":{}"#
    };
    let comma = if params.is_empty() { "" } else { "," };
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}{meta}}}}}"#)
}

fn result(id: u32, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{members}}}}}"#)
}

fn error(id: u32, code: i32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"m"}}}}"#)
}

pub(super) fn cell(transport: Transport, version: &'static str, ending: Ending) -> Cell {
    use Act::{Answer, AnswerWith, Aside, Client, Refused, Server};
    use Cell::{CannotOccur, Plays};
    let modern = version == MODERN;
    let http = transport != Transport::Stdio;
    let streamable = matches!(transport, Transport::Json | Transport::Stream);
    let call = || Client(request(version, 7, "tools/call", r#""name":"add","arguments":{}"#));
    let refused = |status| Refused(request(version, 7, "tools/call", r#""name":"add""#), status);
    let plays =
        |acts: Vec<Act>, records: &[&str]| Plays(acts, records.iter().map(|record| (*record).to_owned()).collect());
    let complete = if modern {
        r#""resultType":"complete","content":[]"#
    } else {
        r#""content":[]"#
    };
    let ok = || Answer(result(7, complete));
    let cancel =
        || Client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#.to_owned());
    let asks = || r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}"#.to_owned();
    let cancelled = ["tools/call cancelled client_gone", "notifications/cancelled ok none"];
    match ending {
        Ending::Ok => plays(vec![call(), ok()], &["tools/call ok none"]),
        Ending::ToolError => plays(
            vec![call(), Answer(result(7, r#""content":[],"isError":true"#))],
            &["tools/call tool_error server"],
        ),
        Ending::InvalidArguments => plays(
            vec![call(), Answer(error(7, -32602))],
            &["tools/call invalid_arguments caller"],
        ),
        Ending::UnknownMethod => plays(
            vec![
                Client(request(version, 7, "tools/cell", "")),
                AnswerWith(if modern { 404 } else { 200 }, error(7, -32601)),
            ],
            &["tools/cell protocol_error caller"],
        ),
        Ending::InternalError => plays(
            vec![call(), Answer(error(7, -32603))],
            &["tools/call internal_error server"],
        ),
        Ending::UnknownResultType if modern => plays(
            vec![call(), Answer(result(7, r#""resultType":"surprise""#))],
            &["tools/call protocol_error server"],
        ),
        Ending::UnknownResultType => CannotOccur("results have no type before 2026-07-28"),
        Ending::InputRequired if modern => {
            let state = r#""resultType":"input_required","requestState":"s""#;
            let again = r#""name":"add","requestState":"s","inputResponses":{}"#;
            let acts = vec![
                call(),
                Answer(result(7, state)),
                Client(request(version, 8, "tools/call", again)),
                Answer(result(8, complete)),
            ];
            plays(acts, &["tools/call input_required none", "tools/call ok none"])
        }
        Ending::InputRequired if version == "2025-11-25" => plays(
            vec![call(), Answer(error(7, -32042))],
            &["tools/call input_required none"],
        ),
        Ending::InputRequired => CannotOccur("a call cannot ask for input before 2025-11-25"),
        Ending::TaskCompletes | Ending::TaskFails | Ending::TaskIsCancelled if version < "2025-11-25" => {
            CannotOccur("there are no tasks before 2025-11-25")
        }
        Ending::TaskCompletes | Ending::TaskFails | Ending::TaskIsCancelled => task(version, modern, ending, call()),
        Ending::CancelledByNotification if http && modern => {
            CannotOccur("a client cancels by closing the stream, see HangUp")
        }
        Ending::CancelledByNotification => {
            let mut acts = vec![call(), cancel()];
            acts.extend(streamable.then_some(Act::Leave));
            plays(acts, &cancelled)
        }
        Ending::AnswerAfterCancel if http && modern => CannotOccur("nothing can be answered on a closed stream"),
        Ending::AnswerAfterCancel => plays(vec![call(), cancel(), ok()], &cancelled),
        Ending::HangUp if http && modern => plays(vec![call(), Act::HangUp], &["tools/call cancelled client_gone"]),
        Ending::HangUp => plays(vec![call(), Act::HangUp], &["tools/call abandoned client_gone"]),
        Ending::ServerLeaves => plays(vec![call(), Act::Leave], &["tools/call abandoned server"]),
        Ending::Breaks if !http => CannotOccur("a pipe that breaks is one that ends, see ServerLeaves"),
        Ending::Breaks => plays(vec![call(), Act::Break], &["tools/call abandoned server"]),
        Ending::ServiceFails if !http => CannotOccur("there is no service between pipe and server"),
        Ending::ServiceFails if transport == Transport::TwoEndpoints => {
            CannotOccur("the call is accepted before it is served, see ServerLeaves")
        }
        Ending::ServiceFails => plays(vec![call(), Act::Fail], &["tools/call http_error server"]),
        Ending::Unauthorized
        | Ending::Forbidden
        | Ending::RateLimited
        | Ending::GatewayTimeout
        | Ending::BadGateway
        | Ending::SessionExpired
            if !http =>
        {
            CannotOccur("a pipe has no status")
        }
        Ending::Unauthorized => plays(vec![refused(401)], &["tools/call unauthorized auth"]),
        Ending::Forbidden => plays(vec![refused(403)], &["tools/call unauthorized auth"]),
        Ending::RateLimited => plays(vec![refused(429)], &["tools/call rate_limited caller"]),
        Ending::GatewayTimeout => plays(vec![refused(504)], &["tools/call timeout server"]),
        Ending::BadGateway => plays(vec![refused(502)], &["tools/call http_error server"]),
        Ending::SessionExpired if modern => CannotOccur("there are no sessions since 2026-07-28"),
        Ending::SessionExpired => plays(vec![refused(404)], &["tools/call http_error caller"]),
        Ending::Resumed if transport != Transport::Stream => CannotOccur("only the stream of an answer can be resumed"),
        Ending::Resumed if modern => CannotOccur("streams are not resumed since 2026-07-28"),
        Ending::Resumed => plays(vec![call(), Act::Resume(result(7, complete))], &["tools/call ok none"]),
        Ending::Probe if !modern => CannotOccur("only a client of 2026-07-28 asks which era the server speaks"),
        Ending::Probe => plays(
            vec![
                Client(request(version, 7, "server/discover", "")),
                AnswerWith(400, error(7, -32601)),
            ],
            &["server/discover probe none"],
        ),
        Ending::ServerAsks | Ending::ServerAsksInVain | Ending::ServerTakesBack if modern => {
            CannotOccur("the server asks only by its answer since 2026-07-28, see InputRequired")
        }
        Ending::ServerAsks => {
            let acts = vec![call(), Server(asks()), Client(result(7, "")), ok()];
            plays(acts, &["tools/call ok none", "<sampling/createMessage ok none"])
        }
        Ending::ServerAsksInVain => {
            let acts = vec![Aside(asks()), Client(error(7, -1)), call(), ok()];
            plays(acts, &["tools/call ok none", "<sampling/createMessage cancelled none"])
        }
        Ending::ServerTakesBack => {
            let back = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
            let acts = vec![call(), Aside(asks()), Aside(back.to_owned()), ok()];
            let records = [
                "tools/call ok none",
                "<sampling/createMessage cancelled none",
                "<notifications/cancelled ok none",
            ];
            plays(acts, &records)
        }
        Ending::Batch if version != "2025-03-26" => CannotOccur("batches are of 2025-03-26 only"),
        Ending::Batch => {
            let both = [7, 8]
                .map(|id| request(version, id, "tools/call", r#""name":"add""#))
                .join(",");
            let answers = format!("[{},{}]", error(8, -32603), result(7, complete));
            plays(
                vec![Client(format!("[{both}]")), Answer(answers)],
                &["tools/call ok none", "tools/call internal_error server"],
            )
        }
    }
}

/// A call that becomes a task is one record, of how the task ended; each question for it is another.
fn task(version: &str, modern: bool, ending: Ending, call: Act) -> Cell {
    use Act::{Answer, Client};
    let told = |status: &str| format!(r#""taskId":"t1","status":"{status}""#);
    let begun = if modern {
        format!(r#""resultType":"task",{}"#, told("working"))
    } else {
        format!(r#""task":{{{}}}"#, told("working"))
    };
    let ask = |id, method: &str| Client(request(version, id, method, r#""taskId":"t1""#));
    let status = |id, text: &str| Answer(result(id, &told(text)));
    let mut acts = vec![
        call,
        Answer(result(7, &begun)),
        ask(8, "tasks/get"),
        status(8, "working"),
    ];
    let mut records = vec!["tasks/get ok none"];
    match (ending, modern) {
        (Ending::TaskCompletes, true) => {
            let done = format!(r#"{},"result":{{"content":[]}}"#, told("completed"));
            acts.extend([ask(9, "tasks/get"), Answer(result(9, &done))]);
            records.extend(["tasks/get ok none", "tools/call ok none"]);
        }
        (Ending::TaskCompletes, false) => {
            acts.extend([ask(9, "tasks/result"), Answer(result(9, r#""content":[]"#))]);
            records.extend(["tasks/result ok none", "tools/call ok none"]);
        }
        (Ending::TaskFails, true) => {
            let failed = format!(r#"{},"result":{{"content":[],"isError":true}}"#, told("completed"));
            acts.extend([ask(9, "tasks/get"), Answer(result(9, &failed))]);
            records.extend(["tasks/get ok none", "tools/call tool_error server"]);
        }
        (Ending::TaskFails, false) => {
            acts.extend([ask(9, "tasks/result"), Answer(result(9, r#""isError":true"#))]);
            records.extend(["tasks/result ok none", "tools/call tool_error server"]);
        }
        _ => {
            acts.extend([ask(9, "tasks/get"), status(9, "cancelled")]);
            records.extend(["tasks/get ok none", "tools/call cancelled client_gone"]);
        }
    }
    Cell::Plays(acts, records.into_iter().map(str::to_owned).collect())
}
