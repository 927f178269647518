//! An `rmcp` server behind axum with the layer around it, and a tool whose own spans are children of the call.
//!
//! Run a collector, then `cargo run --example axum_rmcp`, and point an MCP client at <http://127.0.0.1:8000/mcp>,
//! or name another address behind the command.

use axum::Router;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rmcp::handler::server::common::Extension;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use toolsight::{CallSpan, Toolsight};
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone)]
struct Greeter {
    tool_router: ToolRouter<Self>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greet {
    name: String,
}

#[tool_router]
impl Greeter {
    #[tool(description = "Greet somebody")]
    async fn greet(
        &self,
        Parameters(Greet { name }): Parameters<Greet>,
        Extension(parts): Extension<axum::http::request::Parts>,
    ) -> String {
        let span = tracing::info_span!("look up greeting");
        if let Some(call) = parts.extensions.get::<CallSpan>() {
            let _ = span.set_parent(call.context());
        }
        async { format!("Hello {name}") }.instrument(span).await
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Greeter {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("greeter", "1.0.0"))
    }
}

/// Sends the application's own spans to the same collector; without it, the calls alone are sent.
fn own_spans() -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("greeter"));
    // Not those of the exporter, which would be exported in turn.
    let own = Targets::new()
        .with_target("axum_rmcp", tracing::Level::INFO)
        .with_target("toolsight", tracing::Level::INFO);
    tracing_subscriber::registry().with(own).with(layer).init();
    Ok(provider)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let own_spans = own_spans()?;
    let toolsight = Toolsight::builder().build()?;
    let new_greeter = || {
        Ok(Greeter {
            tool_router: Greeter::tool_router(),
        })
    };
    let mcp = StreamableHttpService::new(new_greeter, LocalSessionManager::default().into(), Default::default());
    let app = Router::new().nest_service("/mcp", mcp).layer(toolsight.layer());

    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app).with_graceful_shutdown(interrupt).await?;
    toolsight.shutdown().await;
    own_spans.shutdown()?;
    Ok(())
}
