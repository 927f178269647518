//! An `rmcp` server without a web framework: tower and hyper, with the layer around it.
//!
//! Run a collector, then `cargo run --example tower`, and point an MCP client at <http://127.0.0.1:8000>,
//! or name another address behind the command.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use tokio::net::TcpListener;
use toolsight::Toolsight;
use tower::ServiceBuilder;

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
    async fn greet(&self, Parameters(Greet { name }): Parameters<Greet>) -> String {
        format!("Hello {name}")
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Greeter {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("greeter", "1.0.0"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let toolsight = Toolsight::builder().build()?;
    let new_greeter = || {
        Ok(Greeter {
            tool_router: Greeter::tool_router(),
        })
    };
    let mcp = StreamableHttpService::new(new_greeter, LocalSessionManager::default().into(), Default::default());
    let service = ServiceBuilder::new().layer(toolsight.layer()).service(mcp);

    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut interrupt => break,
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            server.serve_connection(TokioIo::new(stream), service).await
        });
    }
    toolsight.shutdown().await;
    Ok(())
}
