//! An `rmcp` server with one tool, whose results are as long as one likes.

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};

#[derive(Clone)]
pub(crate) struct Dump {
    tool_router: ToolRouter<Self>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Size {
    bytes: usize,
}

#[tool_router]
impl Dump {
    pub(crate) fn new() -> Self {
        Self {
            tool_router: Self::tool_router(),
        }
    }

    #[tool(description = "Text of this size")]
    async fn dump(&self, Parameters(Size { bytes }): Parameters<Size>) -> String {
        let line = "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor\n";
        let mut text = line.repeat(bytes.div_ceil(line.len()));
        text.truncate(bytes);
        text
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Dump {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("dump", "1.0.0"))
    }
}
