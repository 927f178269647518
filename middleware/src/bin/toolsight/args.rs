//! What the command line says.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::proxy::Server;
use crate::recording::Recording;

const AFTER: &str = "Calls go to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, else to the one on this machine. All \
variables of OpenTelemetry that the crate's README names count here too; TOOLSIGHT_LOG says what is logged to standard \
error, such as \"toolsight=debug\".";

/// Records every call of an MCP server that is written in any language.
#[derive(Debug, Parser)]
#[command(name = "toolsight", version, after_help = AFTER)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Starts a server of standard input and output, and passes on what it and its client say.
    ///
    /// Put it in front of the server's command in the client's configuration. It ends when the server does, with the
    /// server's status: 128 more than the signal's number if one ended it, 127 if there is no such command, 126 if it
    /// cannot be started.
    Wrap {
        #[command(flatten)]
        recording: Recording,
        /// The server's command and its arguments.
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND"
        )]
        command: Vec<OsString>,
    },
    /// Listens in front of a server that speaks HTTP, and passes on each request and answer as it comes.
    ///
    /// Paths, headers and bodies stay as they are.
    Proxy {
        #[command(flatten)]
        between: Between,
        #[command(flatten)]
        recording: Recording,
    },
}

/// What the proxy stands between.
#[derive(Debug, clap::Args)]
pub(crate) struct Between {
    /// Where clients connect.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// PEM file of the certificate that clients are shown, with those between it and its authority behind it; read once. Without
    /// it there is no TLS where clients connect: keep the proxy beside the server then, behind whatever speaks TLS to clients
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Whose name the server is asked by.
    #[arg(long, value_enum, default_value_t = Host::Client)]
    pub(crate) host: Host,
    /// Records the address from which each request comes, which may be that of a person, or of another proxy
    #[arg(long)]
    pub(crate) client_address: bool,
    /// Where the server is, such as http://127.0.0.1:3000, without a path.
    #[arg(value_name = "SERVER")]
    pub(crate) server: Server,
}

/// What stands in the header `Host` of a request that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// What the client said, as if the proxy were not there.
    Client,
    /// The server's own name, for one that others than its clients know by another name.
    Server,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_option_stands_in_the_readme_once_with_its_default() {
        let rows: Vec<_> = include_str!("../../../README.md")
            .lines()
            .filter(|line| line.starts_with("| `--"))
            .map(|line| line.split(" | ").collect::<Vec<_>>())
            .collect();
        let mut count = 0;
        for command in Args::command().get_subcommands() {
            for option in command.get_arguments() {
                let Some(name) = option.get_long().filter(|name| *name != "help") else {
                    continue;
                };
                let name = format!("--{name}");
                let found: Vec<_> = rows
                    .iter()
                    .filter(|row| row[0].split(['`', ' ']).any(|word| word == name))
                    .collect();
                assert_eq!(found.len(), 1, "{name}: {found:?}");
                let default = found[0][1];
                for value in option.get_default_values().iter().filter(|value| !value.is_empty()) {
                    let is_flag = matches!(option.get_action(), clap::ArgAction::SetTrue);
                    let expected = format!("`{}`", value.display());
                    assert!(is_flag || default == expected, "{name}: {default} is {expected}");
                }
                count += 1;
            }
        }
        assert!(count > 30, "{count}");
    }
}
