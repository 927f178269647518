//! Serves the built page, which is part of the program.

use axum::{
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rust_embed::{EmbeddedFile, RustEmbed};

const INDEX: &str = "index.html";
const NOT_BUILT: &str = "The page is not part of this build: run `npm ci && npm run build` in dashboards/ui, then build \
    the collector again.\n";

/// The folder is a link to where the page is built.
#[derive(RustEmbed)]
#[folder = "ui/"]
#[allow_missing = true]
struct Page;

/// Answers with a file of the page; paths that are none belong to the page's own navigation and get its index.
pub(crate) fn page(uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Page::get(path) {
        return answer(path, &file, headers);
    }
    if path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Page::get(INDEX) {
        Some(index) => answer(INDEX, &index, headers),
        None => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
    }
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!(
        "\"{}\"",
        BASE64_URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..16])
    );
    // The names of assets contain a hash of what is in them.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let cached = [(CACHE_CONTROL, caching.to_owned()), (ETAG, tag.clone())];
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| {
        known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag)
    }) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    let kind = [(CONTENT_TYPE, file.metadata.mimetype().to_owned())];
    (cached, kind, file.data.clone().into_owned()).into_response()
}
