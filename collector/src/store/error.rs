//! Errors that end the start of the store.

use std::{io, path::PathBuf};

/// Why the store cannot be opened. Nothing that may pass by itself is among these, such as a server that is down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder cannot be made or written.
    #[error(
        "the store's folder {folder} cannot be used; name another folder with --store embedded:FOLDER",
        folder = folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another collector has the folder.
    #[error(
        "the store's folder {folder} is in use by another toolsight-collector: stop that one or name another folder with --store embedded:FOLDER",
        folder = folder.display()
    )]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A backup can only be restored where nothing is.
    #[error("{folder} is not empty: name a new folder with --store embedded:FOLDER", folder = folder.display())]
    FolderNotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// A command for what is stored would only make a new store.
    #[error(
        "there is no store at {place}: name the one that the collector uses with --store, or its file of settings with --config"
    )]
    NoStore {
        /// Where it was looked for.
        place: String,
    },
    /// There is nothing to restore.
    #[error("there is no backup in {folder}: name a folder that `toolsight-collector backup` has made", folder = folder.display())]
    NoBackup {
        /// The folder.
        folder: PathBuf,
    },
    /// A backup replaces nothing.
    #[error("{folder} is there already: name a new folder for the backup", folder = folder.display())]
    BackupExists {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process runs the engine in the folder and does not tell how to reach it.
    #[error(
        "the collector that uses {folder} cannot be reached: wait until it has started, or start it again",
        folder = folder.display()
    )]
    NoAccess {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command makes no sense for a ClickHouse that runs elsewhere.
    #[error("{what} is for the embedded store: use what the ClickHouse at {place} has for it")]
    EmbeddedOnly {
        /// What was asked for.
        what: &'static str,
        /// Which one it is.
        place: String,
    },
    /// ClickHouse did not do what a command asked for.
    #[error("{0}")]
    Refused(String),
    /// The library of the engine cannot be had.
    #[error(
        "the embedded ClickHouse cannot be had: {reason}. \
         Name its library with --engine-library PATH, or use a ClickHouse server of your own with --store http://user:password@host:8123/database"
    )]
    Fetch {
        /// What went wrong.
        reason: String,
    },
    /// The engine ends instead of serving.
    #[error("the embedded ClickHouse does not start: {reason}. Its output is in {log}", log = log.display())]
    Engine {
        /// What it said last.
        reason: String,
        /// Where the rest stands.
        log: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS for the connection to ClickHouse cannot be set up")]
    Tls(#[source] io::Error),
    /// No port or no process can be had.
    #[error("the embedded ClickHouse cannot be started")]
    System(#[source] io::Error),
}
