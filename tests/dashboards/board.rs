//! The shipped boards, as far as tests look at them.

use std::fs;

use serde_json::Value;

/// One JSON file of `dashboards/grafana/dashboards`.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) file: String,
    pub(super) json: Value,
}

/// What is needed to run and to judge the query of one panel.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    /// `stat`, `timeseries` or `table`.
    pub(super) form: String,
    pub(super) sql: String,
    /// Whether the answer becomes time series, rather than a table.
    pub(super) series: bool,
    /// Columns that overrides name.
    pub(super) overridden: Vec<String>,
}

impl Board {
    /// Every board; there is at least one.
    pub(super) fn all() -> Vec<Self> {
        let folder = super::repository("dashboards/grafana/dashboards");
        let mut boards = Vec::new();
        for entry in fs::read_dir(&folder).expect("the folder of the boards") {
            let path = entry.expect("a readable folder").path();
            let text = fs::read_to_string(&path).expect("a readable board");
            let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            boards.push(Self {
                file: path.display().to_string(),
                json,
            });
        }
        assert!(!boards.is_empty(), "there is no board in {}", folder.display());
        boards
    }

    /// The board that the reader opens first.
    pub(super) fn overview() -> Self {
        let overview = Self::all()
            .into_iter()
            .find(|board| board.json["uid"] == "toolsight-overview");
        overview.expect("a board with the uid toolsight-overview")
    }

    pub(super) fn panels(&self) -> Vec<Panel> {
        self.list("/panels").iter().map(Panel::of).collect()
    }

    pub(super) fn panel(&self, title: &str) -> Panel {
        let panel = self.panels().into_iter().find(|panel| panel.title == title);
        panel.unwrap_or_else(|| panic!("no panel has the title {title}"))
    }

    /// The SQL of the variable that has some.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let queries = self
            .list("/templating/list")
            .iter()
            .filter(|variable| variable["type"] == "query");
        queries
            .map(|variable| (text(&variable["name"]), text(&variable["query"]["rawSql"])))
            .collect()
    }

    /// An array of the JSON, empty when there is none.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.json
            .pointer(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl Panel {
    fn of(json: &Value) -> Self {
        let overrides = json["fieldConfig"]["overrides"].as_array().cloned().unwrap_or_default();
        Self {
            title: text(&json["title"]),
            form: text(&json["type"]),
            sql: text(&json["targets"][0]["rawSql"]),
            series: json["targets"][0]["format"] == 0,
            overridden: overrides.iter().map(|one| text(&one["matcher"]["options"])).collect(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
