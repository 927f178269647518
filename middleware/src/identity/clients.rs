//! The clients that are known by other names, and the bridges that stand in front of clients.

use super::known::{BRIDGE, known};
use crate::export::BuildError;
use crate::record::{Peer, Text};
use crate::wire::{NAME_LIMIT, cut};

/// Clients and bridges that the operator can name, in the builder and in the environment together.
const MOST: usize = 256;

/// Clients and bridges that the operator knows, beyond the table of those that many know
/// ([`CLIENTS_VERSION`](crate::CLIENTS_VERSION)).
///
/// A client is found by the name that it gives itself in `clientInfo` or `User-Agent`, whatever its case, and with spaces or
/// hyphens. What is named here comes before the table, the builder before the environment, and the first of two entries of one
/// name before the other. At most 256 entries, and 256 bytes for each name; more are an error of
/// [`Builder::build`](crate::Builder::build).
///
/// ```
/// use toolsight::Clients;
///
/// let clients = Clients::default().client("my-agent-cli", "My Agent").bridge("my-proxy");
/// let toolsight = toolsight::Toolsight::builder().clients(clients).build()?;
/// # Ok::<(), toolsight::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Clients {
    told: Vec<(String, String)>,
    variable: Option<Box<str>>,
}

impl Clients {
    /// Records the client that calls itself `name` as `known_as`, such as `my-agent-cli` as `My Agent`.
    #[must_use]
    pub fn client(mut self, name: impl Into<String>, known_as: impl Into<String>) -> Self {
        self.told.push((name.into(), known_as.into()));
        self
    }

    /// Takes a client of this `name` for a bridge, that is a program that passes on what others say: it is recorded apart, and
    /// the client behind it as unknown.
    #[must_use]
    pub fn bridge(self, name: impl Into<String>) -> Self {
        self.client(name, BRIDGE)
    }

    /// Reads more of them from this variable of the environment, such as `TOOLSIGHT_CLIENTS`, once, when
    /// [`Builder::build`](crate::Builder::build) is called: `my-agent-cli=My Agent,my-proxy=(bridge)`.
    #[must_use]
    pub fn from_env(mut self, variable: impl Into<Box<str>>) -> Self {
        self.variable = Some(variable.into());
        self
    }

    pub(crate) fn read(self, environment: impl Fn(&str) -> Option<String>) -> Result<KnownClients, BuildError> {
        let mut own = Vec::new();
        for (name, known_as) in &self.told {
            add(&mut own, (name, known_as), "Builder::clients")?;
        }
        let variable = self.variable.as_deref().unwrap_or_default();
        let told = environment(variable).filter(|_| !variable.is_empty());
        for entry in told.iter().flat_map(|told| told.split(',')) {
            if !entry.trim().is_empty() {
                add(&mut own, entry.split_once('=').unwrap_or((entry, "")), variable)?;
            }
        }
        // Stable, so the first entry of a name stays.
        own.sort_by(|a, b| a.0.cmp(&b.0));
        own.dedup_by(|a, b| a.0 == b.0);
        Ok(KnownClients(own.into()))
    }
}

/// Adds an entry that `from` has.
fn add(own: &mut Vec<(Text, Text)>, (name, known_as): (&str, &str), from: &str) -> Result<(), BuildError> {
    let (name, known_as) = (name.trim(), known_as.trim());
    let wrong = if name.is_empty() || known_as.is_empty() {
        "it needs a name and what that is known as, as in my-agent-cli=My Agent or my-proxy=(bridge)"
    } else if name.contains('*') {
        "a name is compared as a whole, so it has no *"
    } else if name.len().max(known_as.len()) > NAME_LIMIT {
        "a name has at most 256 bytes"
    } else if own.len() == MOST {
        "there are at most 256 clients and bridges"
    } else {
        own.push((key(name), known_as.into()));
        return Ok(());
    };
    Err(BuildError::Client {
        name: cut(name, NAME_LIMIT).to_owned(),
        from: from.to_owned(),
        wrong,
    })
}

/// All clients that are known: those that the operator has named, sorted, and those of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownClients(Box<[(Text, Text)]>);

impl KnownClients {
    /// Gives the client the name that it is known by, and returns the bridge before it: `claude-ai (via mcp-remote 0.1.15)`
    /// is Claude, and came by `mcp-remote 0.1.15`.
    pub(crate) fn recognise(&self, client: &mut Peer) -> Option<Text> {
        let bridge = split_bridge(client);
        let name = client.name.trim();
        let written;
        let key = if name.bytes().any(|byte| byte == b' ' || byte.is_ascii_uppercase()) {
            written = key(name);
            &*written
        } else {
            name
        };
        let own = self.own(key).cloned();
        let Some(known_as) = own.or_else(|| known(key).map(Text::new_static)) else {
            return bridge;
        };
        if known_as != BRIDGE {
            client.name = known_as;
        } else if bridge.is_none() {
            let bridge = format!("{} {}", client.name, client.version);
            *client = Peer::default();
            return Some(bridge.trim_end().into());
        }
        bridge
    }

    fn own(&self, key: &str) -> Option<&Text> {
        let at = self.0.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok()?;
        Some(&self.0[at].1)
    }
}

/// A name as it stands in the table.
pub(super) fn key(name: &str) -> Text {
    name.replace(' ', "-").to_ascii_lowercase().into()
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

    fn recognised(known: &KnownClients, raw: &str) -> (String, Option<String>) {
        let version = if raw.is_empty() { "" } else { "1" };
        let mut client = Peer {
            name: raw.into(),
            version: version.into(),
        };
        let bridge = known.recognise(&mut client);
        (client.name.into(), bridge.map(Into::into))
    }

    #[test]
    fn names_of_one_client_become_one_and_bridges_are_split_off() {
        for (raw, name, bridge) in [
            ("claude-ai (via mcp-remote 0.1.15)", "Claude", Some("mcp-remote 0.1.15")),
            ("Desk Agent (via mcp-proxy 1)", "Desk Agent", Some("mcp-proxy 1")),
            ("mcp-remote (via mcp-proxy 1)", "mcp-remote", Some("mcp-proxy 1")),
            ("cursor-vscode", "Cursor", None),
            ("Visual Studio Code", "VS Code", None),
            ("Visual Studio Code - Insiders", "VS Code", None),
            ("gemini-cli-mcp-client", "Gemini CLI", None),
            ("gemini-cli-mcp-client-ledger", "Gemini CLI", None),
            ("gemini-cli-mcp-clients", "gemini-cli-mcp-clients", None),
            ("mcp-remote", "", Some("mcp-remote 1")),
            ("supergateway", "", Some("supergateway 1")),
            ("Cursors", "Cursors", None),
            ("!", "!", None),
            ("Desk (beta)", "Desk (beta)", None),
            (" (via x)", " (via x)", None),
            ("", "", None),
        ] {
            let expected = (name.to_owned(), bridge.map(str::to_owned));
            assert_eq!(recognised(&KnownClients::default(), raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_the_operator_names_comes_before_the_table_and_the_builder_before_the_environment() {
        let clients = Clients::default()
            .client("My Agent CLI", "My Agent")
            .client("my-agent-cli", "Another")
            .client("claude-code", "Claude of ours")
            .client("supergateway", "Super")
            .bridge("my-proxy")
            .from_env("CLIENTS_OF_IT");
        let told = "told-cli = Told , ,my-proxy=Nobody, Cursor=(bridge),";
        let known = clients.read(|name| (name == "CLIENTS_OF_IT").then(|| told.to_owned()));
        let known = known.unwrap();
        for (case, raw, name, bridge) in [
            ("a client by its key", "my-agent-cli", "My Agent", None),
            ("a client in any case", "MY Agent cli", "My Agent", None),
            (
                "a client of the table has another name",
                "claude-code",
                "Claude of ours",
                None,
            ),
            ("a bridge of the table is a client", "supergateway", "Super", None),
            ("a bridge", "My-Proxy", "", Some("My-Proxy 1")),
            (
                "a client behind a bridge",
                "my-agent-cli (via my-proxy 2)",
                "My Agent",
                Some("my-proxy 2"),
            ),
            ("a client of the environment", "told-cli", "Told", None),
            ("a client of the table is a bridge", "cursor", "", Some("cursor 1")),
            ("the table still counts", "claude-ai", "Claude", None),
            ("nobody knows it", "my-agent", "my-agent", None),
        ] {
            let expected = (name.to_owned(), bridge.map(str::to_owned));
            assert_eq!(recognised(&known, raw), expected, "{case}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn entries_that_cannot_be_used_are_refused_with_where_they_stand() {
        let long = "x".repeat(257);
        let full = (0..256).fold(Clients::default(), |clients, index| {
            clients.client(format!("x{index}"), "X")
        });
        let none = Clients::default;
        for (case, clients, variable, error) in [
            (
                "no name",
                none().client(" ", "X"),
                "",
                Some("Builder::clients names \"\": it needs a name"),
            ),
            (
                "no other name",
                none().client("x", ""),
                "",
                Some("names \"x\": it needs a name"),
            ),
            (
                "a bridge without a name",
                none().bridge(""),
                "",
                Some("names \"\": it needs a name"),
            ),
            (
                "a name as long as may be",
                none().client(&long[1..], &long[1..]),
                "",
                None,
            ),
            ("a long name", none().client(&long, "X"), "", Some("at most 256 bytes")),
            (
                "a long other name",
                none().client("x", &long),
                "",
                Some("at most 256 bytes"),
            ),
            (
                "a pattern",
                none().client("my-*", "X"),
                "",
                Some("names \"my-*\": a name is compared"),
            ),
            ("no more than there may be", full.clone(), "", None),
            (
                "one too many",
                full.clone().bridge("y"),
                "",
                Some("names \"y\": there are at most 256"),
            ),
            (
                "one too many in the variable",
                full,
                "y=Y",
                Some("TOOLSIGHT_CLIENTS names \"y\": there are at most"),
            ),
            ("a variable that is not set", none(), "", None),
            (
                "half an entry in the variable",
                none(),
                "a=A,b",
                Some("TOOLSIGHT_CLIENTS names \"b\": it needs a name"),
            ),
        ] {
            let told = |_: &str| Some(variable.to_owned());
            let refused = clients
                .from_env("TOOLSIGHT_CLIENTS")
                .read(told)
                .err()
                .map(|error| error.to_string());
            match (refused, error) {
                (Some(refused), Some(error)) => assert!(refused.contains(error), "{case}: {refused}"),
                (refused, error) => assert_eq!(refused.as_deref(), error, "{case}"),
            }
        }
        let unasked = Clients::default().read(|_| Some("nonsense".to_owned()));
        assert!(unasked.is_ok(), "no variable was named");
    }
}
