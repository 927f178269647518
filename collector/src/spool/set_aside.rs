//! Rows that the store refuses for what they are, for a person to look at.
//!
//! `set_aside.ndjson` has one line of JSON for each: when, why, the token of its batch, and the row. When it is full it
//! becomes `set_aside.1.ndjson`, and the one before that goes. A row may stand there twice if the collector was killed
//! between writing it and the end of its batch.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::record::now;
use crate::row::Row;

/// Bytes after which the next file begins.
const FULL: u64 = 16 << 20;

/// Where such rows go.
#[derive(Debug)]
pub(crate) struct SetAside {
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Microseconds since the Unix epoch.
    time: u64,
    reason: &'a str,
    token: &'a str,
    row: &'a Row<'a>,
}

impl SetAside {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("set_aside.ndjson"),
        }
    }

    /// Adds rows and waits for the disk.
    pub(crate) fn add(&self, rows: &[Row<'_>], reason: &str, token: &str) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() >= FULL) {
            fs::rename(&self.path, self.path.with_extension("1.ndjson"))?;
        }
        let mut lines = Vec::new();
        for row in rows {
            let time = now();
            let line = Line {
                time,
                reason,
                token,
                row,
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(&lines) {
            // What fits of them must not stand there twice.
            file.set_len(before)?;
            return Err(error);
        }
        file.sync_data()
    }
}
