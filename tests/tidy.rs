//! Rules of the house that a program can check.

use crate::support::tracked;

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let sources = tracked(&[".rs", ".ts", ".tsx", ".mjs", ".sql", ".py"]);
    assert!(sources.len() > 50);
    let long: Vec<_> = sources
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(path, lines)| *lines > 400 && !path.contains("/dist/"))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let unsafe_files: Vec<_> = tracked(&[".rs"])
        .into_iter()
        .filter(|(path, text)| text.contains("unsafe {") && !path.ends_with("tidy.rs"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(unsafe_files, ["collector/src/store/engine_library.rs"]);
}

#[test]
fn only_the_stages_know_their_neighbours() {
    let outside = |folder: &str, word: &str| {
        let sources = tracked(&[".rs"]).into_iter();
        let known = sources.filter(|(path, text)| {
            path.starts_with("middleware/src/") && !path.starts_with(folder) && text.contains(word)
        });
        known.map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(outside("middleware/src/http/", "tower_service::"), [""; 0]);
    assert_eq!(outside("middleware/src/http/", "tower_layer::"), [""; 0]);
    assert_eq!(outside("middleware/src/export/", "opentelemetry_otlp::"), [""; 0]);
}
