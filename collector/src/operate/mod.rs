//! What an operator asks the program to do once: commands that print what they did.

mod check;
mod check_health;
mod halved;
mod set_aside;
mod store_again;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

pub use self::check::check;
pub use self::check_health::check_health;
pub use self::set_aside::set_aside;
pub use self::store_again::store_again;

use crate::config::Config;
use crate::serve::{log_progress, store_config};
use crate::store::{self, CommandSession, Location, ReaderAccess};

/// Prints how other programs reach the embedded store, as lines of `name=value`.
///
/// # Errors
/// When the store is elsewhere or no collector has run on it.
pub fn store_info(config: &Config) -> anyhow::Result<()> {
    let access = match store_config(config)?.location {
        Location::Embedded(folder) => ReaderAccess::of(&folder)?,
        Location::Remote(remote) => bail!(
            "the store is the ClickHouse at {}: make a user there that may read database {}",
            remote.url(),
            remote.database
        ),
    };
    let lines = [
        ("url", access.url),
        ("user", access.user.to_owned()),
        ("database", access.database.to_owned()),
        ("password_file", access.password_file.display().to_string()),
    ];
    let mut output = io::stdout().lock();
    for (name, value) in lines {
        writeln!(output, "{name}={value}").context("print the place")?;
    }
    Ok(())
}

/// Deletes what is stored about a user and prints it table by table.
///
/// # Errors
/// When the store cannot be had, or rows about the user are left, which came in meanwhile.
pub async fn forget_user(config: &Config, user: &str, tenant: Option<&str>) -> anyhow::Result<()> {
    ensure!(!user.is_empty(), "name a user: calls without one belong to nobody");
    let session = CommandSession::open(store_config(config)?, log_progress).await?;
    let forgotten = session.forget_user(user, tenant).await;
    session.close().await;
    let forgotten = forgotten?;
    let mut output = io::stdout().lock();
    for table in &forgotten {
        writeln!(
            output,
            "{}: {} rows deleted, {} left",
            table.table, table.rows, table.left
        )
        .context("print what was deleted")?;
    }
    if forgotten.iter().all(|table| table.rows == 0) {
        writeln!(
            output,
            "nothing was stored about {user:?}: name the user as stored, which is the hash where users are hashed"
        )
        .context("print what was deleted")?;
    }
    let left: u64 = forgotten.iter().map(|table| table.left).sum();
    ensure!(
        left == 0,
        "{left} rows came in meanwhile: stop sending for this user and run the command again"
    );
    Ok(())
}

/// Copies the embedded store into a new folder.
///
/// # Errors
/// When the store cannot be had, is not embedded, or cannot be copied.
pub async fn backup(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let session = CommandSession::open(store_config(config)?, log_progress).await?;
    let copied = session.backup(folder).await;
    session.close().await;
    copied?;
    writeln!(io::stdout(), "the backup is in {}", folder.display()).context("print the place")
}

/// Makes an embedded store out of a backup.
///
/// # Errors
/// When the store's folder is not empty, or the backup cannot be read.
pub async fn restore(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let config = store_config(config)?;
    store::restore(&config, folder, log_progress).await?;
    writeln!(io::stdout(), "the store is in {}", config.location).context("print the place")
}
