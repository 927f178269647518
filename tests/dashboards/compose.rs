//! The compose file, as far as that goes without starting containers.

use serde_json::Value;

use super::{read, repository, run};

fn services() -> Vec<(String, Value)> {
    let file: Value = serde_saphyr::from_str(&read("docker-compose.yml")).expect("valid YAML");
    file["services"]
        .as_object()
        .expect("services")
        .clone()
        .into_iter()
        .collect()
}

fn strings<'a>(service: &'a Value, key: &str) -> Vec<&'a str> {
    service[key]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn the_compose_file_is_valid() {
    run(
        ".",
        "docker-compose",
        &["--file", "docker-compose.yml", "config", "--quiet"],
        "install docker-compose",
    );
}

#[test]
fn images_are_pinned_to_a_version() {
    for (name, service) in services().iter().filter(|(_, service)| service.get("build").is_none()) {
        let tag = service["image"]
            .as_str()
            .and_then(|image| image.split_once(':'))
            .map(|(_, tag)| tag);
        let pinned = tag.is_some_and(|tag| tag.trim_start_matches('v').split('.').count() >= 3);
        assert!(pinned, "{name}: {}", service["image"]);
    }
}

#[test]
fn ports_are_open_to_this_machine_only() {
    for (name, service) in services() {
        for port in strings(&service, "ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn mounted_files_exist_and_cannot_be_written() {
    for (name, service) in services() {
        for volume in strings(&service, "volumes")
            .into_iter()
            .filter(|volume| volume.starts_with('.'))
        {
            let parts: Vec<_> = volume.split(':').collect();
            assert!(repository(parts[0]).exists(), "{name}: {volume}");
            assert_eq!(parts.last(), Some(&"ro"), "{name}: {volume}");
        }
    }
}

#[test]
fn every_variable_that_provisioned_files_take_is_set_for_grafana() {
    let services = services();
    let (_, grafana) = services.iter().find(|(name, _)| name == "grafana").expect("grafana");
    let variable = regex::Regex::new(r"\$\{?(TOOLSIGHT_\w+)").unwrap();
    for file in ["datasources/clickhouse.yaml", "alerting/tools.yaml"] {
        for used in variable.captures_iter(&read(&format!("dashboards/grafana/provisioning/{file}"))) {
            assert!(
                grafana["environment"].get(&used[1]).is_some(),
                "{file}: {} is not set",
                &used[1]
            );
        }
    }
}
