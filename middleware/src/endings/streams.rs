//! Endings that only some transports have: of streams that go on elsewhere or stay open, of sessions, and of batches.

use super::cells::{CONTENT, Cell, Ending, MODERN, error, request, result};
use super::{Act, Transport};

pub(super) fn plays(acts: Vec<Act>, records: &[&str]) -> Cell {
    Cell::Plays(acts, records.iter().map(|record| (*record).to_owned()).collect())
}

pub(super) fn cell(transport: Transport, version: &str, ending: Ending, [call, ok]: [Act; 2]) -> Cell {
    use Cell::CannotOccur;
    let modern = version == MODERN;
    match ending {
        Ending::Resumed | Ending::Unresumed | Ending::UnresumedWithoutSession if transport != Transport::Stream => {
            CannotOccur("only the stream of an answer can be resumed")
        }
        Ending::Resumed | Ending::Unresumed if modern => CannotOccur("streams are not resumed since 2026-07-28"),
        Ending::Resumed => {
            let Act::Answer(answer) = ok else {
                panic!("{ok:?} is no answer");
            };
            plays(vec![call, Act::Pause, Act::Resume(answer)], &["tools/call ok none"])
        }
        Ending::Unresumed | Ending::UnresumedWithoutSession => {
            plays(vec![call, Act::Pause], &["tools/call abandoned server"])
        }
        Ending::Compressed if transport == Transport::Stdio => CannotOccur("nobody compresses a pipe"),
        Ending::Compressed if transport == Transport::TwoEndpoints => {
            CannotOccur("the stream of all answers is compressed or none")
        }
        Ending::Compressed => plays(vec![call, Act::Compressed], &["tools/call ok none, unread"]),
        Ending::DeletedDuringCall | Ending::DeletedBeforeAnswer
            if modern || matches!(transport, Transport::Stdio | Transport::TwoEndpoints) =>
        {
            CannotOccur("there is no session that could be ended")
        }
        Ending::DeletedDuringCall => plays(
            vec![call, Act::Delete, Act::Leave],
            &["tools/call abandoned client_gone"],
        ),
        Ending::DeletedBeforeAnswer => plays(vec![call, Act::Delete, ok], &["tools/call ok none"]),
        _ if !modern => CannotOccur("there is nothing to listen to by a request before 2026-07-28"),
        _ if transport == Transport::Json => CannotOccur("what is listened to is a stream"),
        _ => listen(transport, version, ending),
    }
}

/// Something else that the client says, so that what it said before is read while the server answers.
fn notification() -> Act {
    Act::Client(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#.to_owned())
}

fn listen(transport: Transport, version: &str, ending: Ending) -> Cell {
    let tell = |method: &str| {
        let meta = r#""_meta":{"io.modelcontextprotocol/subscriptionId":7}"#;
        Act::Server(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{{meta}}}}}"#
        ))
    };
    let listens = Act::Client(request(version, 7, "subscriptions/listen", ""));
    if ending == Ending::ListenIsInVain {
        let gone = match transport {
            Transport::Stdio => "subscriptions/listen abandoned client_gone",
            _ => "subscriptions/listen cancelled client_gone",
        };
        return plays(vec![listens, Act::HangUp], &[gone]);
    }
    let end = if ending == Ending::ListenEnds {
        Act::Answer(result(7, r#""resultType":"complete""#))
    } else {
        Act::HangUp
    };
    let acts = vec![
        listens,
        tell("subscriptions/acknowledged"),
        tell("tools/list_changed"),
        notification(),
        end,
    ];
    let records = [
        "subscriptions/listen ok none",
        "<notifications/tools/list_changed ok none",
        "notifications/roots/list_changed ok none",
    ];
    plays(acts, &records)
}

pub(super) fn batch(transport: Transport, version: &str, ending: Ending) -> Cell {
    if version != "2025-03-26" {
        return Cell::CannotOccur("batches are of 2025-03-26 only");
    }
    let both = [7, 8]
        .map(|id| request(version, id, "tools/call", r#""name":"add""#))
        .join(",");
    let batch = Act::Client(format!("[{both}]"));
    let (first, second) = (error(8, -32603), result(7, CONTENT));
    let acts = match (ending, transport) {
        (Ending::Batch, _) => vec![batch, Act::Answer(format!("[{first},{second}]"))],
        (_, Transport::Json) => return Cell::CannotOccur("an answer in JSON is all that comes"),
        _ => vec![batch, Act::Server(first), notification(), Act::Answer(second)],
    };
    let mut records = vec!["tools/call ok none", "tools/call internal_error server"];
    records.extend((ending == Ending::BatchInParts).then_some("notifications/roots/list_changed ok none"));
    plays(acts, &records)
}
