//! Which series of a duration histogram a record belongs to. Everything that tells them apart is of a closed set, so that
//! nothing that a peer makes up opens one.

use opentelemetry::KeyValue;

use super::error_type::ErrorType;
use super::spans::{PIPE, network_transport};
use crate::observe::Tools;
use crate::record::{Direction, Record, Target, Text};
use crate::semconv;

/// Methods of the five protocol versions; what is not among them is `_OTHER` in a metric.
const METHODS: [&str; 34] = [
    "completion/complete",
    "elicitation/create",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/elicitation/complete",
    "notifications/initialized",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/tasks",
    "notifications/tasks/status",
    "notifications/tools/list_changed",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/update",
    "tools/call",
    "tools/list",
];
const PROTOCOL_VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// A series; its attributes are made of it, and of nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Series {
    direction: Direction,
    pub(super) method: &'static str,
    /// A resource goes by its template or scheme.
    pub(super) target: Target,
    error_type: Option<ErrorType>,
    code: Option<ErrorType>,
    protocol_version: Option<&'static str>,
    transport: &'static str,
    /// One of four; none of a pipe.
    http_version: Option<&'static str>,
}

impl Series {
    pub(super) fn of(record: &Record, tools: &Tools) -> Self {
        let bounded = |name: &Text, known: bool| {
            if known {
                name.clone()
            } else {
                Text::new_static(semconv::OTHER)
            }
        };
        Self {
            direction: record.direction,
            method: known(&METHODS, &record.method),
            target: match &record.target {
                Target::Tool(name) => Target::Tool(bounded(name, tools.knows(name))),
                Target::Prompt(name) => Target::Prompt(bounded(name, tools.knows_prompt(name))),
                Target::Resource(name) if name.is_empty() => Target::None,
                Target::Resource(name) => Target::Resource(bounded(name, tools.resources.knows(name))),
                Target::None => Target::None,
            },
            error_type: ErrorType::of(record).map(ErrorType::bounded),
            code: record.code.map(|code| ErrorType::Code(code).bounded()),
            protocol_version: record.protocol_version.as_deref().map(protocol_version),
            transport: network_transport(record),
            http_version: record.http_version,
        }
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![KeyValue::new(semconv::MCP_METHOD_NAME, self.method)];
        let mut add = |key, value: String| attributes.push(KeyValue::new(key, value));
        match &self.target {
            Target::Tool(tool) => {
                add(semconv::GEN_AI_TOOL_NAME, tool.to_string());
                add(semconv::GEN_AI_OPERATION_NAME, semconv::EXECUTE_TOOL.to_owned());
            }
            Target::Prompt(prompt) => add(semconv::GEN_AI_PROMPT_NAME, prompt.to_string()),
            Target::Resource(resource) => add(semconv::MCP_RESOURCE_URI, resource.to_string()),
            Target::None => {}
        }
        if let Some(error_type) = self.error_type {
            add(semconv::ERROR_TYPE, error_type.text().into_owned());
        }
        if let Some(code) = self.code {
            add(semconv::RPC_RESPONSE_STATUS_CODE, code.text().into_owned());
        }
        if let Some(version) = self.protocol_version {
            add(semconv::MCP_PROTOCOL_VERSION, version.to_owned());
        }
        add(semconv::NETWORK_TRANSPORT, self.transport.to_owned());
        if self.transport != PIPE {
            add(semconv::NETWORK_PROTOCOL_NAME, "http".to_owned());
        }
        if let Some(version) = self.http_version {
            add(semconv::NETWORK_PROTOCOL_VERSION, version.to_owned());
        }
        attributes
    }
}

/// The version if it is one of the protocol's.
pub(super) fn protocol_version(version: &str) -> &'static str {
    known(&PROTOCOL_VERSIONS, version)
}

fn known(names: &[&'static str], name: &str) -> &'static str {
    names
        .iter()
        .find(|known| **known == name)
        .copied()
        .unwrap_or(semconv::OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Transport;
    use crate::record::tests::record;
    use crate::wire::UriTemplate;

    #[test]
    fn what_carries_a_call_is_told_as_the_convention_names_it() {
        for (transport, http_version, expected) in [
            (Transport::Stdio, None, "pipe"),
            (Transport::StreamableHttp, Some("1.1"), "tcp http 1.1"),
            (Transport::Sse, Some("2"), "tcp http 2"),
            (Transport::StreamableHttp, Some("3"), "quic http 3"),
            (Transport::StreamableHttp, None, "tcp http"),
        ] {
            let call = Record {
                transport,
                http_version,
                ..record()
            };
            let attributes = Series::of(&call, &Tools::default()).attributes();
            let network = attributes
                .iter()
                .filter(|attribute| attribute.key.as_str().starts_with("network."));
            let told: Vec<_> = network.map(|attribute| attribute.value.as_str()).collect();
            assert_eq!(told.join(" "), expected);
        }
    }

    #[test]
    fn a_resource_opens_a_series_where_its_template_or_scheme_is_known() {
        let tools = Tools::default();
        tools.resources.learn_page(&[UriTemplate {
            text: "users://{id}".into(),
            is_cut: false,
        }]);
        tools.resources.learn_scheme(&"file".into());
        for (target, expected) in [
            ("users://{id}", Some("users://{id}")),
            ("file", Some("file")),
            ("users", Some(semconv::OTHER)),
            ("users://{made_up}", Some(semconv::OTHER)),
            ("", None),
        ] {
            let mut read = record();
            read.target = Target::Resource(target.into());
            let attributes = Series::of(&read, &tools).attributes();
            let told = attributes
                .iter()
                .find(|attribute| attribute.key.as_str() == semconv::MCP_RESOURCE_URI);
            let told = told.map(|attribute| attribute.value.as_str());
            assert_eq!(told.as_deref(), expected, "{target}");
        }
    }
}
