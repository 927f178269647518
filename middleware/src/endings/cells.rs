//! What happens in each cell of transport, version and ending, and what is to be recorded; or why it cannot happen.

use super::{Act, Transport, follow_ups, streams};

/// Each transport in each version that has it. That of two endpoints is of 2024-11-05, and deprecated since then: those who still
/// speak it agree on whichever version both have that begins with a handshake.
pub(super) const TRANSPORTS: [(Transport, &str); 17] = [
    (Transport::Stdio, "2024-11-05"),
    (Transport::Stdio, "2025-03-26"),
    (Transport::Stdio, "2025-06-18"),
    (Transport::Stdio, "2025-11-25"),
    (Transport::Stdio, "2026-07-28"),
    (Transport::TwoEndpoints, "2024-11-05"),
    (Transport::TwoEndpoints, "2025-03-26"),
    (Transport::TwoEndpoints, "2025-06-18"),
    (Transport::TwoEndpoints, "2025-11-25"),
    (Transport::Json, "2025-03-26"),
    (Transport::Json, "2025-06-18"),
    (Transport::Json, "2025-11-25"),
    (Transport::Json, "2026-07-28"),
    (Transport::Stream, "2025-03-26"),
    (Transport::Stream, "2025-06-18"),
    (Transport::Stream, "2025-11-25"),
    (Transport::Stream, "2026-07-28"),
];

/// An enumeration that knows all its values.
macro_rules! all {
    ($(#[$meta:meta])* enum $name:ident { $($value:ident,)* }) => {
        $(#[$meta])*
        pub(super) enum $name {
            $($value,)*
        }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$value,)*];
        }
    };
}

all! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Ending {
        Ok,
        ToolError,
        InvalidArguments,
        UnknownTool,
        UnknownToolByResult,
        ListChanged,
        UnknownMethod,
        UnknownResource,
        Unread,
        HeaderMismatch,
        MissingCapability,
        UnsupportedVersion,
        InternalError,
        UnknownResultType,
        InputRequired,
        TaskCompletes,
        TaskFails,
        TaskBreaks,
        TaskIsCancelled,
        TaskIsTakenBack,
        TaskIsForgotten,
        CancelledByNotification,
        AnswerAfterCancel,
        HangUp,
        ServerLeaves,
        Breaks,
        ServiceFails,
        Accepted,
        BadRequest,
        Unauthorized,
        Forbidden,
        InsufficientScope,
        RateLimited,
        RequestTimeout,
        GatewayTimeout,
        BadGateway,
        SessionExpired,
        Resumed,
        Unresumed,
        UnresumedWithoutSession,
        Compressed,
        DeletedDuringCall,
        DeletedBeforeAnswer,
        ListenEnds,
        ListenIsDropped,
        ListenIsInVain,
        Probe,
        ProbeByCall,
        ProbeUnanswered,
        ServerAsks,
        ServerAsksInVain,
        ServerTakesBack,
        ServerAsksForTask,
        Batch,
        BatchInParts,
        Progress,
    }
}

pub(super) enum Cell {
    /// What happens, and the records, apart from the handshake's.
    Plays(Vec<Act>, Vec<String>),
    /// Why not.
    CannotOccur(&'static str),
}

pub(super) const MODERN: &str = "2026-07-28";

/// What a tool says.
pub(super) const CONTENT: &str = r#""content":[{"type":"text","text":"4"}]"#;

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

pub(super) fn result(id: u32, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{members}}}}}"#)
}

pub(super) fn error(id: u32, code: i32) -> String {
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
        format!(r#""resultType":"complete",{CONTENT}"#)
    } else {
        CONTENT.to_owned()
    };
    let ok = || Answer(result(7, &complete));
    let cancel =
        || Client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#.to_owned());
    let asks = || r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}"#.to_owned();
    let cancelled = ["tools/call cancelled client_gone", "notifications/cancelled ok none"];
    match ending {
        Ending::Ok => plays(vec![call(), ok()], &["tools/call ok none"]),
        Ending::ToolError => plays(
            vec![call(), Answer(result(7, r#""content":[],"isError":true"#))],
            &["tools/call tool_error server, empty"],
        ),
        Ending::InvalidArguments => plays(
            vec![call(), Answer(error(7, -32602))],
            &["tools/call invalid_arguments caller"],
        ),
        Ending::UnknownTool => {
            let acts = vec![
                Client(request(version, 6, "tools/list", "")),
                Answer(result(6, r#""tools":[{"name":"subtract"}]"#)),
                call(),
                AnswerWith(if modern { 400 } else { 200 }, error(7, -32602)),
            ];
            plays(acts, &["tools/list ok none", "tools/call unknown_tool caller"])
        }
        Ending::UnknownToolByResult | Ending::ListChanged => follow_ups::lists(transport, version, ending),
        Ending::UnknownResource => {
            let read = request(version, 7, "resources/read", r#""uri":"file:///a""#);
            let (code, outcome) = if modern {
                (-32602, "resources/read invalid_arguments caller")
            } else {
                (-32002, "resources/read protocol_error caller")
            };
            plays(vec![Client(read), Answer(error(7, code))], &[outcome])
        }
        Ending::Unread => {
            let cut = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call""#.to_owned();
            if transport == Transport::TwoEndpoints {
                return plays(vec![Act::Refused(cut, 400)], &[" http_error caller"]);
            }
            let unread = error(7, -32700).replace(":7", ":null");
            plays(
                vec![Client(cut), AnswerWith(400, unread)],
                &[" invalid_arguments caller"],
            )
        }
        Ending::HeaderMismatch | Ending::MissingCapability | Ending::UnsupportedVersion if !modern => {
            CannotOccur("the codes are of 2026-07-28")
        }
        Ending::HeaderMismatch if !http => CannotOccur("a pipe has no headers"),
        Ending::HeaderMismatch => plays(
            vec![call(), AnswerWith(400, error(7, -32020))],
            &["tools/call protocol_error caller"],
        ),
        Ending::MissingCapability => plays(
            vec![call(), AnswerWith(400, error(7, -32021))],
            &["tools/call protocol_error caller"],
        ),
        // Of a later version, since the server has answered a request of this one; see Probe for those that do not.
        Ending::UnsupportedVersion => plays(
            vec![call(), ok(), call(), AnswerWith(400, error(7, -32022))],
            &["tools/call ok none", "tools/call protocol_error caller"],
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
                Answer(result(8, &complete)),
            ];
            plays(acts, &["tools/call input_required none", "tools/call ok none"])
        }
        Ending::InputRequired if version == "2025-11-25" => plays(
            vec![call(), Answer(error(7, -32042))],
            &["tools/call input_required none"],
        ),
        Ending::InputRequired => CannotOccur("a call cannot ask for input before 2025-11-25"),
        Ending::TaskCompletes
        | Ending::TaskFails
        | Ending::TaskBreaks
        | Ending::TaskIsCancelled
        | Ending::TaskIsTakenBack
        | Ending::TaskIsForgotten => follow_ups::task(version, ending, call()),
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
        Ending::Accepted
        | Ending::BadRequest
        | Ending::Unauthorized
        | Ending::Forbidden
        | Ending::InsufficientScope
        | Ending::RateLimited
        | Ending::RequestTimeout
        | Ending::GatewayTimeout
        | Ending::BadGateway
        | Ending::SessionExpired
            if !http =>
        {
            CannotOccur("a pipe has no status")
        }
        Ending::Accepted if transport == Transport::TwoEndpoints => {
            CannotOccur("every call is accepted before it is answered, see ServerLeaves")
        }
        Ending::Accepted => plays(vec![refused(202)], &["tools/call deferred none"]),
        // The server has answered a request of the client's era; see ProbeByCall where it has not.
        Ending::BadRequest => plays(
            vec![call(), ok(), refused(400)],
            &["tools/call ok none", "tools/call http_error caller"],
        ),
        Ending::Unauthorized => plays(vec![refused(401)], &["tools/call unauthorized auth"]),
        Ending::Forbidden => plays(vec![refused(403)], &["tools/call http_error caller"]),
        Ending::InsufficientScope => {
            let call = request(version, 7, "tools/call", r#""name":"add""#);
            plays(vec![Act::Challenged(call, 403)], &["tools/call unauthorized auth"])
        }
        Ending::RateLimited => plays(vec![refused(429)], &["tools/call rate_limited caller"]),
        Ending::RequestTimeout => plays(vec![refused(408)], &["tools/call timeout server"]),
        Ending::GatewayTimeout => plays(vec![refused(504)], &["tools/call timeout server"]),
        Ending::BadGateway => plays(vec![refused(502)], &["tools/call http_error server"]),
        Ending::SessionExpired if modern => CannotOccur("there are no sessions since 2026-07-28"),
        Ending::SessionExpired => plays(vec![refused(404)], &["tools/call http_error caller"]),
        Ending::Resumed
        | Ending::Unresumed
        | Ending::UnresumedWithoutSession
        | Ending::Compressed
        | Ending::DeletedDuringCall
        | Ending::DeletedBeforeAnswer
        | Ending::ListenEnds
        | Ending::ListenIsDropped
        | Ending::ListenIsInVain => streams::cell(transport, version, ending, [call(), ok()]),
        Ending::Probe | Ending::ProbeByCall | Ending::ProbeUnanswered => follow_ups::probe(transport, version, ending),
        Ending::ServerAsks | Ending::ServerAsksInVain | Ending::ServerTakesBack | Ending::ServerAsksForTask
            if modern =>
        {
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
        Ending::ServerAsksForTask if version < "2025-11-25" => CannotOccur("there are no tasks before 2025-11-25"),
        Ending::ServerAsksForTask => {
            let begun = result(7, r#""task":{"taskId":"t1","status":"working"}"#);
            let fetches = r#"{"jsonrpc":"2.0","id":8,"method":"tasks/result","params":{"taskId":"t1"}}"#;
            let mut acts = vec![call(), Server(asks()), Client(begun), Server(fetches.to_owned())];
            acts.extend([Client(error(8, -1)), ok()]);
            let records = [
                "tools/call ok none",
                "<sampling/createMessage cancelled none",
                "<tasks/result ok none",
            ];
            plays(acts, &records)
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
        Ending::Batch | Ending::BatchInParts => streams::batch(transport, version, ending),
        Ending::Progress if modern && transport == Transport::Json => {
            CannotOccur("an answer in JSON is all that comes, and there are no other streams since 2026-07-28")
        }
        Ending::Progress => {
            let call = request(version, 7, "tools/call", r#""name":"add""#);
            let call = call
                .replace(r#""_meta":{"#, r#""_meta":{"progressToken":7,"#)
                .replace(",}", "}");
            let tell = |token: &str| {
                let params = format!(r#"{{"progress":1,"progressToken":{token}}}"#);
                Server(format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#
                ))
            };
            let acts = vec![Client(call), tell("7"), tell(r#""7""#), tell("7"), ok()];
            plays(acts, &["tools/call ok none, progress 2"])
        }
    }
}
