//! Records every call of an MCP server in any language, from outside: `wrap` for standard input and output, `proxy` for HTTP.

#![forbid(unsafe_code)]

mod args;
mod lent;
mod proxy;
mod recording;
mod signals;
mod tls;
mod wrap;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Action, Args};

/// What shells and `env` say when a command could not be started.
const NOT_STARTED: u8 = 126;

fn main() -> ExitCode {
    // Standard output belongs to the conversation.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("TOOLSIGHT_LOG").unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(io::stderr)
        .init();
    let code = run(Args::parse()).unwrap_or_else(|error| {
        // Nothing is left to do where standard error is closed.
        let _ = writeln!(io::stderr(), "toolsight: {error:#}");
        NOT_STARTED
    });
    // A read of standard input cannot be taken back, and would hold a runtime that is dropped.
    std::process::exit(i32::from(code))
}

fn run(args: Args) -> anyhow::Result<u8> {
    match args.action {
        Action::Wrap { recording, command } => {
            let toolsight = recording.start()?;
            // One conversation has nothing to do at the same time.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("start")?;
            let ended = runtime.block_on(wrap::run(&command, &toolsight));
            runtime.shutdown_background();
            ended
        }
        Action::Proxy { recording, between } => {
            let toolsight = recording.start()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.context("start")?.block_on(proxy::run(between, &toolsight))?;
            Ok(0)
        }
    }
}
