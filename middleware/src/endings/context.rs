//! What a record tells beside the ending: version, transport, status and client.

use super::Transport;
use super::cells::{Ending, MODERN};

/// The context in which `record` is expected, as [`told`](super::told) tells it.
pub(super) fn of(transport: Transport, version: &str, ending: Ending, record: &str) -> String {
    let probe = record.contains(" probe ");
    let said_by_server = record.starts_with('<');
    let unread = record.starts_with(' ');
    let on_pipe = transport == Transport::Stdio;
    let transport_name = match transport {
        Transport::Stdio => "stdio",
        // A client of the new era does not ask by the address that the event stream gives.
        Transport::TwoEndpoints if !probe => "sse",
        _ => "streamable_http",
    };
    // Since 2026-07-28 only a request says who asks, and in which version, and one that listens who is told; without a session,
    // nothing else does before.
    let nobody = match ending {
        Ending::ListenEnds | Ending::ListenIsDropped if said_by_server => false,
        Ending::UnresumedWithoutSession => version != MODERN && record.starts_with("tools/"),
        _ => version == MODERN && (said_by_server || unread || record.starts_with("notifications/")),
    };
    let told = match (probe, nobody) {
        (true, _) => MODERN,
        // Over HTTP a header does, since 2025-06-18, and what has none is taken for the version before.
        (_, true) if on_pipe => "-",
        _ => version,
    };
    let client = if nobody { "" } else { "desk" };
    let status = if on_pipe || said_by_server {
        "-"
    } else {
        status(transport, version, ending, record)
    };
    format!("{told} {transport_name} {status} {client}")
}

fn status(transport: Transport, version: &str, ending: Ending, record: &str) -> &'static str {
    let accepted = record.starts_with("notifications/");
    let fine = record.contains(" ok ");
    let two = transport == Transport::TwoEndpoints;
    match ending {
        _ if accepted => "202",
        _ if (record.starts_with("initialize") || fine) && two => "202",
        _ if record.starts_with("initialize") || fine => "200",
        Ending::BadRequest | Ending::Unread => "400",
        Ending::Unauthorized => "401",
        Ending::Forbidden | Ending::InsufficientScope => "403",
        Ending::SessionExpired => "404",
        Ending::RequestTimeout => "408",
        Ending::RateLimited => "429",
        Ending::BadGateway => "502",
        Ending::GatewayTimeout => "504",
        Ending::Probe | Ending::ProbeByCall if two => "405",
        Ending::Probe | Ending::ProbeByCall => "400",
        _ if two || ending == Ending::Accepted => "202",
        Ending::HeaderMismatch | Ending::MissingCapability | Ending::UnsupportedVersion => "400",
        Ending::UnknownTool if version == MODERN => "400",
        Ending::UnknownMethod if version == MODERN => "404",
        // It ends before there is a response.
        Ending::ServiceFails | Ending::CancelledByNotification | Ending::AnswerAfterCancel => "-",
        Ending::HangUp if transport == Transport::Json => "-",
        _ => "200",
    }
}
