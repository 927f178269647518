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
pub(crate) struct Page;

/// Answers with a file of the page; paths that are none belong to the page's own navigation and get its index.
pub(crate) fn serve<P: RustEmbed>(uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = P::get(path) {
        return answer(path, &file, headers);
    }
    if path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match P::get(INDEX) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(RustEmbed)]
    #[folder = "tests/api/page/"]
    struct Fixture;

    #[derive(RustEmbed)]
    #[folder = "tests/api/no_page/"]
    #[allow_missing = true]
    struct Missing;

    fn get<P: RustEmbed>(path: &str, known: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(IF_NONE_MATCH, known.parse().unwrap());
        }
        serve::<P>(&path.parse().unwrap(), &headers)
    }

    fn header(response: &Response, name: axum::http::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn files_are_found_and_other_paths_belong_to_the_page() {
        let cases = [
            ("the index", "/", 200, "text/html", "no-cache"),
            (
                "a path of the page's own",
                "/tools/search",
                200,
                "text/html",
                "no-cache",
            ),
            (
                "an asset",
                "/assets/page-1a2b3c.js",
                200,
                "text/javascript",
                "public, max-age=31536000, immutable",
            ),
            ("an asset of an older build", "/assets/page-000000.js", 404, "", ""),
            ("a way out of the folder", "/assets/../../Cargo.toml", 404, "", ""),
            (
                "a way out of the folder, from the top",
                "/../../Cargo.toml",
                200,
                "text/html",
                "no-cache",
            ),
        ];
        for (name, path, status, kind, caching) in cases {
            let response = get::<Fixture>(path, None);
            assert_eq!(response.status(), status, "{name}");
            assert_eq!(header(&response, CONTENT_TYPE), kind, "{name}");
            assert_eq!(header(&response, CACHE_CONTROL), caching, "{name}");
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let tag = header(&get::<Fixture>("/", None), ETAG).to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            assert_eq!(get::<Fixture>("/", Some(&known)).status(), 304, "{known}");
        }
        assert_eq!(get::<Fixture>("/", Some("\"other\"")).status(), 200);
    }

    #[test]
    fn a_build_without_the_page_says_how_to_build_it() {
        assert_eq!(get::<Missing>("/", None).status(), 404);
    }
}
