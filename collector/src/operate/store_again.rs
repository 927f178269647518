//! Stores rows that were set aside, once what the store had against them is mended.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::halved::Halved;
use crate::config::Config;
use crate::pipeline::InsertError;
use crate::row::Row;
use crate::serve::{log_progress, store_config};
use crate::spool::stored_again;
use crate::store::{Block, CommandSession, Location};

/// Rows of one insert.
const CHUNK: usize = 1000;

/// A line of a file of rows that were set aside; what else it tells is for people.
#[derive(Deserialize)]
struct Line {
    /// Rows that were sent together have it in common.
    token: String,
    row: Row<'static>,
}

/// Rows with their lines.
type Rows = Vec<(String, Row<'static>)>;

/// The rows of one file on their way to the store.
struct Again<'a> {
    session: &'a CommandSession,
    halved: Halved,
    /// Rows that were sent alone, and wait for others.
    singles: Rows,
    told: Told,
}

/// What became of a file.
#[derive(Debug, Default)]
struct Told {
    stored: usize,
    /// Lines that stay, and why the last of them does.
    left: Vec<String>,
    reason: String,
}

/// Stores the rows of a file, each once, and removes those that are stored from it.
///
/// # Errors
/// When rows are left: those that the store refuses again or whose line cannot be read; or all, when the store cannot be had.
/// They stand beside the file, as FILE.taken, which the command goes on with when it is run again.
pub async fn store_again(config: &Config, file: &Path) -> anyhow::Result<()> {
    // A collector that runs goes on adding to the file, and finds none of this name then.
    let taken = stored_again::taken(file);
    if !taken.exists() {
        fs::rename(file, &taken).with_context(|| format!("take {}", file.display()))?;
    }
    let notes = || format!("use {}.halved, which tells what goes in halves", taken.display());
    let halved = Halved::beside(&taken).with_context(notes)?;
    let store = store_config(config)?;
    let location = store.location.clone();
    let session = CommandSession::open(store, log_progress).await?;
    let mut again = Again {
        session: &session,
        halved,
        singles: Vec::new(),
        told: Told::default(),
    };
    let done = again.store_all(&taken).await;
    let Again { halved, told, .. } = again;
    session.close().await;
    done.with_context(|| format!("store {} again", taken.display()))?;
    let Told { stored, left, reason } = told;
    sync(&location).with_context(|| format!("wait for the disk of the store at {location}; run the command again"))?;
    if left.is_empty() {
        stored_again::note(file).with_context(|| format!("note that {} is stored", file.display()))?;
    }
    keep(&taken, &left)?;
    // Last, since the rows that are left were not stored in any half.
    halved.forget().with_context(notes)?;
    writeln!(io::stdout(), "{stored} rows stored").context("print how many were stored")?;
    if !left.is_empty() {
        bail!("{} rows are left in {}: {reason}", left.len(), taken.display());
    }
    Ok(())
}

/// Waits until the disk has what an embedded store has: it answers before, and nobody sends these rows another time.
fn sync(location: &Location) -> io::Result<()> {
    if let Location::Embedded(folder) = location {
        rustix::fs::syncfs(File::open(folder)?)?;
    }
    Ok(())
}

impl Again<'_> {
    async fn store_all(&mut self, taken: &Path) -> anyhow::Result<()> {
        let (mut seen, mut together, mut batches) = (HashSet::new(), <(String, Rows)>::default(), 0);
        for line in BufReader::new(File::open(taken)?).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if line.is_empty() {
                continue;
            }
            match serde_json::from_str::<Line>(&line) {
                Ok(Line { row, .. }) if !seen.insert(call(&row)?) => {}
                Ok(Line { token, row }) => {
                    if token != together.0 {
                        batches += 1;
                        let (token, rows) = std::mem::replace(&mut together, (token, Vec::new()));
                        self.store_together(token, rows).await?;
                    }
                    together.1.push((line, row));
                }
                Err(error) => {
                    self.told.reason = format!("a line cannot be read: {error}");
                    self.told.left.push(line);
                }
            }
            if self.singles.len() == CHUNK {
                let singles = std::mem::take(&mut self.singles);
                self.store(singles, None).await?;
            }
        }
        let (token, rows) = together;
        if batches == 1 {
            // It was set aside by hand, and the store may have it, even where it is one row.
            return self.store(rows, Some(token)).await;
        }
        self.store_together(token, rows).await?;
        let singles = std::mem::take(&mut self.singles);
        self.store(singles, None).await
    }

    /// Stores rows that were sent together under the token that they had: the store may have some of what is derived from
    /// them or even all, since its answer was an error. A row that was sent alone waits for others.
    async fn store_together(&mut self, token: String, rows: Rows) -> anyhow::Result<()> {
        if rows.len() > 1 {
            return self.store(rows, Some(token)).await;
        }
        self.singles.extend(rows);
        Ok(())
    }

    /// Stores rows, halving them until those that are refused stand alone. `token` is for all of them together, if they
    /// have one.
    async fn store(&mut self, rows: Rows, mut token: Option<String>) -> anyhow::Result<()> {
        let mut parts = vec![rows];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let mut hasher = blake3::Hasher::new();
            for (_, row) in &part {
                hasher.update(identity(row)?.as_bytes());
            }
            // The same rows have the same token, so that an attempt that was cut off counts nothing twice.
            let token = token.take();
            let token = token.unwrap_or_else(|| format!("again/{}", hasher.finalize().to_hex()));
            if !self.halved.has(&token) {
                let block: Block = part.iter().map(|(_, row)| row).collect();
                match self.session.insert(&block, &token).await {
                    Ok(()) => {
                        self.told.stored += part.len();
                        continue;
                    }
                    Err(InsertError::Retryable(why)) => bail!("{why}; run the command again, it goes on where it was"),
                    Err(InsertError::Permanent(why)) if part.len() == 1 => {
                        self.told.reason = why;
                        self.told.left.extend(part.pop().map(|(line, _)| line));
                        continue;
                    }
                    Err(InsertError::Permanent(_)) => {
                        let noted = self.halved.note(&token);
                        noted
                            .context("note that it goes in halves: make room on the disk, and run the command again")?;
                    }
                }
            }
            let rest = part.split_off(part.len() / 2);
            parts.extend([rest, part]);
        }
        Ok(())
    }
}

/// What tells a row from others. A collector that was killed may have written it twice, and have learnt of the client of its
/// session between.
fn call(row: &Row<'static>) -> anyhow::Result<blake3::Hash> {
    identity(&Row {
        client: "".into(),
        client_version: "".into(),
        protocol_version: "".into(),
        ..row.clone()
    })
}

fn identity(row: &Row<'_>) -> anyhow::Result<blake3::Hash> {
    Ok(blake3::hash(&serde_json::to_vec(row)?))
}

/// Leaves only these lines in the file, or no file.
fn keep(taken: &Path, lines: &[String]) -> anyhow::Result<()> {
    if lines.is_empty() {
        return fs::remove_file(taken).with_context(|| format!("remove {}", taken.display()));
    }
    let fresh = PathBuf::from(format!("{}.new", taken.display()));
    let written = || -> io::Result<()> {
        let mut file = File::create(&fresh)?;
        for line in lines {
            writeln!(file, "{line}")?;
        }
        file.sync_all()?;
        fs::rename(&fresh, taken)
    };
    written().with_context(|| format!("write {}", fresh.display()))
}
