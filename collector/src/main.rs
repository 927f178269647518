//! Collects what MCP servers report about their calls.

use std::io::{self, Write as _};
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use toolsight_collector::args::{self, Action};
use toolsight_collector::auth;
use toolsight_collector::config::{Config, Loaded, Log, Priority, misspelt_variables};
use toolsight_collector::descriptors;
use toolsight_collector::priority::go_first;
use toolsight_collector::serve::serve;
use toolsight_collector::store::{self, DEFAULT_DATABASE, Location, engine_process};
use toolsight_collector::telemetry;
use toolsight_collector::{demo, operate};
use tracing::warn;

/// Several times as fast as the system's for the many small buffers of requests.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let config = &loaded.config;
    if action == Action::CheckHealth {
        // Before the log: what is said has room for one line.
        return runtime()
            .context("start threads")?
            .block_on(operate::check_health(config));
    }
    let filter = match action {
        Action::Demo { .. } => demo::log_filter(&config.log),
        _ => config.log.filter.clone(),
    };
    telemetry::log_to_stderr(&Log {
        filter,
        ..config.log.clone()
    })?;
    descriptors::allow_most();
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for misspelt in misspelt_variables(variables) {
        warn!("{misspelt}");
    }
    if action == Action::CheckConfig {
        runtime().context("start threads")?.block_on(operate::check(config))?;
        return print(&loaded).context("print the settings");
    }
    if let Action::Token(command) = &action {
        return auth::command::run(command, config.security.tokens_file.as_deref());
    }
    if action == Action::PrintDdl {
        return print_ddl(config).context("print the statements");
    }
    if action == Action::Serve && config.priority == Priority::RealTime {
        // First, since threads begin with the priority of the one that makes them.
        go_first().map_err(anyhow::Error::msg)?;
    }
    let runtime = runtime().context("start threads")?;
    let ended = runtime.block_on(act(action, config));
    // What blocks a thread now is no longer waited for by anybody, such as the unpacking of an engine.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// As many threads as there are processors but one: what waits for disk and store has threads of its own, and each thread
/// more is one more to be woken for a request.
fn runtime() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(processors.saturating_sub(1).max(1));
    builder.enable_all().build()
}

async fn act(action: Action, config: &Config) -> anyhow::Result<()> {
    match action {
        Action::Demo { attach } => demo::run(config, attach.as_deref()).await,
        Action::FetchEngine => {
            let library = config.store.engine_library.as_deref();
            let found = store::fetch_engine(library, demo::show_progress).await?;
            writeln!(io::stdout(), "the embedded database is at {}", found.display()).context("print the place")
        }
        Action::StoreInfo => operate::store_info(config),
        Action::ForgetUser { user, tenant } => operate::forget_user(config, &user, tenant.as_deref()).await,
        Action::Backup { folder } => operate::backup(config, &folder).await,
        Action::SetAside { batch } => operate::set_aside(config, &batch).await,
        Action::StoreAgain { file } => operate::store_again(config, &file).await,
        Action::Restore { folder } => operate::restore(config, &folder).await,
        Action::Serve | Action::CheckConfig | Action::CheckHealth | Action::Token(_) | Action::PrintDdl => {
            serve(config).await
        }
    }
}

/// Prints a script that makes the database and its tables.
fn print_ddl(config: &Config) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let database = match &config.store.location {
        Some(Location::Remote(remote)) => &remote.database,
        Some(Location::Embedded(_)) | None => DEFAULT_DATABASE,
    };
    store::ddl(database, config.store.cluster.as_deref())
        .iter()
        .try_for_each(|statement| writeln!(output, "{statement};\n"))
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
        writeln!(output, "# {} ({source})", setting.help)?;
        if setting.name == "store" && matches!(loaded.config.store.location, Some(Location::Remote(_))) {
            writeln!(
                output,
                "# Without user and password, which are not printed: add them here"
            )?;
        }
        writeln!(output, "{unset}{} = {value}\n", setting.name)?;
    }
    Ok(())
}
