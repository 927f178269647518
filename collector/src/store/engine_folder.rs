//! The folder of the embedded engine: its lock, its settings, its passwords.
//!
//! ```text
//! lock              held by the collector that uses the folder
//! engine.lock       held by the engine's process
//! engine.xml        settings and users of the engine, written at every start; readable by the owner only
//! engine.access     address and password by which another process of this user reaches the engine that runs
//! reader.password   password of the user `reader`, kept, so that Grafana and others can be given it
//! engine.log[.1]    what the engine's process printed
//! data/             the tables
//! spool/            calls on their way to them, unless they wait elsewhere
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    engine_config::WRITER,
    error::StoreError,
    location::{DEFAULT_DATABASE, Remote},
};

/// A folder that this process has locked, for as long as the value lives.
pub(super) struct EngineFolder {
    path: PathBuf,
    _lock: File,
}

impl EngineFolder {
    /// Creates the folder where it is missing and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder {
            folder: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        // The engine works in another folder than the one that a relative path would be relative to.
        let path = path.canonicalize().map_err(failed)?;
        let lock = lock_file(&path, "lock").map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::FolderInUse { folder: path }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join("engine.xml")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("engine.log")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The password of the user `reader`: the one in `reader.password`, made where there is none.
    pub(super) fn reader_password(&self) -> Result<String, StoreError> {
        let path = reader_password_file(&self.path);
        let failed = |source| StoreError::Folder {
            folder: self.path.clone(),
            source,
        };
        match fs::read_to_string(&path) {
            Ok(password) if !password.trim().is_empty() => return Ok(password.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let password = random_password();
        write_private(&path, &password).map_err(failed)?;
        Ok(password)
    }

    /// Leaves word of how to reach the engine as its writer.
    pub(super) fn write_access(&self, writer: &Remote) -> Result<(), StoreError> {
        let failed = |source| StoreError::Folder {
            folder: self.path.clone(),
            source,
        };
        let text = format!("{}\n{}\n{}\n", writer.host, writer.port, writer.password);
        write_private(&access_file(&self.path), &text).map_err(failed)
    }

    /// Replaces the engine's settings.
    pub(super) fn write_config(&self, xml: &str) -> Result<(), StoreError> {
        let failed = |source| StoreError::Folder {
            folder: self.path.clone(),
            source,
        };
        write_private(&self.config(), xml).map_err(failed)
    }
}

/// Whether a store was ever made in this folder.
pub(super) fn has_store(folder: &Path) -> bool {
    folder.join("data").is_dir()
}

fn access_file(folder: &Path) -> PathBuf {
    folder.join("engine.access")
}

/// The file with the password of the user `reader`.
pub(super) fn reader_password_file(folder: &Path) -> PathBuf {
    folder.join("reader.password")
}

/// How to reach the engine that another process runs in this folder, as its writer.
///
/// # Errors
/// Nobody left word of it in a form that can be read.
pub(super) fn read_access(folder: &Path) -> io::Result<Remote> {
    let text = fs::read_to_string(access_file(folder))?;
    let parts: Vec<_> = text.lines().collect();
    let unusable = || io::Error::new(io::ErrorKind::InvalidData, "engine.access is not readable");
    let [host, port, password] = parts[..] else {
        return Err(unusable());
    };
    Ok(Remote {
        scheme: "http".to_owned(),
        host: host.to_owned(),
        port: port.parse().map_err(|_| unusable())?,
        user: WRITER.to_owned(),
        password: password.to_owned(),
        database: DEFAULT_DATABASE.to_owned(),
    })
}

/// Opens a lock file beside the data; it stays, since removing it would let two processes lock two files of one name.
pub(super) fn lock_file(folder: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(name))
}

/// 128 random bits.
pub(super) fn random_password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Replaces a file as a whole, readable by its owner only.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    // A leftover may have other rights, which opening would keep.
    fs::remove_file(&temporary).or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Ok(())
        } else {
            Err(error)
        }
    })?;
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
