//! The command line.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::auth::command::TokenCommand;
use crate::config::{self, Config, ConfigErrors, Loaded, settings::SETTINGS};

/// Receives MCP telemetry over OTLP, keeps it in ClickHouse, and shows it on a page.
#[derive(Debug, Parser)]
#[command(name = "toolsight-collector", version)]
struct Cli {
    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    action: Option<Action>,
    /// A TOML file with settings.
    #[arg(long, global = true, value_name = "FILE", env = "TOOLSIGHT_CONFIG")]
    config: Option<PathBuf>,
}

/// What the program shall do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Receive, store and show telemetry (this is what happens without a subcommand).
    #[default]
    Serve,
    /// Run the collector with real MCP servers and clients that keep it busy, to see what it shows.
    Demo {
        /// Only run the servers and clients, for the collector at this OTLP gRPC address.
        #[arg(long, value_name = "URL")]
        attach: Option<String>,
    },
    /// Fetch the embedded database now, so that the next start finds it.
    FetchEngine,
    /// Make and list the tokens of the tokens file.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the statements that make the tables, as they run with these settings.
    PrintDdl,
    /// Check the settings, and print them all as a file with the place that each comes from.
    CheckConfig,
    /// Ask the collector that runs with these settings whether it can take requests, and end with 0 or 1.
    CheckHealth,
    /// Print where the embedded store answers other programs, as whom, and where the password is.
    StoreInfo,
    /// Delete everything that is stored about one user, and count what is left; sums without a user stay.
    ForgetUser {
        /// The user as it is stored: plain or hashed.
        user: String,
        /// Only in this organisation.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Copy the embedded store into a new folder, also while a collector runs.
    Backup {
        /// The folder, which must not be there yet.
        folder: PathBuf,
    },
    /// Set a batch aside that the store does not take, so that those behind it can go on.
    SetAside {
        /// The batch, as log and page name it.
        batch: String,
    },
    /// Store the rows of a file that were set aside, once what the store had against them is mended.
    StoreAgain {
        /// `set_aside.ndjson`, `set_aside.1.ndjson` or the file of a batch, in the spool's folder.
        file: PathBuf,
    },
    /// Make an embedded store out of a backup; the folder that --store names must be empty.
    Restore {
        /// The backup's folder.
        folder: PathBuf,
    },
}

/// Reads the command line, the environment and the file; ends the program on `--help`, `--version` and usage errors.
///
/// # Errors
/// When a setting is wrong.
pub fn parse() -> Result<(Action, Loaded), ConfigErrors> {
    interpret(command().get_matches())
}

/// The command line with a flag for every setting.
pub fn command() -> Command {
    let defaults = Config::default();
    let flags = SETTINGS.iter().map(|setting| {
        let default = match setting.value_in(&defaults) {
            value if value.is_empty() => String::new(),
            value => format!("default: {value}, "),
        };
        Arg::new(setting.name)
            .long(setting.flag())
            .global(true)
            .value_name(setting.value)
            .allow_hyphen_values(true)
            .help(format!("{} [{default}env: {}]", setting.help, setting.variable()))
    });
    Cli::command().args(flags)
}

fn interpret(mut matches: ArgMatches) -> Result<(Action, Loaded), ConfigErrors> {
    // Flags may stand before and behind the subcommand; its matches have both, the innermost ones where there are several.
    let mut flags = &matches;
    while let Some((_, deeper)) = flags.subcommand() {
        flags = deeper;
    }
    let flags = flags.clone();
    let action = Cli::from_arg_matches_mut(&mut matches)
        .unwrap_or_else(|error| error.exit())
        .action;
    let loaded = config::load(
        flags.get_one::<PathBuf>("config").map(PathBuf::as_path),
        |setting| std::env::var(setting.variable()).ok(),
        |setting| flags.get_one::<String>(setting.name).cloned(),
    )?;
    Ok((action.unwrap_or_default(), loaded))
}
