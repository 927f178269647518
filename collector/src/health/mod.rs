//! Which tools are in trouble now.

mod history;
mod tool_health;

pub(crate) use tool_health::ToolRow;
pub use tool_health::{ToolHealth, ToolHealthAnswer, ToolHealthTask, ToolState};
