//! Words that MCP has, which need not be copied.

/// The method or version that is written so.
pub(super) const fn known(raw: &[u8]) -> Option<&'static str> {
    Some(match raw {
        b"2024-11-05" => "2024-11-05",
        b"2025-03-26" => "2025-03-26",
        b"2025-06-18" => "2025-06-18",
        b"2025-11-25" => "2025-11-25",
        b"2026-07-28" => "2026-07-28",
        b"completion/complete" => "completion/complete",
        b"elicitation/create" => "elicitation/create",
        b"initialize" => "initialize",
        b"logging/setLevel" => "logging/setLevel",
        b"notifications/cancelled" => "notifications/cancelled",
        b"notifications/initialized" => "notifications/initialized",
        b"notifications/message" => "notifications/message",
        b"notifications/progress" => "notifications/progress",
        b"ping" => "ping",
        b"prompts/get" => "prompts/get",
        b"prompts/list" => "prompts/list",
        b"resources/list" => "resources/list",
        b"resources/read" => "resources/read",
        b"resources/templates/list" => "resources/templates/list",
        b"roots/list" => "roots/list",
        b"sampling/createMessage" => "sampling/createMessage",
        b"server/discover" => "server/discover",
        b"subscriptions/listen" => "subscriptions/listen",
        b"tasks/get" => "tasks/get",
        b"tasks/result" => "tasks/result",
        b"tools/call" => "tools/call",
        b"tools/list" => "tools/list",
        _ => return None,
    })
}
