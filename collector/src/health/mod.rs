//! Which tools are in trouble now.

mod tool_health;

pub use tool_health::{ToolHealth, ToolHealthAnswer, ToolHealthTask, ToolState};
