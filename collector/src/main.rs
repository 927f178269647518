//! Collects what MCP servers report about their calls.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use toolsight_collector::args::{self, Action};
use toolsight_collector::config::Loaded;
use toolsight_collector::serve::serve;
use toolsight_collector::store::engine_process;
use toolsight_collector::telemetry;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == engine_process::SUBCOMMAND)
    {
        engine_process::run(arguments);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do where standard error is closed.
            let _ = writeln!(io::stderr(), "toolsight-collector: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let (action, loaded) = args::parse()?;
    match action {
        Action::CheckConfig => print(&loaded).context("print the settings"),
        Action::Serve => {
            telemetry::log_to_stderr(&loaded.config.log)?;
            tokio::runtime::Runtime::new()
                .context("start threads")?
                .block_on(serve(&loaded.config))
        }
    }
}

/// Prints the settings as a file that would have the same effect.
fn print(loaded: &Loaded) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for (setting, value, source) in loaded.values() {
        let unset = if value.is_empty() { "# " } else { "" };
        let value = if value.parse::<u64>().is_ok() {
            value
        } else {
            toml::Value::String(value).to_string()
        };
        writeln!(
            output,
            "# {} ({source})\n{unset}{} = {value}\n",
            setting.help, setting.name
        )?;
    }
    Ok(())
}
