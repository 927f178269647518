//! Segments that could not be read to their end are kept for a person to look at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

/// Files that are kept; the oldest go first.
const MOST: usize = 4;

/// Where a segment is once it was moved out of the way.
pub(super) fn place(folder: &Path, segment: &Path) -> PathBuf {
    folder.join("quarantine").join(segment.file_name().unwrap_or_default())
}

/// Moves a segment out of the way.
pub(super) fn keep(folder: &Path, segment: &Path) -> io::Result<()> {
    let (quarantine, kept) = (folder.join("quarantine"), place(folder, segment));
    fs::create_dir_all(&quarantine)?;
    // Looked at first: where no more files can be opened, nothing has been done.
    let mut files: Vec<PathBuf> = fs::read_dir(&quarantine)?.flatten().map(|entry| entry.path()).collect();
    fs::rename(segment, &kept)?;
    if !files.contains(&kept) {
        files.push(kept);
    }
    // Names are numbers of the same length, so this is their order in time.
    files.sort();
    for file in files.iter().rev().skip(MOST) {
        warn!(path = %file.display(), "a damaged segment is deleted, since {MOST} later ones are kept");
        fs::remove_file(file)?;
    }
    Ok(())
}
