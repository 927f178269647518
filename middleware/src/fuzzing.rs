//! What the fuzz targets call; not there in an ordinary build.

use crate::wire::oracle;

/// Reads `data` as a document, whole and in pieces, and as `serde_json` reads it.
///
/// # Panics
/// If the readings differ.
pub fn message(data: &[u8]) {
    let Some((&size, document)) = data.split_first() else {
        return;
    };
    oracle::same_in_pieces(document, usize::from(size).max(1));
    if let Ok(document) = serde_json::from_slice(document) {
        oracle::same_as_serde(&document);
    }
}

/// Reads `data` as an event stream, whole and in pieces.
///
/// # Panics
/// If the readings differ.
pub fn events(data: &[u8]) {
    if let Some((&size, stream)) = data.split_first() {
        oracle::same_events_in_pieces(stream, usize::from(size).max(1));
    }
}
