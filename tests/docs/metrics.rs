//! `collector/docs/metrics.md` names every metric of the collector, with its type and its labels, and no other.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::documents;
use crate::support::collector::Collector;
use crate::support::sender::{Sender, channel};
use crate::support::{root, tracked};

/// Type and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Metric {
    kind: String,
    labels: BTreeSet<String>,
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// By name, as the document's tables tell them.
fn documented() -> BTreeMap<String, Metric> {
    let text = std::fs::read_to_string(root().join("collector/docs/metrics.md")).unwrap();
    let mut metrics = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `toolsight_")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, meaning, _] = cells[..] else {
            panic!("six columns: {line}");
        };
        assert!(!unit.is_empty() && !meaning.is_empty(), "{line}");
        // `label`: `value`, `value`, or only `label`, `label`.
        let labels = match labels.split_once(": ") {
            Some((labels, _values)) => labels,
            None => labels,
        };
        let metric = Metric {
            kind: kind.to_owned(),
            labels: quoted(labels).map(str::to_owned).collect(),
        };
        let name = quoted(name).next().unwrap().to_owned();
        assert!(metrics.insert(name, metric).is_none(), "twice: {line}");
    }
    metrics
}

/// By name, as they are shown: those that have a series.
fn shown(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::new();
    let label = Regex::new(r#"(\w+)=""#).unwrap();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let series = lines.next().unwrap();
        let labels = label.captures_iter(series).map(|found| found[1].to_owned());
        let metric = Metric {
            kind: kind.to_owned(),
            // The bound of a histogram's bucket is no label of the metric.
            labels: labels.filter(|label| label != "le").collect(),
        };
        metrics.insert(name.to_owned(), metric);
    }
    metrics
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_shows_is_as_the_document_says() {
    let collector = Collector::start().await;
    let mut sender = Sender::new("sender");
    sender.send(&collector.http, 10).await;
    sender.send_by_grpc(&channel(&collector.grpc), 10).await;
    let refused = reqwest::Client::new()
        .post(format!("{}/v1/traces", collector.http))
        .body("{");
    refused.send().await.unwrap();
    collector.tool_calls(20).await;
    let answer = reqwest::get(format!("{}/metrics", collector.page)).await.unwrap();
    let shown = shown(&answer.text().await.unwrap());
    assert!(shown.len() > 30, "{shown:?}");
    let documented = documented();
    for (name, metric) in &shown {
        assert_eq!(documented.get(name), Some(metric), "{name}");
    }
}

/// Metrics without any value are not shown, so the names come from where they are given.
#[test]
fn the_document_has_the_metrics_that_the_code_registers() {
    let given = Regex::new(
        r#"(?:\b(?:counters?|gauges?)\(\s*(?:&registry,\s*)?|\b(?:Opts|Gauge|HistogramOpts)::new\(\s*)"([a-z_]+)""#,
    )
    .unwrap();
    let sources = tracked(&[".rs"]).into_iter();
    let sources = sources.filter(|(path, _)| path.starts_with("collector/src/") && !path.ends_with("tests.rs"));
    let mut registered = BTreeSet::new();
    for (_, text) in sources {
        let code = text.split("#[cfg(test)]").next().unwrap();
        registered.extend(
            given
                .captures_iter(code)
                .map(|found| format!("toolsight_{}", &found[1])),
        );
    }
    let documented: BTreeSet<_> = documented().into_keys().collect();
    assert_eq!(documented, registered);
}

/// Words that begin like metrics and are none.
const OTHER: [&str; 1] = ["toolsight_ingest_"];

#[test]
fn every_metric_that_is_named_elsewhere_is_in_the_document() {
    let documented = documented();
    let named = Regex::new(r"\btoolsight_[a-z_]+").unwrap();
    for (file, text) in documents().into_iter().chain(tracked(&["rules.yml"])) {
        for name in named.find_iter(&text).map(|found| found.as_str()) {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| name.strip_suffix(part))
                .unwrap_or(name);
            let is_known = documented.contains_key(family) || documented.contains_key(name) || OTHER.contains(&name);
            assert!(is_known, "{file}: {name}");
        }
    }
}
