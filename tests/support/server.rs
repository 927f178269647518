//! An `rmcp` server with tools that end in every way, behind axum with the layer around it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use http::HeaderName;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use tokio::net::TcpListener;
use toolsight::{Builder, Capture, Toolsight, Users};

/// Header that names the user.
pub(crate) const USER: HeaderName = HeaderName::from_static("x-user");

#[derive(Clone)]
struct Endings {
    tool_router: ToolRouter<Self>,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Size {
    bytes: usize,
}

#[tool_router]
impl Endings {
    #[tool(description = "Answers with the text")]
    async fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }

    #[tool(description = "Fails as a tool does")]
    async fn fail(&self) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text("the database is away")])
    }

    #[tool(description = "Fails as a server does")]
    async fn crash(&self) -> Result<String, ErrorData> {
        Err(ErrorData::internal_error("the disk is on fire", None))
    }

    #[tool(description = "Answers with that many bytes")]
    async fn big(&self, Parameters(Size { bytes }): Parameters<Size>) -> String {
        "x".repeat(bytes)
    }

    #[tool(description = "Never answers")]
    async fn hang(&self) -> String {
        std::future::pending().await
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Endings {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("endings", "1.0.0"))
    }
}

/// A wrapped server in this process.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) toolsight: Toolsight,
}

impl Server {
    /// Starts it; its records go to `otlp`.
    pub(crate) async fn start(otlp: &str) -> Self {
        Self::start_as(Toolsight::builder(), otlp).await
    }

    /// The same, with a layer that is otherwise made as `builder` says.
    pub(crate) async fn start_as(builder: Builder, otlp: &str) -> Self {
        let toolsight = builder
            .endpoint(otlp)
            .users(Users::default().from_header(USER))
            .capture(Capture::default().arguments(1024).results(1024))
            .metric_interval(Duration::from_secs(1))
            .build()
            .unwrap();
        let new = || {
            Ok(Endings {
                tool_router: Endings::tool_router(),
            })
        };
        let mcp = StreamableHttpService::new(new, LocalSessionManager::default().into(), Default::default());
        let app = Router::new().nest_service("/mcp", mcp).layer(toolsight.layer());
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, toolsight }
    }
}
