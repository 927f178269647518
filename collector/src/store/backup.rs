//! Copies of the embedded store, made and read by the engine itself.

use std::{fs, io, path::Path, sync::Arc};

use clickhouse::{Client, sql::Identifier};
use tokio::sync::Notify;

use super::{
    Location, Progress, StoreConfig, StoreError, client::Clients, engine::Engine, engine_fetch,
    engine_folder::EngineFolder, failure, location::DEFAULT_DATABASE,
};

/// Copies the database into a folder that is not there yet. Each table is as it was at one moment; a batch that is
/// inserted meanwhile may be in the calls and not yet in their sums.
pub(super) async fn backup(clients: &Clients, folder: &Path) -> Result<(), StoreError> {
    let folder = std::path::absolute(folder).map_err(StoreError::System)?;
    if folder.exists() {
        return Err(StoreError::BackupExists { folder });
    }
    transfer(&clients.writer, "BACKUP DATABASE ? TO File(?)", &folder)
        .await
        .map_err(|error| StoreError::Refused(failure::describe(&error, clients)))
}

/// Makes a store out of a backup in the folder that `config` names, which must be empty.
///
/// # Errors
/// The folder is not empty, the engine cannot be had, or the backup cannot be read; the folder is then empty as before.
pub async fn restore(
    config: &StoreConfig,
    backup: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<(), StoreError> {
    let folder = match &config.location {
        Location::Embedded(folder) => folder,
        Location::Remote(remote) => {
            return Err(StoreError::EmbeddedOnly {
                what: "restore",
                place: remote.url(),
            });
        }
    };
    if fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()) {
        return Err(StoreError::FolderNotEmpty { folder: folder.clone() });
    }
    let backup = std::path::absolute(backup).map_err(StoreError::System)?;
    // The engine's list of what is in it.
    if !backup.join(".backup").is_file() {
        return Err(StoreError::NoBackup { folder: backup });
    }
    let library = engine_fetch::library(config.engine_library.as_deref(), &progress).await?;
    progress(Progress::EngineStart);
    // Without the store around it, which would make empty tables at once.
    let locked = EngineFolder::open(folder)?;
    let mut engine = Engine::start(locked, library, config, Arc::new(Notify::new())).await?;
    let restored = transfer(&engine.clients.server, "RESTORE DATABASE ? FROM File(?)", &backup).await;
    engine.stop().await;
    if restored.is_err() {
        // Half a store would be in the way of the next attempt, and be taken for a whole one by a collector.
        empty(folder).map_err(|source| StoreError::Folder {
            folder: folder.clone(),
            source,
        })?;
    }
    restored.map_err(|error| StoreError::Refused(failure::describe(&error, &engine.clients)))
}

/// Removes what is in a folder.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn transfer(client: &Client, statement: &str, folder: &Path) -> Result<(), clickhouse::error::Error> {
    let query = client.query(statement).bind(Identifier(DEFAULT_DATABASE));
    query.bind(folder.to_string_lossy().into_owned()).execute().await
}
