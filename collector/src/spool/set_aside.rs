//! Rows that the store refuses for what they are, for a person to look at.
//!
//! `set_aside.ndjson` has one line of JSON for each: when, why, the token of its batch, and the row. When it is full it
//! becomes `set_aside.1.ndjson`, and the one before that goes, which is told in time and counted. A row may stand there twice if the collector was killed
//! between writing it and the end of its batch.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::{error, warn};

use super::record::now;
use crate::row::Row;
use crate::telemetry::Metrics;

/// Bytes after which the next file begins.
const FULL: u64 = 16 << 20;
/// Bytes of both files, after which newer rows take the place of the oldest.
pub(crate) const SET_ASIDE_LIMIT: u64 = 2 * FULL;

/// Where such rows go.
#[derive(Debug)]
pub(crate) struct SetAside {
    path: PathBuf,
    older: PathBuf,
    full: u64,
    metrics: Metrics,
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
    pub(super) fn new(folder: &Path, metrics: Metrics) -> Self {
        let set_aside = Self {
            path: folder.join("set_aside.ndjson"),
            older: folder.join("set_aside.1.ndjson"),
            full: FULL,
            metrics,
        };
        set_aside.look();
        set_aside
    }

    /// Tells how much lies there, which somebody may have taken away.
    pub(super) fn look(&self) {
        let bytes = bytes(&self.path) + bytes(&self.older);
        self.metrics.set_aside_bytes.set(bytes as i64);
    }

    /// Bytes that may be added before older rows go.
    pub(crate) fn room(&self) -> u64 {
        let files = if self.older.exists() { 1 } else { 2 };
        (files * self.full).saturating_sub(bytes(&self.path))
    }

    /// Makes room for the next file.
    fn turn(&self) -> io::Result<()> {
        let replaced = lines(&self.older)?;
        fs::rename(&self.path, &self.older)?;
        self.metrics.set_aside_replaced.inc_by(replaced);
        let older = self.older.display();
        if replaced > 0 {
            error!(
                rows = replaced,
                %older,
                "rows that the store had refused are gone, since newer ones needed their room; those of this file go next: \
                mend what the store has against them and run `toolsight-collector store-again` for it, or move it away"
            );
        } else {
            warn!(
                room_bytes = self.full,
                %older,
                "rows that the store refuses fill a second file; once that is full, this one goes with its rows: mend what \
                the store has against them and run `toolsight-collector store-again` for it, or move it away"
            );
        }
        Ok(())
    }

    /// Adds rows and waits for the disk.
    pub(crate) fn add(&self, rows: &[Row<'_>], reason: &str, token: &str) -> io::Result<()> {
        if bytes(&self.path) >= self.full {
            self.turn()?;
        }
        let mut lines = Vec::new();
        for row in rows {
            write_line(&mut lines, row, reason, token)?;
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
        file.sync_data()?;
        self.look();
        Ok(())
    }
}

/// One row as a line of JSON.
pub(super) fn write_line(into: &mut impl io::Write, row: &Row<'_>, reason: &str, token: &str) -> io::Result<()> {
    let time = now();
    let line = Line {
        time,
        reason,
        token,
        row,
    };
    serde_json::to_writer(&mut *into, &line)?;
    into.write_all(b"\n")
}

/// 0 for a file that is not there.
fn bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// How many lines a file has; none if it is not there.
fn lines(path: &Path) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => BufReader::new(opened?),
    };
    let mut lines = 0;
    while file.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_newer_ones_replace_are_counted_and_how_much_room_is_left_is_known() {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), Metrics::new().unwrap());
        let set_aside = SetAside {
            full: 2000,
            ..SetAside::new(folder.path(), metrics.clone())
        };
        let add = || set_aside.add(&[Row::default()], "no", "a token").unwrap();
        assert_eq!((metrics.set_aside_bytes.get(), set_aside.room()), (0, 4000));
        add();
        let one = metrics.set_aside_bytes.get() as u64;
        assert_eq!(set_aside.room(), 4000 - one);
        let of_a_file = 2000_u64.div_ceil(one);
        // The one that is full, and the next.
        (1..2 * of_a_file).for_each(|_| add());
        let told = || {
            (
                metrics.set_aside_bytes.get() as u64 / one,
                metrics.set_aside_replaced.get(),
            )
        };
        assert_eq!(told(), (2 * of_a_file, 0));
        assert_eq!(set_aside.room(), 0, "the next row costs those of the first file");
        add();
        assert_eq!(told(), (of_a_file + 1, of_a_file));
        assert_eq!(set_aside.room(), 2000 - one);

        // Whoever has taken the older file away has lost nothing.
        fs::remove_file(folder.path().join("set_aside.1.ndjson")).unwrap();
        set_aside.look();
        assert_eq!((told(), set_aside.room()), ((1, of_a_file), 4000 - one));
        (0..of_a_file).for_each(|_| add());
        assert_eq!(metrics.set_aside_replaced.get(), of_a_file);
        let other = Metrics::new().unwrap();
        SetAside::new(folder.path(), other.clone());
        assert_eq!(
            other.set_aside_bytes.get() as u64,
            (of_a_file + 1) * one,
            "what lies there at the start is told"
        );
    }
}
