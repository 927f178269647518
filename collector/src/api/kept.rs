//! How far back questions can look: what each is answered from, and how long that is kept.

use crate::store::Retention;

pub(super) const DAY: i64 = 24 * 3600;

/// Days that may be asked about in any case; what is kept for less is answered with what there is.
const ALWAYS: i64 = 90;

/// What a question is answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Single calls.
    Calls,
    /// Calls summed up by hour; also what is known of one tenant, whose sums are kept as long.
    HourSums,
    /// Calls of all tenants summed up by day.
    DaySums,
    /// Users by day.
    Users,
    /// Groups of errors by day.
    Errors,
    /// Definitions of tools.
    Definitions,
    /// Changes of the state of tools.
    ToolHealth,
}

impl Source {
    /// The table that is kept the shortest of those that it stands for, and the days that the table was made with.
    const fn table(self) -> (&'static str, u16) {
        match self {
            Self::Calls => ("calls", 30),
            Self::HourSums => ("client_calls_per_hour", 100),
            Self::DaySums => ("calls_per_day", 800),
            Self::Users => ("tenant_users_per_day", 400),
            Self::Errors => ("errors_per_day", 100),
            Self::Definitions => ("tool_definitions", 400),
            Self::ToolHealth => ("tool_health", 400),
        }
    }

    /// For how many days it is kept.
    fn days(self, retention: Retention) -> i64 {
        let (table, as_made) = self.table();
        i64::from(retention.of(table).unwrap_or(as_made))
    }

    /// Whether some of a moment that is so many seconds ago may be gone. A day goes as a whole, when the first moment of it
    /// is as old as may be.
    pub(crate) fn is_gone(self, age: i64, retention: Retention) -> bool {
        age > (self.days(retention) - 1) * DAY
    }

    /// The most days that may be asked about at once.
    pub(crate) fn longest(self, retention: Retention) -> i64 {
        self.days(retention).max(ALWAYS)
    }

    /// Why it cannot be more, for whoever asked.
    pub(crate) fn why(self, retention: Retention) -> String {
        let (what, are) = match self {
            Self::Calls => ("single calls", "are"),
            Self::HourSums => ("what is summed up of one tenant", "is"),
            Self::DaySums => ("sums by day", "are"),
            Self::Users => ("sums of users", "are"),
            Self::Errors => ("sums of errors", "are"),
            Self::Definitions => ("definitions of tools", "are"),
            Self::ToolHealth => ("changes of tools", "are"),
        };
        format!("{what} {are} kept for {} days", self.days(retention))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ddl;

    const SOURCES: [Source; 7] = [
        Source::Calls,
        Source::HourSums,
        Source::DaySums,
        Source::Users,
        Source::Errors,
        Source::Definitions,
        Source::ToolHealth,
    ];

    #[test]
    fn tables_are_made_with_the_days_that_stand_here() {
        let statements = ddl("toolsight", None);
        for (table, days) in SOURCES.map(Source::table) {
            let creates = format!("CREATE TABLE IF NOT EXISTS {table}");
            let mut creations = statements.iter().filter(|statement| {
                statement
                    .strip_prefix(&creates)
                    .is_some_and(|rest| rest.starts_with([' ', '\n']))
            });
            let statement = creations.next_back().unwrap_or_else(|| panic!("nothing makes {table}"));
            assert!(statement.contains(&format!(" + INTERVAL {days} DAY")), "{statement}");
        }
    }

    #[test]
    fn a_setting_counts_where_there_is_one_and_90_days_may_always_be_asked() {
        let set = Retention {
            calls: Some(400),
            days: Some(30),
            ..Retention::default()
        };
        for (source, made, as_set) in [
            (Source::Calls, 90, 400),
            (Source::HourSums, 100, 100),
            (Source::DaySums, 800, 90),
            (Source::Users, 400, 90),
            (Source::Errors, 100, 90),
        ] {
            assert_eq!(source.longest(Retention::default()), made, "{source:?}");
            assert_eq!(source.longest(set), as_set, "{source:?}");
        }
        assert_eq!(Source::Users.why(set), "sums of users are kept for 30 days");
    }
}
