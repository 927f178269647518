//! What happens to a panel's SQL before ClickHouse sees it: a port of the browser's and the plugin backend's steps, as
//! far as the boards use them (`grafana-clickhouse-datasource` 4.20.0).

use regex::{Captures, Regex};

/// The range of a board and the step that Grafana derived from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) step_s: i64,
}

/// What the reader picked in the variables; `None` stands for "All".
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub(super) server: Option<Vec<&'static str>>,
    pub(super) tool: Option<Vec<&'static str>>,
}

impl Picked {
    fn values(&self, variable: &str) -> Result<Option<&[&'static str]>, String> {
        match variable {
            "server" => Ok(self.server.as_deref()),
            "tool" => Ok(self.tool.as_deref()),
            _ => Err(format!("no variable is called {variable}")),
        }
    }
}

const CONDITIONAL: &str = "$__conditionalAll(";

/// The browser's part: conditions of variables, then the variables themselves.
pub(super) fn browser(sql: &str, picked: &Picked) -> Result<String, String> {
    let mut sql = sql.to_owned();
    while let Some(at) = sql.rfind(CONDITIONAL) {
        let (arguments, length) = arguments(&sql[at + CONDITIONAL.len() - 1..]).ok_or("brackets do not match")?;
        let [condition, variable] = arguments.as_slice() else {
            return Err(format!("{CONDITIONAL}..) takes 2 arguments, not {}", arguments.len()));
        };
        let variable = variable
            .trim()
            .trim_start_matches('$')
            .trim_start_matches('{')
            .trim_end_matches('}');
        if ["$'", "$&", "$`", "$$"]
            .iter()
            .any(|special| condition.contains(special))
        {
            return Err(format!("the browser would mangle the dollar in: {condition}"));
        }
        let kept = if picked.values(variable)?.is_none() {
            "1=1".to_owned()
        } else {
            condition.clone()
        };
        sql.replace_range(at..at + CONDITIONAL.len() - 1 + length, &kept);
    }
    let variable = Regex::new(r"\$\{(\w+):singlequote\}").expect("a valid pattern");
    let mut problem = None;
    let sql = variable.replace_all(&sql, |found: &Captures<'_>| match picked.values(&found[1]) {
        Ok(Some(values)) => {
            let quoted: Vec<_> = values
                .iter()
                .map(|value| format!("'{}'", value.replace('\'', "\\'")))
                .collect();
            quoted.join(",")
        }
        Ok(None) => {
            problem = Some(format!("{} stands outside of {CONDITIONAL}..)", &found[0]));
            String::new()
        }
        Err(unknown) => {
            problem = Some(unknown);
            String::new()
        }
    });
    problem.map_or_else(|| Ok(sql.into_owned()), Err)
}

type Expand = fn(&Range, &[String]) -> String;

/// Name, number of arguments, expansion; a longer name before a shorter one that it begins with.
const MACROS: [(&str, usize, Expand); 9] = [
    ("$__timeInterval", 1, |range, of| {
        format!(
            "toStartOfInterval(toDateTime({}), INTERVAL {} second)",
            of[0],
            range.step_s.max(1)
        )
    }),
    ("$__timeFilter_ms", 1, |range, of| {
        let [from, to] = milliseconds(range);
        format!("{0} >= {from} AND {0} <= {to}", of[0])
    }),
    ("$__timeFilter", 1, |range, of| {
        let [from, to] = seconds(range);
        format!("{0} >= {from} AND {0} <= {to}", of[0])
    }),
    ("$__interval_s", 0, |range, _| range.step_s.max(1).to_string()),
    ("$__fromTime_ms", 0, |range, _| milliseconds(range)[0].clone()),
    ("$__toTime_ms", 0, |range, _| milliseconds(range)[1].clone()),
    ("$__fromTime", 0, |range, _| seconds(range)[0].clone()),
    ("$__toTime", 0, |range, _| seconds(range)[1].clone()),
    ("$__timeFrom", 1, |range, of| {
        format!("{} >= {}", of[0], seconds(range)[0])
    }),
];

fn seconds(range: &Range) -> [String; 2] {
    [range.from_ms, range.to_ms].map(|time| format!("toDateTime({})", time.div_euclid(1000)))
}

fn milliseconds(range: &Range) -> [String; 2] {
    [range.from_ms, range.to_ms].map(|time| format!("fromUnixTimestamp64Milli({time})"))
}

/// The backend's part, the only one for alert rules: comments become blanks, then macros are expanded; what is not a
/// macro stays for ClickHouse to refuse.
pub(super) fn backend(sql: &str, range: &Range) -> Result<String, String> {
    let mut sql = without_comments(sql);
    for (name, count, expand) in MACROS {
        while let Some(at) = sql.find(name) {
            let rest = &sql[at + name.len()..];
            let (arguments, length) = if rest.starts_with('(') && count > 0 {
                arguments(rest).ok_or_else(|| format!("{name}: brackets do not match"))?
            } else {
                (Vec::new(), 0)
            };
            if arguments.len() != count {
                return Err(format!(
                    "{name}: expected {count} argument(s), received {}",
                    arguments.len()
                ));
            }
            sql.replace_range(at..at + name.len() + length, &expand(range, &arguments));
        }
    }
    Ok(sql)
}

/// The arguments of a call whose opening bracket is first, and the length up to and with its closing bracket. Quotes are
/// not respected, as they are not by the browser.
fn arguments(text: &str) -> Option<(Vec<String>, usize)> {
    let (mut depth, mut begin, mut found) = (0, 1, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if (character == ',' && depth == 1) || depth == 0 {
            found.push(text[begin..at].to_owned());
            begin = at + 1;
        }
        if depth == 0 {
            return Some((found, at + 1));
        }
    }
    None
}

fn without_comments(sql: &str) -> String {
    let part = Regex::new(r"(?s)'(?:[^'\\]|\\.|'')*'|--[^\n]*|/\*.*?\*/").expect("a valid pattern");
    let blank = |found: &Captures<'_>| {
        if found[0].starts_with('\'') {
            found[0].to_owned()
        } else {
            " ".repeat(found[0].len())
        }
    };
    part.replace_all(sql, blank).into_owned()
}

#[test]
fn the_backend_expands_as_the_plugin_does() {
    // 2014-11-12T11:45:26.371Z to 2015-11-12T11:45:26.371Z, as in the plugin's own tests.
    let range = Range {
        from_ms: 1_415_792_726_371,
        to_ms: 1_447_328_726_371,
        step_s: 20,
    };
    for (sql, expected) in [
        ("$__fromTime", Ok("toDateTime(1415792726)")),
        ("$__toTime_ms", Ok("fromUnixTimestamp64Milli(1447328726371)")),
        (
            "$__timeFilter(t)",
            Ok("t >= toDateTime(1415792726) AND t <= toDateTime(1447328726)"),
        ),
        (
            "$__timeInterval(t)",
            Ok("toStartOfInterval(toDateTime(t), INTERVAL 20 second)"),
        ),
        (
            "$__timeInterval($__fromTime)",
            Ok("toStartOfInterval(toDateTime(toDateTime(1415792726)), INTERVAL 20 second)"),
        ),
        ("f($__interval_s)", Ok("f(20)")),
        ("1 -- it's\n+ '-- kept' $__interval_s", Ok("1        \n+ '-- kept' 20")),
        ("/* $__x( */1", Ok("           1")),
        ("$__timefilter(t)", Ok("$__timefilter(t)")),
        (
            "$__timeFilter(a, b)",
            Err("$__timeFilter: expected 1 argument(s), received 2"),
        ),
        (
            "$__timeFilter",
            Err("$__timeFilter: expected 1 argument(s), received 0"),
        ),
    ] {
        assert_eq!(
            backend(sql, &range),
            expected.map(str::to_owned).map_err(str::to_owned),
            "{sql}"
        );
    }
}

#[test]
fn the_browser_expands_conditions_and_variables() {
    let all = Picked {
        server: None,
        tool: None,
    };
    let two = Picked {
        server: Some(vec!["a", "b's (c, d)"]),
        tool: None,
    };
    let condition = "x AND $__conditionalAll(s IN (${server:singlequote}), $server)";
    for (sql, picked, expected) in [
        (condition, &all, Ok("x AND 1=1")),
        (condition, &two, Ok(r"x AND s IN ('a','b\'s (c, d)')")),
        (
            "$__conditionalAll(s, ${server}) AND $__conditionalAll(t, $tool)",
            &two,
            Ok("s AND 1=1"),
        ),
        (
            "$__conditionalAll(s, $nobody)",
            &all,
            Err("no variable is called nobody"),
        ),
        (
            "$__conditionalAll(s, ${server:singlequote})",
            &all,
            Err("no variable is called server:singlequote"),
        ),
        (
            "$__conditionalAll(s = ')', $server)",
            &all,
            Err("$__conditionalAll(..) takes 2 arguments, not 1"),
        ),
        (
            "$__conditionalAll(match(s, '^x$'), $server)",
            &all,
            Err("the browser would mangle the dollar in: match(s, '^x$')"),
        ),
        (
            "${tool:singlequote}",
            &all,
            Err("${tool:singlequote} stands outside of $__conditionalAll(..)"),
        ),
    ] {
        assert_eq!(
            browser(sql, picked),
            expected.map(str::to_owned).map_err(str::to_owned),
            "{sql}"
        );
    }
}
