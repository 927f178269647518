//! What the plugin and Grafana make of an answer, and when they would show an error or nothing instead.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    board::Panel,
    engine,
    macros::{self, Picked, Range},
};

/// What a column becomes in a data frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Number,
    Text,
    /// Shown as JSON text, which no panel here wants.
    Other,
}

impl Kind {
    pub(super) fn of(column_type: &str) -> Self {
        let inner = [
            "Nullable(",
            "LowCardinality(",
            "SimpleAggregateFunction(sum, ",
            "SimpleAggregateFunction(max, ",
        ];
        if let Some(inner) = inner.iter().find_map(|wrapper| column_type.strip_prefix(wrapper)) {
            return Self::of(inner.trim_end_matches(')'));
        }
        let begins = |names: &[&str]| names.iter().any(|name| column_type.starts_with(name));
        if begins(&["Date"]) {
            Self::Time
        } else if begins(&["UInt", "Int", "Float", "Decimal"]) {
            Self::Number
        } else if begins(&["String", "FixedString", "Enum", "IPv", "Bool", "UUID"]) {
            Self::Text
        } else {
            Self::Other
        }
    }
}

/// The answer to one query.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) columns: Vec<(String, Kind)>,
    pub(super) rows: Vec<Value>,
}

impl Frame {
    /// Expands and runs a panel's or a variable's query.
    pub(super) fn of(sql: &str, picked: &Picked, range: &Range) -> Result<Self, String> {
        Self::of_expanded(&macros::backend(&macros::browser(sql, picked)?, range)?)
    }

    /// Runs what ClickHouse gets.
    pub(super) fn of_expanded(sql: &str) -> Result<Self, String> {
        let columns = engine::columns(sql)?
            .into_iter()
            .map(|(name, of)| (name, Kind::of(&of)))
            .collect();
        Ok(Self {
            columns,
            rows: engine::query(sql)?,
        })
    }

    pub(super) fn names(&self, kind: Kind) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|(_, of)| *of == kind)
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Why the panel would show an error, or not show what it is configured to.
    pub(super) fn problems(&self, panel: &Panel) -> Vec<String> {
        let mut problems: Vec<String> = self
            .names(Kind::Other)
            .iter()
            .map(|name| format!("{name} would be shown as JSON"))
            .collect();
        let names: BTreeSet<_> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        for overridden in &panel.overridden {
            if !names.contains(overridden.as_str()) {
                problems.push(format!(
                    "an override is for {overridden}, which the query does not answer with"
                ));
            }
        }
        if panel.series {
            problems.extend(self.series_problems());
        }
        if panel.form == "stat" && self.columns.len() != 1 {
            problems.push("a stat shows one number".to_owned());
        }
        problems
    }

    /// Why there would be nothing to see.
    pub(super) fn emptiness(&self) -> Option<String> {
        let numbers = self.names(Kind::Number);
        let seen = |row: &Value| numbers.iter().any(|name| engine::number(&row[*name]).is_some());
        (!self.rows.iter().any(seen)).then(|| "no row has a number".to_owned())
    }

    fn series_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let [time] = self.names(Kind::Time)[..] else {
            return vec!["a time series needs one column with the time".to_owned()];
        };
        if self.names(Kind::Number).is_empty() {
            problems.push("a time series needs a number".to_owned());
        }
        // The engine writes times so that they sort as text.
        let times: Vec<_> = self.rows.iter().map(|row| row[time].as_str()).collect();
        if times.contains(&None) {
            problems.push("a time is null".to_owned());
        }
        if !times.is_sorted() {
            problems.push("series must be sorted ascending by time".to_owned());
        }
        problems
    }
}

#[test]
fn column_types_become_what_the_plugin_makes_of_them() {
    for (column_type, kind) in [
        ("UInt64", Kind::Number),
        ("Nullable(Float64)", Kind::Number),
        ("SimpleAggregateFunction(sum, UInt64)", Kind::Number),
        ("Decimal(9, 2)", Kind::Number),
        ("DateTime('UTC')", Kind::Time),
        ("DateTime64(6, 'UTC')", Kind::Time),
        ("LowCardinality(String)", Kind::Text),
        ("LowCardinality(Nullable(String))", Kind::Text),
        ("FixedString(16)", Kind::Text),
        ("Array(UInt8)", Kind::Other),
        ("Map(String, String)", Kind::Other),
        ("Tuple(UInt8, String)", Kind::Other),
        ("AggregateFunction(uniq, String)", Kind::Other),
    ] {
        assert_eq!(Kind::of(column_type), kind, "{column_type}");
    }
}
