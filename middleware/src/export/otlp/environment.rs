//! The `OTEL_*` variables.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::BuildError;

/// Where variables are looked up; the process's own environment outside of tests.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Default for Environment {
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}

impl Environment {
    /// An empty value counts as none, as the OpenTelemetry specification says.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The variable of this signal (`TRACES` or `METRICS`), else that of all, with its name.
    pub(super) fn of_signal(&self, signal: &str, option: &str) -> Option<(String, String)> {
        [
            format!("OTEL_EXPORTER_OTLP_{signal}_{option}"),
            format!("OTEL_EXPORTER_OTLP_{option}"),
        ]
        .into_iter()
        .find_map(|name| Some((self.get(&name)?, name)))
    }

    /// Whether `OTEL_SDK_DISABLED` turns everything off.
    pub(crate) fn disabled(&self) -> bool {
        self.get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `OTEL_METRIC_EXPORT_INTERVAL`.
    pub(crate) fn metric_interval(&self) -> Result<Option<Duration>, BuildError> {
        let name = "OTEL_METRIC_EXPORT_INTERVAL".to_owned();
        let value = self.get(&name).map(|value| (value, name));
        value.map(milliseconds).transpose()
    }
}

pub(super) fn milliseconds((value, variable): (String, String)) -> Result<Duration, BuildError> {
    match value.parse() {
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(BuildError::Variable {
            variable,
            value,
            expected: "a whole number of milliseconds above 0",
        }),
    }
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let variables: std::collections::HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }
}
