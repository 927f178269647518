//! The store for one command: as a running collector has it open, else opened for the command.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    Block, Forgotten, Location, Progress, Store, StoreConfig, StoreError, StoreState, backup,
    client::Clients,
    engine_config::READER,
    engine_folder::{has_store, read_access, reader_password_file},
    forget, insert,
    location::DEFAULT_DATABASE,
};
use crate::{pipeline::InsertError, telemetry::Metrics};

/// How long the store may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// A store that is ready, for as long as a command takes.
#[derive(Debug)]
pub struct CommandSession {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Opened here.
    Own(Box<Store>, Location),
    /// The engine of a collector that runs.
    Running(Box<Clients>),
}

/// Where an embedded store answers other programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderAccess {
    /// Address of ClickHouse's HTTP interface.
    pub url: String,
    /// User that may read the tables and nothing else.
    pub user: &'static str,
    /// Database with the tables.
    pub database: &'static str,
    /// File with the user's password.
    pub password_file: PathBuf,
}

impl CommandSession {
    /// Opens the store and waits until it is ready. It has to be there: a mistyped one would be made, and be empty.
    ///
    /// # Errors
    /// As [`Store::open`]; and when there is no store, it is not ready in a minute, or the collector that has it cannot be
    /// reached.
    pub async fn open(config: StoreConfig, progress: impl Fn(Progress) + Send + Sync) -> Result<Self, StoreError> {
        let location = config.location.clone();
        if is_missing(&location).await {
            let place = location.to_string();
            return Err(StoreError::NoStore { place });
        }
        let metrics = Metrics::new().map_err(|error| StoreError::Refused(error.to_string()))?;
        let store = match Store::open(config, metrics, progress).await {
            Ok(store) => store,
            Err(StoreError::FolderInUse { folder }) => {
                let access = read_access(&folder).map_err(|source| StoreError::NoAccess { folder, source })?;
                let clients = Clients::remote(&access, None).map_err(StoreError::Tls)?;
                return Ok(Self {
                    place: Place::Running(Box::new(clients)),
                });
            }
            Err(error) => return Err(error),
        };
        if timeout(READY, store.ready()).await.is_err() {
            let reason = match store.state() {
                StoreState::Unreachable(reason) => reason,
                StoreState::Starting | StoreState::Ready => "the store is not ready in time".to_owned(),
            };
            store.shutdown().await;
            return Err(StoreError::Refused(reason));
        }
        Ok(Self {
            place: Place::Own(Box::new(store), location),
        })
    }

    /// Deletes everything about a user, in one organisation or in all; tells what was there and what is left.
    ///
    /// # Errors
    /// ClickHouse refuses or goes away.
    pub async fn forget_user(&self, user: &str, tenant: Option<&str>) -> Result<Vec<Forgotten>, StoreError> {
        forget::forget(self.clients(), user, tenant).await
    }

    /// Copies the embedded store into a folder that is not there yet.
    ///
    /// # Errors
    /// The store is not embedded, the folder is there, or the engine cannot write it.
    pub async fn backup(&self, folder: &Path) -> Result<(), StoreError> {
        if let Place::Own(_, Location::Remote(remote)) = &self.place {
            return Err(StoreError::EmbeddedOnly {
                what: "backup",
                place: remote.url(),
            });
        }
        backup::backup(self.clients(), folder).await
    }

    /// Stores the block, as [`Store::insert`] does.
    ///
    /// # Errors
    /// See [`InsertError`].
    pub async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        match &self.place {
            Place::Own(store, _) => store.insert(block, token).await,
            Place::Running(clients) => insert::insert(clients, block, token, READY).await,
        }
    }

    /// Ends what was started for the command.
    pub async fn close(self) {
        if let Place::Own(store, _) = self.place {
            store.shutdown().await;
        }
    }

    fn clients(&self) -> &Clients {
        match &self.place {
            Place::Own(store, _) => &store.clients,
            Place::Running(clients) => clients,
        }
    }
}

/// Whether it is known that nothing was ever stored there; a server that does not answer may have what is looked for.
async fn is_missing(location: &Location) -> bool {
    match location {
        Location::Embedded(folder) => !has_store(folder),
        Location::Remote(remote) => {
            let Ok(clients) = Clients::remote(remote, None) else {
                return false;
            };
            let calls = "SELECT count() FROM system.tables WHERE database = ? AND name = 'calls'";
            let calls = clients.server.query(calls).bind(&remote.database).fetch_one::<u64>();
            matches!(timeout(READY, calls).await, Ok(Ok(0)))
        }
    }
}

impl ReaderAccess {
    /// Of the collector that runs in this folder, or that ran last.
    ///
    /// # Errors
    /// None has run there.
    pub fn of(folder: &Path) -> Result<Self, StoreError> {
        let access = read_access(folder).map_err(|source| StoreError::NoAccess {
            folder: folder.to_owned(),
            source,
        })?;
        Ok(Self {
            url: access.url(),
            user: READER,
            database: DEFAULT_DATABASE,
            password_file: reader_password_file(folder),
        })
    }
}
