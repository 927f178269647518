//! One collector a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::SpoolError;

/// The lock of a folder. The system frees it when the process ends, however that happens, so a file that a dead
/// collector left is no obstacle.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folder where it is missing, and locks it.
    pub(super) fn take(folder: &Path) -> Result<Self, SpoolError> {
        let failed = |cause| SpoolError::Folder {
            folder: folder.to_owned(),
            cause,
        };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join("lock"));
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse {
                folder: folder.to_owned(),
            }),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}

/// Whether a collector uses the folder at this moment.
///
/// # Errors
/// When the folder has no lock, as where no collector has run on it, or it cannot be opened.
pub(crate) fn is_in_use(folder: &Path) -> io::Result<bool> {
    let file = File::open(folder.join("lock"))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

/// A number for the machine's present boot; 0 where it has none.
pub(super) fn boot() -> io::Result<u64> {
    let id = match fs::read("/proc/sys/kernel/random/boot_id") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        read => read?,
    };
    Ok(twox_hash::XxHash64::oneshot(0, &id))
}
