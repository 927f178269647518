//! The demo's two MCP servers: real `rmcp` servers with a bug each, wrapped with the layer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::HeaderName;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolsight::{Toolsight, Users};

/// Header that names the demo's users; a real server takes them from its own authentication.
pub(super) const USER_HEADER: HeaderName = HeaderName::from_static("x-demo-user");

/// Sells things. `place_order` loses its stock connection every now and then.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    tool_router: ToolRouter<Self>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Search {
    text: String,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Order {
    product: u64,
    quantity: u32,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Invoice {
    order: u64,
}

#[tool_router]
impl Shop {
    #[tool(description = "Search the products by text")]
    async fn search_products(&self, Parameters(search): Parameters<Search>) -> String {
        pause(3, 20).await;
        format!("{} products match {:?}", search.text.len() * 7, search.text)
    }

    #[tool(description = "Place an order")]
    async fn place_order(&self, Parameters(order): Parameters<Order>) -> CallToolResult {
        static ORDERS: AtomicU64 = AtomicU64::new(0);
        pause(20, 120).await;
        let number = ORDERS.fetch_add(1, Relaxed);
        if number % 9 == 4 || rand::random_ratio(1, 40) {
            return CallToolResult::error(vec![ContentBlock::text("stock database: connection reset by peer")]);
        }
        CallToolResult::success(vec![ContentBlock::text(format!(
            "order {number}: {} of product {}",
            order.quantity, order.product
        ))])
    }

    #[tool(description = "Fetch the invoice of an order as text")]
    async fn get_invoice(&self, Parameters(invoice): Parameters<Invoice>) -> String {
        pause(80, 600).await;
        format!("invoice of order {}\n{}", invoice.order, "1 item\n".repeat(200))
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Shop {
    fn get_info(&self) -> ServerConfig {
        config("shop", "3.2.0")
    }
}

/// Tells the weather. It reads numbers as written in English, so it breaks for the one client that began to send
/// its user's locale.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    tool_router: ToolRouter<Self>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Forecast {
    city: String,
    days: u8,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Convert {
    /// A temperature such as `21.5`.
    temperature: String,
}

#[tool_router]
impl Weather {
    #[tool(description = "Forecast for a city")]
    async fn get_forecast(&self, Parameters(forecast): Parameters<Forecast>) -> String {
        pause(10, 60).await;
        format!("{}: sunny for {} days", forecast.city, forecast.days)
    }

    #[tool(description = "Convert a temperature from Celsius to Fahrenheit")]
    async fn convert_temperature(&self, Parameters(convert): Parameters<Convert>) -> Result<String, ErrorData> {
        pause(1, 4).await;
        match convert.temperature.parse::<f64>() {
            Ok(celsius) => Ok(format!("{:.1} °F", celsius * 1.8 + 32.0)),
            Err(error) => Err(ErrorData::internal_error(format!("cannot convert: {error}"), None)),
        }
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Weather {
    fn get_info(&self) -> ServerConfig {
        config("weather", "1.4.1")
    }
}

impl Shop {
    pub(super) fn new() -> Self {
        Self {
            tool_router: Self::tool_router(),
        }
    }
}

impl Weather {
    pub(super) fn new() -> Self {
        Self {
            tool_router: Self::tool_router(),
        }
    }
}

/// A running server and what stops it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) url: String,
    toolsight: Toolsight,
}

/// Starts `handler` on a free port of this machine with the layer around it, until `stop`.
pub(super) async fn start<H>(
    handler: fn() -> H,
    otlp: &str,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<Running>
where
    H: ServerHandler,
{
    let toolsight = Toolsight::builder()
        .endpoint(otlp)
        .users(Users::default().from_header(USER_HEADER))
        .metric_interval(Duration::from_secs(10))
        .build()?;
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.child_token());
    let service = StreamableHttpService::new(move || Ok(handler()), LocalSessionManager::default().into(), config);
    let app = Router::new().nest_service("/mcp", service).layer(toolsight.layer());
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let listener = listener.context("open a port for the demo's server")?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let serve = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    tasks.spawn(async move { serve.await });
    Ok(Running { url, toolsight })
}

impl Running {
    /// Sends the last records.
    pub(super) async fn flush(&self) {
        self.toolsight.shutdown().await;
    }
}

fn config(name: &str, version: &str) -> ServerConfig {
    ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(Implementation::new(name, version))
}

async fn pause(least: u64, most: u64) {
    // Squared, so that most calls are quick and some are slow.
    let share = rand::random::<f64>().powi(3);
    let millis = (most - least) as f64 * share;
    tokio::time::sleep(Duration::from_millis(least) + Duration::from_secs_f64(millis / 1e3)).await;
}
