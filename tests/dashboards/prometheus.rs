//! Prometheus' rules, run by its own tool.

use regex::Regex;

use super::{read, run};

const FOLDER: &str = "dashboards/prometheus";
const GET_PROMTOOL: &str = "install the packages prometheus and prometheus-alertmanager";

#[test]
fn the_configuration_is_valid() {
    run(FOLDER, "promtool", &["check", "config", "prometheus.yml"], GET_PROMTOOL);
    run(FOLDER, "amtool", &["check-config", "alertmanager.yml"], GET_PROMTOOL);
}

#[test]
fn each_alert_fires_stays_quiet_and_resolves_as_its_cases_say() {
    run(FOLDER, "promtool", &["test", "rules", "rules.test.yml"], GET_PROMTOOL);
    let cases = read("dashboards/prometheus/rules.test.yml");
    let name = Regex::new(r"alert: (\w+)").unwrap();
    for alert in name.captures_iter(&read("dashboards/prometheus/rules.yml")) {
        for what in ["exp_alerts: []}", "exp_alerts:\n"] {
            let case = Regex::new(&format!(r"alertname: {}(, |\n +){}", &alert[1], regex::escape(what))).unwrap();
            assert!(case.is_match(&cases), "no case for {} has {what}", &alert[1]);
        }
    }
}

#[test]
fn rules_read_only_metrics_that_the_collector_has() {
    let collector = read("collector/src/telemetry.rs") + &read("collector/src/layers/show.rs");
    let metric = Regex::new(r"toolsight_(\w+)").unwrap();
    for used in metric.captures_iter(&read("dashboards/prometheus/rules.yml")) {
        // Prometheus names the parts of a histogram itself.
        let name = used[1].trim_end_matches("_bucket");
        assert!(
            collector.contains(&format!("\"{name}\"")),
            "the collector has no metric toolsight_{}",
            &used[1]
        );
    }
}
