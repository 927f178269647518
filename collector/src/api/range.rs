//! The span of time that a request asks about.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Serialize;

use super::{
    ApiError, ApiState,
    kept::{DAY, Source},
    parameters::Parameters,
};
use crate::{queries::ALL_TENANTS, store::Retention};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

pub(crate) const NAMED: [(&str, i64); 8] = [
    ("15m", 15 * MINUTE),
    ("1h", HOUR),
    ("6h", 6 * HOUR),
    ("24h", DAY),
    ("7d", 7 * DAY),
    ("30d", 30 * DAY),
    ("90d", 90 * DAY),
    ("1y", 365 * DAY),
];

/// Points of a chart that are no more than its question may be answered with.
const MAX_STEPS: i64 = 900;

/// Days for which short charts are answered, however soon calls go: sums by minute are kept as long at least.
const OF_MINUTES: i64 = 2 * DAY;

/// Seconds that a call may take from its end to the database, by the batching on the way.
const ARRIVAL: i64 = 3;

/// 2100-01-01, well within what the database's times can hold.
pub(crate) const LATEST: f64 = 4_102_444_800.0;

/// A half-open span of time and the step of its charts.
///
/// Begins at a whole minute and a whole step, so that charts keep their steps as time goes on. Ends at a whole minute
/// too, or now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Range {
    /// First second, since the Unix epoch.
    pub(crate) from: i64,
    /// The second after the last one.
    pub(crate) to: i64,
    /// Seconds from one point of a chart to the next.
    #[serde(rename = "step_seconds")]
    pub(crate) step: i64,
    /// Whether calls may still arrive for the last second.
    #[serde(skip)]
    is_open: bool,
}

impl Range {
    /// Takes `range`, or `from` and `to`; the last hour if there is none of them.
    ///
    /// # Errors
    /// If they are malformed, out of bounds or contradict each other, or farther apart than `source` can answer.
    pub(crate) fn take(parameters: &mut Parameters, source: Source) -> Result<Self, ApiError> {
        let now = now();
        let retention = parameters.retention();
        let name = parameters.take_word("range", &NAMED.map(|(name, _)| name))?;
        let from = parameters.take_number("from", 0.0..=LATEST)?;
        let to = parameters.take_number("to", 0.0..=LATEST)?;
        match (name, from, to) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(ApiError::invalid(
                "range",
                "cannot be given together with `from` and `to`",
            )),
            (None, Some(from), Some(to)) => Self::between(from, to, now, source, retention),
            (None, Some(_), None) => Err(ApiError::invalid("to", "must be given together with `from`")),
            (None, None, Some(_)) => Err(ApiError::invalid("from", "must be given together with `to`")),
            (name, None, None) => {
                let span = NAMED
                    .iter()
                    .find(|(known, _)| Some(*known) == name.as_deref())
                    .map_or(HOUR, |(_, span)| *span);
                bounded(span, "range", "here", source, retention)?;
                Ok(Self::kept(now - span, now, now, source, retention))
            }
        }
    }

    /// As far back as single calls may be asked for, until now.
    pub(crate) fn longest(retention: Retention) -> Self {
        let now = now();
        Self::aligned(now - Source::Calls.longest(retention) * DAY, now, now)
    }

    /// The same with the bounds of an earlier answer to the same question; `None` if there was none with such bounds.
    pub(crate) fn with_bounds(self, from: i64, to: i64, longest: i64) -> Option<Self> {
        // A whole step may have come to it at either end.
        let most = longest + 2 * self.step.max(DAY);
        let is_one = (0..=LATEST as i64).contains(&from) && from < to && to - from <= most;
        is_one.then_some(Self {
            from,
            to,
            is_open: false,
            ..self
        })
    }

    /// The minute of a moment.
    pub(crate) fn around(time: f64) -> Self {
        let second = time.floor() as i64;
        Self::aligned(second, second + 1, now())
    }

    /// Whether what a question is answered from may not reach back to its begin any more.
    pub(crate) fn begins_before(&self, source: Source, retention: Retention) -> bool {
        source.is_gone(now() - self.from, retention)
    }

    fn between(from: f64, to: f64, now: i64, source: Source, retention: Retention) -> Result<Self, ApiError> {
        let (from, to) = (from.floor() as i64, to.ceil() as i64);
        if from >= to {
            return Err(ApiError::invalid("from", "must be before `to`"));
        }
        bounded(to - from, "from", "before `to`", source, retention)?;
        if from >= now {
            return Err(ApiError::invalid("from", "must not be in the future"));
        }
        Ok(Self::kept(from, to, now, source, retention))
    }

    pub(super) fn aligned(from: i64, to: i64, now: i64) -> Self {
        Self::in_steps(from, to, now, step_of(to - from))
    }

    /// The same in steps no finer than what there still is of its begin: what is summed up by day is asked for whole days.
    fn kept(from: i64, to: i64, now: i64, source: Source, retention: Retention) -> Self {
        let age = now - from;
        let is_gone = |source: Source| age > OF_MINUTES && source.is_gone(age, retention);
        let mut step = step_of(to - from);
        match source {
            Source::Users if is_gone(Source::Calls) => step = step.max(DAY),
            Source::HourSums | Source::DaySums if is_gone(Source::Calls) => step = step.max(HOUR),
            _ => {}
        }
        if source == Source::DaySums && step >= HOUR && is_gone(Source::HourSums) {
            step = step.max(DAY);
        }
        Self::in_steps(from, to, now, step)
    }

    fn in_steps(from: i64, to: i64, now: i64, step: i64) -> Self {
        let grain = step.max(MINUTE);
        let to = (to + (grain - to.rem_euclid(grain)) % grain).min(now);
        Self {
            from: from - from.rem_euclid(grain),
            to,
            step,
            is_open: to == now,
        }
    }

    /// Whether the steps are shorter than the rollup's, so that charts have to read the calls themselves.
    pub(crate) fn is_finer_than_minutes(&self) -> bool {
        self.step < MINUTE
    }

    /// How many steps there are. The last one may be cut off by the end, but where the end is now, a step whose calls may
    /// not all be there yet is left out: it would look like a drop.
    pub(crate) fn steps(&self) -> i64 {
        if self.is_open {
            return ((self.to - ARRIVAL - self.from) / self.step).max(1);
        }
        (self.to - self.from + self.step - 1) / self.step
    }

    /// When a step begins, and how many seconds of it are within the range.
    pub(crate) fn step_at(&self, index: i64) -> (i64, i64) {
        let start = self.from + index * self.step;
        (start, self.step.min(self.to - start))
    }
}

/// The step of a chart of so many seconds.
fn step_of(span: i64) -> i64 {
    match span {
        span if span <= 15 * MINUTE => 10,
        span if span <= 6 * HOUR => MINUTE,
        span if span <= DAY => 5 * MINUTE,
        span if span <= 7 * DAY => HOUR,
        span if span <= 30 * DAY => 2 * HOUR,
        span if span <= 90 * DAY => 6 * HOUR,
        span => DAY * (1 + span / (MAX_STEPS * DAY)),
    }
}

/// Makes sure that so many seconds can be asked about.
fn bounded(span: i64, parameter: &str, of: &str, source: Source, retention: Retention) -> Result<(), ApiError> {
    let longest = source.longest(retention);
    if span <= longest * DAY {
        return Ok(());
    }
    let why = source.why(retention);
    Err(ApiError::invalid(
        parameter,
        format!("must be at most {longest} days {of}: {why}"),
    ))
}

/// What nearly all requests ask about: a span of time and, if not empty, one tenant and one server.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) range: Range,
    /// Whose calls; from the caller's token where that is bound to a tenant.
    pub(crate) tenant: String,
    pub(crate) server: String,
}

impl Scope {
    /// Takes the range, `tenant` and `server` of a question that is answered from `source`.
    ///
    /// # Errors
    /// As [`Range::take`] and [`Parameters::take_tenant`].
    pub(crate) fn take(parameters: &mut Parameters, source: Source) -> Result<Self, ApiError> {
        let tenant = parameters.take_tenant()?;
        Ok(Self {
            range: Range::take(parameters, of_tenant(source, &tenant))?,
            tenant,
            server: parameters.take("server")?.unwrap_or_default(),
        })
    }

    /// The most seconds that may be asked about where the question is answered from `source`.
    pub(crate) fn longest(&self, source: Source, retention: Retention) -> i64 {
        of_tenant(source, &self.tenant).longest(retention) * DAY
    }

    /// Makes sure that it is about all tenants, for what is not told apart by tenant.
    ///
    /// # Errors
    /// If it is about one.
    pub(crate) fn require_all_tenants(&self) -> Result<(), ApiError> {
        if self.tenant == ALL_TENANTS {
            return Ok(());
        }
        Err(ApiError::invalid(
            "tenant",
            "is not told apart here: leave it out, with a token that may see all tenants",
        ))
    }
}

/// What one tenant's answer comes from, where that of all tenants comes from `source`.
fn of_tenant(source: Source, tenant: &str) -> Source {
    match source {
        Source::DaySums if tenant != ALL_TENANTS => Source::HourSums,
        source => source,
    }
}

/// The scope of a question about single calls that has no other parameters.
impl FromRequestParts<ApiState> for Scope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;
        let scope = Self::take(&mut parameters, Source::Calls)?;
        parameters.finish()?;
        Ok(scope)
    }
}

/// The second that begins next, so that a call of just now lies before it.
fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_secs() as i64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_123;

    #[test]
    fn ranges_begin_at_whole_steps_and_end_now_or_at_whole_steps() {
        let cases = [
            ("15 minutes until now", NOW - 900, NOW, (1_699_999_200, NOW, 10)),
            ("an hour until now", NOW - HOUR, NOW, (1_699_996_500, NOW, 60)),
            ("a day until now", NOW - DAY, NOW, (1_699_913_700, NOW, 300)),
            ("30 days until now", NOW - 30 * DAY, NOW, (1_697_407_200, NOW, 7200)),
            (
                "an hour long ago",
                1_600_000_001,
                1_600_003_540,
                (1_599_999_960, 1_600_003_560, 60),
            ),
            (
                "whole minutes long ago",
                1_600_000_020,
                1_600_000_080,
                (1_600_000_020, 1_600_000_080, 10),
            ),
        ];
        for (name, from, to, (aligned_from, aligned_to, step)) in cases {
            let expected = Range {
                from: aligned_from,
                to: aligned_to,
                step,
                is_open: aligned_to == NOW,
            };
            assert_eq!(Range::aligned(from, to, NOW), expected, "{name}");
        }
    }

    #[test]
    fn steps_are_no_finer_than_what_is_still_kept_of_the_first_day() {
        let lately = |span| (NOW - span, NOW);
        let ago = |days, span| (NOW - days * DAY, NOW - days * DAY + span);
        let short = Retention {
            calls: Some(1),
            hours: Some(7),
            ..Retention::default()
        };
        let made = Retention::default();
        for (name, (from, to), source, retention, step) in [
            ("90 days", lately(90 * DAY), Source::DaySums, made, 6 * HOUR),
            ("a year", lately(365 * DAY), Source::DaySums, made, DAY),
            ("two years", lately(730 * DAY), Source::DaySums, made, DAY),
            ("an hour of 20 days ago", ago(20, HOUR), Source::DaySums, made, MINUTE),
            ("an hour of 40 days ago", ago(40, HOUR), Source::DaySums, made, HOUR),
            ("one of a tenant", ago(40, HOUR), Source::HourSums, made, HOUR),
            ("an hour of 200 days ago", ago(200, HOUR), Source::DaySums, made, DAY),
            ("users of 20 days ago", ago(20, HOUR), Source::Users, made, MINUTE),
            ("users of 40 days ago", ago(40, HOUR), Source::Users, made, DAY),
            ("calls of 200 days ago", ago(200, HOUR), Source::Calls, made, MINUTE),
            (
                "an hour, with calls of a day only",
                lately(HOUR),
                Source::DaySums,
                short,
                MINUTE,
            ),
            (
                "a week, with hours of a week",
                lately(7 * DAY),
                Source::DaySums,
                short,
                DAY,
            ),
        ] {
            assert_eq!(Range::kept(from, to, NOW, source, retention).step, step, "{name}");
        }
    }

    #[test]
    fn the_last_step_ends_with_the_range() {
        let range = Range {
            from: 0,
            to: 130,
            step: 60,
            is_open: false,
        };
        let open = |to| Range {
            to,
            is_open: true,
            ..range
        };
        assert_eq!(
            [182, 183, 243].map(|to| open(to).steps()),
            [2, 3, 4],
            "a step counts when its calls are there"
        );
        assert_eq!(range.steps(), 3);
        assert_eq!(range.step_at(1), (60, 60));
        assert_eq!(range.step_at(2), (120, 10));
    }
}
