//! A real `rmcp` server behind axum with the layer around it, and a real client.

use std::net::SocketAddr;

use axum::Router;
use rmcp::handler::server::common::Extension;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ContentBlock, Implementation, PingRequest,
    ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig, ServerRequest,
};
use rmcp::service::{RequestContext, RoleServer, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpClientTransport, StreamableHttpService};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt as _, RoleClient, ServerHandler, schemars, tool, tool_handler, tool_router,
};
use tokio::net::TcpListener;
use toolsight::{CallSpan, Toolsight};
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

#[derive(Clone)]
struct Calculator {
    tool_router: ToolRouter<Self>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Numbers {
    a: i64,
    b: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

#[tool_router]
impl Calculator {
    #[tool(description = "Say it again")]
    async fn echo(&self, Parameters(Text { text }): Parameters<Text>) -> String {
        text
    }

    #[tool(description = "Fail with a message")]
    async fn fail(&self, Parameters(Text { text }): Parameters<Text>) -> Result<String, rmcp::ErrorData> {
        Err(rmcp::ErrorData::internal_error(text, None))
    }

    #[tool(description = "Add two numbers")]
    async fn add(
        &self,
        Parameters(Numbers { a, b }): Parameters<Numbers>,
        Extension(parts): Extension<axum::http::request::Parts>,
    ) -> String {
        let explicit = tracing::info_span!("explicit");
        let _ = explicit.set_parent(parts.extensions.get::<CallSpan>().unwrap().context());
        async {}.instrument(explicit).await;
        tracing::info_span!("ambient").in_scope(|| (a + b).to_string())
    }

    #[tool(description = "Divide two numbers")]
    async fn divide(&self, Parameters(Numbers { a, b }): Parameters<Numbers>) -> CallToolResult {
        match a.checked_div(b) {
            Some(quotient) => CallToolResult::success(vec![ContentBlock::text(quotient.to_string())]),
            None => CallToolResult::error(vec![ContentBlock::text("cannot divide by zero")]),
        }
    }
}

#[tool_router(router = asking_router)]
impl Calculator {
    #[tool(description = "Ask whether the client is there")]
    async fn ask(&self, context: RequestContext<RoleServer>) -> String {
        let ping = ServerRequest::PingRequest(PingRequest::default());
        match context.peer.send_request(ping).await {
            Ok(_) => "it is".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tool(description = "Take two steps, and tell of both")]
    async fn walk(&self, context: RequestContext<RoleServer>) -> String {
        let token = context.meta.get_progress_token().unwrap();
        for step in [1.0, 2.0] {
            let progress = ProgressNotificationParam::new(token.clone(), step);
            context.peer.notify_progress(progress).await.unwrap();
        }
        "there".to_owned()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Calculator {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("calculator", "1.2.3"))
    }
}

/// Starts the server and returns its address.
pub(crate) async fn start(toolsight: &Toolsight) -> String {
    let new = || {
        Ok(Calculator {
            tool_router: Calculator::tool_router() + Calculator::asking_router(),
        })
    };
    let mcp = StreamableHttpService::new(new, LocalSessionManager::default().into(), Default::default());
    let app = Router::new().nest_service("/mcp", mcp).layer(toolsight.layer());
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A client that speaks `version`.
pub(crate) async fn connect(url: &str, version: ProtocolVersion) -> RunningService<RoleClient, ClientConfig> {
    let transport = StreamableHttpClientTransport::from_config(StreamableHttpClientTransportConfig::with_uri(url));
    let mut client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("tester", "0.9"));
    client.protocol_version = version.clone();
    let lifecycle = if version == ProtocolVersion::V_2026_07_28 {
        ClientLifecycleMode::Discover {
            preferred_versions: vec![version],
        }
    } else {
        ClientLifecycleMode::Initialize
    };
    client.serve_with_lifecycle(transport, lifecycle).await.unwrap()
}

pub(crate) fn call(tool: &'static str, a: i64, b: i64) -> CallToolRequestParams {
    let arguments = serde_json::json!({"a": a, "b": b});
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone())
}
