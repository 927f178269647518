//! Batches that an operator sets aside, so that those behind them can go on.
//!
//! The command leaves `set_aside.request` with the batch's token. The collector removes that file once the batch stands in
//! `set_aside.TOKEN.ndjson`, or where it is not one that the store refuses now. Nothing takes the place of such a file: each
//! is there because somebody asked for it. Its rows are not sent by the collector any more, also when `store-again` has stored
//! them.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::segment::sync_folder;
use super::set_aside::write_line;
use super::stored_again;
use crate::row::Row;

/// What operators ask for, in the folder of a spool.
#[derive(Clone, Debug)]
pub(crate) struct ByHand {
    folder: PathBuf,
}

/// The file of a batch, which has its name once it is whole.
#[derive(Debug)]
pub(crate) struct BatchFile {
    path: PathBuf,
    file: BufWriter<File>,
    token: String,
    reason: String,
    written: io::Result<()>,
}

impl ByHand {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where the rows of this batch are, or would be.
    pub(crate) fn path(&self, token: &str) -> PathBuf {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || ".-".contains(c) {
                c
            } else {
                '_'
            }
        };
        let name: String = token.chars().map(plain).collect();
        self.folder.join(format!("set_aside.{name}.ndjson"))
    }

    /// Whether this batch stands in its file, or did before it was stored again.
    pub(crate) fn has(&self, token: &str) -> bool {
        stored_again::was_there(&self.path(token))
    }

    /// The parts of this batch that stand in files of their own, or did before they were stored again, by their rows.
    pub(crate) fn parts(&self, token: &str) -> io::Result<Vec<Range<u64>>> {
        let whole = self.path(&format!("{token}/"));
        let Some(prefix) = whole.file_stem().and_then(OsStr::to_str) else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let part = name.to_str().and_then(|name| {
                // What `store-again` makes of the name follows.
                let (part, _) = name.strip_prefix(prefix)?.split_once(".ndjson")?;
                let (start, end) = part.split_once('-')?;
                Some(start.parse().ok()?..end.parse().ok()?)
            });
            parts.extend(part.filter(|part| !part.is_empty()));
        }
        Ok(parts)
    }

    /// Begins the file of a batch; one that was not finished is written anew.
    pub(crate) fn begin(&self, token: &str, reason: &str) -> io::Result<BatchFile> {
        let path = self.path(token);
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(unfinished(&path))?;
        Ok(BatchFile {
            path,
            file: BufWriter::new(file),
            token: token.to_owned(),
            reason: reason.to_owned(),
            written: Ok(()),
        })
    }

    /// Removes the file of a batch that cannot be finished.
    pub(crate) fn abandon(&self, token: &str) {
        let path = unfinished(&self.path(token));
        if let Err(cause) = fs::remove_file(&path)
            && cause.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %path.display(), %cause, "a file that could not be finished cannot be removed, and takes room");
        }
    }

    /// Asks whichever collector uses the folder to set this batch aside.
    pub(crate) fn ask(&self, token: &str) -> io::Result<()> {
        let request = self.request();
        fs::write(unfinished(&request), token)?;
        fs::rename(unfinished(&request), request)
    }

    /// Whether somebody has asked for this batch. What was asked for another one is declined.
    pub(crate) fn is_asked(&self, token: &str) -> bool {
        match fs::read_to_string(self.request()) {
            Ok(asked) if asked == token => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            _ => {
                self.answer();
                false
            }
        }
    }

    /// Removes the request, if there is one: it was done, or there is nothing to be done.
    pub(crate) fn answer(&self) {
        match fs::remove_file(self.request()) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                warn!(%cause, "a request to set a batch aside cannot be removed");
            }
            _ => {}
        }
    }

    /// Whether nobody has answered yet.
    pub(crate) fn is_open(&self) -> bool {
        self.request().exists()
    }

    fn request(&self) -> PathBuf {
        self.folder.join("set_aside.request")
    }
}

impl BatchFile {
    /// Adds a row; whether that worked is told by [`BatchFile::finish`].
    pub(crate) fn put(&mut self, row: &Row<'_>) {
        if self.written.is_ok() {
            self.written = write_line(&mut self.file, row, &self.reason, &self.token);
        }
    }

    /// Waits for the disk, and gives the file its name.
    pub(crate) fn finish(self) -> io::Result<PathBuf> {
        self.written?;
        self.file.into_inner()?.sync_all()?;
        fs::rename(unfinished(&self.path), &self.path)?;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder)?;
        }
        Ok(self.path)
    }
}

/// The name of a file that is not whole yet; one that is left is removed at the next start.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}
