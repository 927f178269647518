//! The questions of `collector/docs/api.md` are questions that the API knows.

use regex::Regex;
use serde_json::Value;

use super::blocks;
use crate::support::collector::Collector;

#[tokio::test(flavor = "multi_thread")]
async fn every_question_has_a_path_and_parameters_that_the_api_describes() {
    let collector = Collector::start().await;
    let description = collector.api("openapi.json").await;
    let paths = description["paths"].as_object().unwrap();
    let question = Regex::new(r#"\$API/([^\s"?]+)(?:\?([^\s"]*))?"#).unwrap();
    let data = Regex::new(r"(?:-d|--data-urlencode) ([a-z_]+)=").unwrap();
    let mut questions = 0;
    for block in blocks().iter().filter(|block| block.language == "sh") {
        for line in block.text.lines() {
            let Some(found) = question.captures(line) else {
                continue;
            };
            questions += 1;
            let asked = format!("/api/v1/{}", &found[1]);
            let (_, path) = paths
                .iter()
                .find(|(path, _)| fits(path, &asked))
                .unwrap_or_else(|| panic!("{}: no path {asked}: {line}", block.file));
            let known: Vec<_> = path["get"]["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let query = found.get(2).map_or("", |query| query.as_str());
            let names = query.split('&').filter(|pair| !pair.is_empty());
            let names = names.map(|pair| pair.split('=').next().unwrap().to_owned());
            for name in names.chain(data.captures_iter(line).map(|found| found[1].to_owned())) {
                assert!(
                    known.contains(&&*name),
                    "{}: {asked} takes no {name}, only {known:?}",
                    block.file
                );
            }
        }
    }
    assert!(questions > 10, "{questions}");
}

/// Whether a path with parts in braces is the one that is asked.
fn fits(path: &str, asked: &str) -> bool {
    let (path, asked): (Vec<_>, Vec<_>) = (path.split('/').collect(), asked.split('/').collect());
    let same = |(part, word): (&&str, &&str)| part == word || part.starts_with('{');
    path.len() == asked.len() && path.iter().zip(&asked).all(same)
}

/// The examples of probes and of Prometheus are YAML, and ask where the page is by default.
#[test]
fn what_watches_the_collector_asks_at_its_port() {
    let default = toolsight_collector::config::Config::default()
        .listen
        .page
        .port()
        .to_string();
    let port = Regex::new(r"port: (\d+)|collector:(\d+)").unwrap();
    let mut ports = 0;
    for block in blocks().iter().filter(|block| block.language == "yaml") {
        let parsed = serde_saphyr::from_str::<Value>(&block.text);
        assert!(parsed.is_ok(), "{}: {parsed:?}", block.file);
        for found in port.captures_iter(&block.text) {
            let asked = found.get(1).or(found.get(2)).unwrap().as_str();
            assert_eq!(asked, default, "{}", block.file);
            ports += 1;
        }
    }
    assert!(ports > 3, "{ports}");
}
