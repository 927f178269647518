//! The demo's MCP clients: real `rmcp` clients of several names, versions and protocol versions.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::HeaderValue;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, JsonObject, ProtocolVersion,
};
use rmcp::service::{RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::servers::USER_HEADER;

/// A client program at a certain version, used by some people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    name: &'static str,
    version: &'static str,
    protocol: &'static str,
    users: &'static [&'static str],
    /// Writes numbers as its user's language does.
    localised: bool,
    /// Mean pause between two calls.
    pause: Duration,
}

const fn profile(
    name: &'static str,
    version: &'static str,
    protocol: &'static str,
    users: &'static [&'static str],
) -> Profile {
    Profile {
        name,
        version,
        protocol,
        users,
        localised: false,
        pause: Duration::from_millis(350),
    }
}

/// Who calls the servers. `desk-agent 2.1.0` is the release that a tool breaks for.
pub(super) const PROFILES: [Profile; 6] = [
    profile("desk-agent", "2.0.3", "2026-07-28", &["ada", "grace"]),
    Profile {
        localised: true,
        ..profile("desk-agent", "2.1.0", "2026-07-28", &["edsger", "barbara"])
    },
    profile("code-pilot", "1.0.0", "2025-11-25", &["linus"]),
    profile("code-pilot", "0.9.4", "2025-06-18", &["margaret"]),
    profile("research-cli", "5.2.0", "2026-07-28", &["donald"]),
    profile("old-bot", "0.3.0", "2025-03-26", &["nightly-job"]),
];

impl Profile {
    pub(super) const fn users(&self) -> &'static [&'static str] {
        self.users
    }

    /// Calls the servers in turn until `stop`, connecting anew from time to time as people do.
    pub(super) async fn run(self, user: &'static str, servers: [String; 2], stop: CancellationToken) {
        let mut turn: usize = usize::from(rand::random::<bool>());
        while !stop.is_cancelled() {
            let shop = turn.is_multiple_of(2);
            let conversation = self.conversation(user, &servers[turn % 2], shop);
            tokio::select! {
                () = stop.cancelled() => return,
                ended = conversation => if let Err(error) = ended {
                    tracing::debug!(client = self.name, %error, "conversation ended early");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            turn += 1;
        }
    }

    async fn conversation(self, user: &'static str, url: &str, shop: bool) -> anyhow::Result<()> {
        let client = self.connect(user, url).await?;
        client.list_all_tools().await?;
        for _ in 0..rand::random_range(10..40) {
            let (tool, arguments) = if shop { self.shopping() } else { self.weather() };
            match client
                .call_tool(CallToolRequestParams::new(tool).with_arguments(arguments))
                .await
            {
                // A client learns of failed calls, and goes on.
                Ok(_) | Err(ServiceError::McpError(_)) => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(self.pause.mul_f64(rand::random::<f64>() * 2.0)).await;
        }
        client.cancel().await?;
        Ok(())
    }

    async fn connect(self, user: &'static str, url: &str) -> anyhow::Result<RunningService<RoleClient, ClientConfig>> {
        let headers = HashMap::from([(USER_HEADER, HeaderValue::from_static(user))]);
        let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
        let transport = StreamableHttpClientTransport::from_config(config);
        let version: ProtocolVersion = serde_json::from_value(json!(self.protocol))?;
        let identity = Implementation::new(self.name, self.version);
        let mut client = ClientConfig::new(ClientCapabilities::default(), identity);
        client.protocol_version = version.clone();
        let lifecycle = if version == ProtocolVersion::V_2026_07_28 {
            ClientLifecycleMode::Discover {
                preferred_versions: vec![version],
            }
        } else {
            ClientLifecycleMode::Initialize
        };
        Ok(client.serve_with_lifecycle(transport, lifecycle).await?)
    }

    fn shopping(self) -> (&'static str, JsonObject) {
        match rand::random_range(0..100) {
            0..45 => (
                "search_products",
                object(json!({"text": (["lamp", "desk", "green chair"][rand::random_range(0..3)])})),
            ),
            45..80 => (
                "place_order",
                object(json!({"product": rand::random_range(1..500), "quantity": 1})),
            ),
            80..96 => ("get_invoice", object(json!({"order": rand::random_range(1..9999)}))),
            96..98 => ("place_order", object(json!({"product": "the blue one"}))),
            _ => ("cancel_order", object(json!({"order": 1}))),
        }
    }

    fn weather(self) -> (&'static str, JsonObject) {
        let mark = if self.localised { ',' } else { '.' };
        if rand::random_bool(0.6) {
            (
                "get_forecast",
                object(json!({"city": "Uppsala", "days": rand::random_range(1..9)})),
            )
        } else {
            let temperature = format!("{}{mark}{}", rand::random_range(-20..35), rand::random_range(0..9));
            ("convert_temperature", object(json!({"temperature": temperature})))
        }
    }
}

fn object(value: serde_json::Value) -> JsonObject {
    match value {
        serde_json::Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
