//! An `rmcp` server over standard input and output whose calls are recorded.
//!
//! Run a collector, then let an MCP client start `cargo run --example stdio_rmcp`.

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, ServiceExt as _, schemars, tool, tool_handler, tool_router};
use toolsight::Toolsight;

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
    let greeter = Greeter {
        tool_router: Greeter::tool_router(),
    };
    let running = greeter.serve(toolsight.stdio()).await?;
    // Until the client closes its side.
    running.waiting().await?;
    toolsight.shutdown().await;
    Ok(())
}
