//! Endings that only what comes before or behind tells: of a call that became a task, of a request that was a probe, and of a
//! tool that the server has not listed.

use super::cells::{CONTENT, Cell, Ending, MODERN, error, request, result};
use super::streams::plays;
use super::{Act, Transport};

/// A call that becomes a task is one record, of how the task ended; each question for it is another.
pub(super) fn task(version: &str, ending: Ending, call: Act) -> Cell {
    use Act::{Answer, Client};
    if version < "2025-11-25" {
        return Cell::CannotOccur("there are no tasks before 2025-11-25");
    }
    let modern = version == MODERN;
    let told = |status: &str| format!(r#""taskId":"t1","status":"{status}""#);
    let begun = if modern {
        format!(r#""resultType":"task",{}"#, told("working"))
    } else {
        format!(r#""task":{{{}}}"#, told("working"))
    };
    let ask = |id, method: &str| Client(request(version, id, method, r#""taskId":"t1""#));
    let status = |id, text: &str| Answer(result(id, &told(text)));
    let list = r#""tools":[{"name":"add","outputSchema":{"type":"object","required":["sum"]}}]"#;
    let mut acts = vec![
        Client(request(version, 6, "tools/list", "")),
        Answer(result(6, list)),
        call,
        Answer(result(7, &begun)),
    ];
    let mut records = vec!["tools/list ok none"];
    if ending == Ending::TaskIsForgotten {
        records.push("tools/call deferred none");
        return plays(acts, &records);
    }
    acts.extend([ask(8, "tasks/get"), status(8, "working")]);
    records.push("tasks/get ok none");
    let done = format!(r#"{CONTENT},"structuredContent":{{"sum":4}}"#);
    let failed = format!(r#"{CONTENT},"isError":true"#);
    match (ending, modern) {
        (Ending::TaskCompletes, true) => {
            let done = format!(r#"{},"result":{{{done}}}"#, told("completed"));
            acts.extend([ask(9, "tasks/get"), Answer(result(9, &done))]);
            records.extend(["tasks/get ok none", "tools/call ok none"]);
        }
        (Ending::TaskCompletes, false) => {
            acts.extend([ask(9, "tasks/result"), Answer(result(9, &done))]);
            records.extend(["tasks/result ok none", "tools/call ok none"]);
        }
        (Ending::TaskFails, true) => {
            let failed = format!(r#"{},"result":{{{failed}}}"#, told("completed"));
            acts.extend([ask(9, "tasks/get"), Answer(result(9, &failed))]);
            records.extend(["tasks/get ok none", "tools/call tool_error server"]);
        }
        (Ending::TaskFails, false) => {
            acts.extend([ask(9, "tasks/get"), status(9, "failed")]);
            acts.extend([ask(10, "tasks/result"), Answer(result(10, &failed))]);
            acts.extend([ask(11, "tasks/get"), status(11, "failed")]);
            records.extend(["tasks/get ok none", "tasks/result ok none", "tasks/get ok none"]);
            records.push("tools/call tool_error server");
        }
        (Ending::TaskBreaks, true) => {
            let broken = format!(r#"{},"error":{{"code":-32603,"message":"m"}}"#, told("failed"));
            acts.extend([ask(9, "tasks/get"), Answer(result(9, &broken))]);
            acts.extend([ask(10, "tasks/get"), Answer(result(10, &broken))]);
            records.extend(["tasks/get ok none", "tasks/get ok none"]);
            records.push("tools/call internal_error server");
        }
        (Ending::TaskBreaks, false) => {
            acts.extend([ask(9, "tasks/get"), status(9, "failed")]);
            acts.extend([ask(10, "tasks/result"), Answer(error(10, -32603))]);
            records.extend(["tasks/get ok none", "tasks/result ok none"]);
            records.push("tools/call internal_error server");
        }
        (Ending::TaskIsTakenBack, _) => {
            let acknowledged = if modern { r#""resultType":"complete""# } else { "" };
            acts.extend([ask(9, "tasks/cancel"), Answer(result(9, acknowledged))]);
            records.extend(["tasks/cancel ok none", "tools/call cancelled client_gone"]);
        }
        _ => {
            acts.extend([ask(9, "tasks/get"), status(9, "cancelled")]);
            records.extend(["tasks/get ok none", "tools/call cancelled client_gone"]);
        }
    }
    plays(acts, &records)
}

/// The handshake of a version before 2026-07-28.
pub(super) fn handshake(version: &str) -> [Act; 2] {
    let params = format!(r#""protocolVersion":"{version}","clientInfo":{{"name":"desk","version":"1"}}"#);
    let answer = format!(r#""protocolVersion":"{version}","serverInfo":{{"name":"ledger"}}"#);
    [
        Act::Client(request(version, 0, "initialize", &params)),
        Act::Answer(result(0, &answer)),
    ]
}

/// A client of both eras asks a server of the old one, is refused, and falls back to the handshake.
pub(super) fn probe(transport: Transport, version: &str, ending: Ending) -> Cell {
    if version == MODERN {
        return Cell::CannotOccur("a server of 2026-07-28 speaks the new era");
    }
    let method = if ending == Ending::Probe {
        "server/discover"
    } else {
        "tools/list"
    };
    let asks = request(MODERN, 1, method, "");
    let mut acts = match (ending, transport) {
        (Ending::ProbeUnanswered, Transport::Stdio) => vec![Act::Client(asks)],
        (Ending::ProbeUnanswered, _) => {
            return Cell::CannotOccur("a client that gives up closes the stream, see HangUp");
        }
        // No method, not yet initialized: whatever the code is.
        (_, Transport::Stdio) => vec![Act::Client(asks), Act::Answer(error(1, -32603))],
        (_, Transport::Json) => vec![Act::Client(asks), Act::AnswerWith(400, error(1, -32000))],
        (_, Transport::Stream) => vec![Act::Refused(asks, 400)],
        (_, Transport::TwoEndpoints) => vec![Act::Refused(asks, 405)],
    };
    acts.extend(handshake(version));
    let call = request(version, 7, "tools/call", r#""name":"add""#);
    acts.extend([Act::Client(call), Act::Answer(result(7, CONTENT))]);
    let records = vec![format!("{method} probe none"), "tools/call ok none".to_owned()];
    Cell::Plays(acts, records)
}

/// A tool that is not there, by a result that says no more than that it failed.
pub(super) fn lists(transport: Transport, version: &str, ending: Ending) -> Cell {
    let changes = ending == Ending::ListChanged;
    if changes && version == MODERN && transport == Transport::Json {
        return Cell::CannotOccur(
            "an answer in JSON is all that comes, and there are no other streams since 2026-07-28",
        );
    }
    let mut acts = vec![
        Act::Client(request(version, 6, "tools/list", "")),
        Act::Answer(result(6, r#""tools":[{"name":"subtract"}]"#)),
        Act::Client(request(version, 7, "tools/call", r#""name":"add""#)),
    ];
    let mut records = vec!["tools/list ok none".to_owned()];
    if changes {
        let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        acts.push(Act::Server(changed.to_owned()));
        records.push("<notifications/tools/list_changed ok none".to_owned());
        records.push("tools/call tool_error server".to_owned());
    } else {
        records.push("tools/call unknown_tool caller".to_owned());
    }
    acts.push(Act::Answer(result(7, &format!(r#"{CONTENT},"isError":true"#))));
    Cell::Plays(acts, records)
}
