//! The clients that are known by other names, and the bridges that stand in front of clients.

use crate::record::{Peer, Text};

/// Version of the table of known clients: the day on which it was last changed.
pub const CLIENTS_VERSION: &str = "2026-11-21";

/// Names that clients give themselves in `clientInfo` or `User-Agent`, in lower case with hyphens for spaces, and the one
/// name under which they are recorded. Sorted, for the search. A name that is not here is recorded as it is.
const KNOWN: &[(&str, &str)] = &[
    ("amazon-q-cli", "Amazon Q"),
    ("amazonq", "Amazon Q"),
    ("amp", "Amp"),
    ("amp-mcp-client", "Amp"),
    ("chatgpt", "ChatGPT"),
    ("claude", "Claude"),
    ("claude-ai", "Claude"),
    ("claude-code", "Claude Code"),
    ("claude-desktop", "Claude"),
    ("claude-user", "Claude"),
    ("cline", "Cline"),
    ("codex", "Codex"),
    ("codex-mcp-client", "Codex"),
    ("codex_cli_rs", "Codex"),
    ("continue", "Continue"),
    ("continue-cli-client", "Continue"),
    ("continue-client", "Continue"),
    ("crush", "Crush"),
    ("cursor", "Cursor"),
    ("cursor-vscode", "Cursor"),
    ("gemini-cli", "Gemini CLI"),
    ("gemini-cli-mcp-client", "Gemini CLI"),
    ("goose", "Goose"),
    ("inspector-client", "MCP Inspector"),
    ("kilo-code", "Kilo Code"),
    ("kiro", "Kiro"),
    ("librechat", "LibreChat"),
    ("lm-studio", "LM Studio"),
    ("mcp-inspector", "MCP Inspector"),
    ("n8n", "n8n"),
    ("openai-mcp", "ChatGPT"),
    ("opencode", "OpenCode"),
    ("qwen-cli-mcp-client", "Qwen Code"),
    ("qwen-code", "Qwen Code"),
    ("raycast", "Raycast"),
    ("roo-code", "Roo Code"),
    ("visual-studio-code", "VS Code"),
    ("visual-studio-code---insiders", "VS Code"),
    ("vscode", "VS Code"),
    ("vscode-insiders", "VS Code"),
    ("warp", "Warp"),
    ("windsurf", "Windsurf"),
    ("windsurf-client", "Windsurf"),
    ("zed", "Zed"),
];

/// Programs that pass on what another client says, by the name with which they connect when they do not pass its name on.
const BRIDGES: &[&str] = &["mcp-proxy", "mcp-remote", "mcp-remote-fallback-test", "supergateway"];

/// Clients whose name ends with that of the server they talk to, as in `gemini-cli-mcp-client-ledger`.
const WITH_SERVER_NAME: &[&str] = &["gemini-cli-mcp-client-", "qwen-cli-mcp-client-"];

/// Gives the client the name that it is known by, and returns the bridge before it: `claude-ai (via mcp-remote 0.1.15)` is
/// Claude, and came by `mcp-remote 0.1.15`.
pub(crate) fn recognise(client: &mut Peer) -> Option<Text> {
    let bridge = split_bridge(client);
    let name = client.name.trim();
    let written;
    let key = if name.bytes().any(|byte| byte == b' ' || byte.is_ascii_uppercase()) {
        written = key(name);
        &*written
    } else {
        name
    };
    if bridge.is_none() && BRIDGES.contains(&key) {
        let bridge = format!("{} {}", client.name, client.version);
        *client = Peer::default();
        return Some(bridge.trim_end().into());
    }
    if let Some(name) = known(key) {
        client.name = Text::new_static(name);
    }
    bridge
}

fn key(name: &str) -> Text {
    name.replace(' ', "-").to_ascii_lowercase().into()
}

fn known(key: &str) -> Option<&'static str> {
    let suffixed = WITH_SERVER_NAME.iter().find(|prefix| key.starts_with(**prefix));
    let key = suffixed.map_or(key, |prefix| prefix.trim_end_matches('-'));
    let at = KNOWN.binary_search_by_key(&key, |(name, _)| name).ok()?;
    Some(KNOWN[at].1)
}

fn split_bridge(client: &mut Peer) -> Option<Text> {
    let (name, bridge) = client.name.strip_suffix(')')?.rsplit_once(" (via ")?;
    if name.is_empty() {
        return None;
    }
    let (name, bridge) = (name.trim_end().into(), bridge.into());
    client.name = name;
    Some(bridge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_client_become_one_and_bridges_are_split_off() {
        for (raw, name, bridge) in [
            ("claude-ai (via mcp-remote 0.1.15)", "Claude", Some("mcp-remote 0.1.15")),
            ("Desk Agent (via mcp-proxy 1)", "Desk Agent", Some("mcp-proxy 1")),
            ("cursor-vscode", "Cursor", None),
            ("Visual Studio Code", "VS Code", None),
            ("Visual Studio Code - Insiders", "VS Code", None),
            ("gemini-cli-mcp-client-ledger", "Gemini CLI", None),
            ("mcp-remote", "", Some("mcp-remote 1")),
            ("supergateway", "", Some("supergateway 1")),
            ("Cursors", "Cursors", None),
            ("Desk (beta)", "Desk (beta)", None),
            (" (via x)", " (via x)", None),
            ("", "", None),
        ] {
            let version = if raw.is_empty() { "" } else { "1" };
            let mut client = Peer {
                name: raw.into(),
                version: version.into(),
            };
            let found = recognise(&mut client);
            assert_eq!((&*client.name, found.as_deref()), (name, bridge), "{raw}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_names_are_keys() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
        for (raw, name) in KNOWN {
            assert_eq!(key(raw), *raw);
            assert_eq!(known(&key(name)).unwrap_or(name), *name, "{name} is known by itself");
        }
    }
}
