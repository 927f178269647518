//! `toolsight-collector token`: makes and lists tokens.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;

use super::file::{Entry, Tokens, entries};
use super::{Role, token};

/// What to do with tokens.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// Make a token, print it once, and add its lines to the tokens file, or print them where none is set.
    New {
        /// Whose telemetry it is for; not for the role admin, which stands for all.
        #[arg(long, default_value = "", hide_default_value = true)]
        tenant: String,
        /// What it is good for: ingest, read or admin.
        #[arg(long)]
        role: Role,
    },
    /// List the tokens of the file: name, role and tenant.
    List,
}

/// Runs a command on the tokens file.
///
/// # Errors
/// When the file cannot be read or written, is wrong, or would be with the new token.
pub fn run(command: &TokenCommand, file: Option<&Path>) -> anyhow::Result<()> {
    match (command, file) {
        (TokenCommand::New { tenant, role }, file) => create(tenant, *role, file),
        (TokenCommand::List, Some(file)) => list(file),
        (TokenCommand::List, None) => anyhow::bail!("no tokens file is set: add --tokens-file FILE"),
    }
}

fn create(tenant: &str, role: Role, file: Option<&Path>) -> anyhow::Result<()> {
    let token = token::generate(role).context("get random numbers")?;
    let digest = token::Digest::of(&token).to_string();
    let whose = if tenant.is_empty() { "all" } else { tenant };
    let entry = Entry {
        // Some of the digest, so that each of a tenant's tokens has a name of its own.
        name: format!("{whose}-{}-{}", role.as_str(), &digest[digest.len() - 8..]),
        tenant: tenant.to_owned(),
        role,
        hash: digest,
    };
    let lines = entry.to_toml().context("write the token's lines")?;
    let before = match file {
        Some(file) => read(file).with_context(|| file.display().to_string())?,
        None => String::new(),
    };
    let separator = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    Tokens::parse(format!("{before}{separator}{lines}").as_bytes()).map_err(anyhow::Error::msg)?;
    match file {
        Some(file) => {
            let mut options = OpenOptions::new();
            let opened = options.append(true).create(true).mode(0o600).open(file);
            opened
                .and_then(|mut opened| opened.write_all(format!("{separator}{lines}").as_bytes()))
                .with_context(|| format!("write {}", file.display()))?;
            writeln!(
                io::stderr(),
                "added {} to {}; the token is shown this once:",
                entry.name,
                file.display()
            )?;
            writeln!(io::stdout(), "{token}").context("print the token")
        }
        None => {
            writeln!(
                io::stderr(),
                "the token, shown this once, and its lines for the tokens file:"
            )?;
            writeln!(io::stdout(), "{token}\n\n{lines}").context("print the token")
        }
    }
}

fn list(file: &Path) -> anyhow::Result<()> {
    let text = read(file)?;
    Tokens::parse(text.as_bytes()).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let mut output = io::stdout().lock();
    for entry in entries(text.as_bytes()).map_err(anyhow::Error::msg)? {
        let tenant = if entry.tenant.is_empty() {
            "all tenants"
        } else {
            &entry.tenant
        };
        writeln!(output, "{}  {}  {tenant}", entry.name, entry.role.as_str()).context("print the tokens")?;
    }
    Ok(())
}

/// The text of the file; a file that is not there yet is empty.
fn read(file: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("read {}", file.display())),
    }
}
