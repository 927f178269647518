//! What the fuzz targets call; not there in an ordinary build.

use crate::observe::oracle::{Scene, check_lines};
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

/// Reads `data` as what passes over a pipe: the client's part, and behind a zero byte the server's.
///
/// # Panics
/// If lines or records depend on how the bytes are cut, or are not one for each line or request.
pub fn lines(data: &[u8]) {
    if let Some((&size, text)) = data.split_first() {
        let middle = memchr::memchr(0, text).unwrap_or(text.len());
        let server = text.get(middle + 1..).unwrap_or_default();
        check_lines(&text[..middle], server, usize::from(size).max(1));
    }
}

/// Reads `data` as one exchange over HTTP, see [`Scene::read`].
///
/// # Panics
/// If the records depend on how the bytes are cut, are not one for each request, or where a piece of the answer is left out
/// tell anything else than without its events.
pub fn exchange(data: &[u8]) {
    if let Some((&size, scene)) = data.split_first()
        && let Some(scene) = Scene::read(scene)
    {
        let size = usize::from(size).max(1);
        scene.check(size);
        scene.check_without(size..2 * size, size);
    }
}
