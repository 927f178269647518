//! The span of time that a request asks about.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Serialize;

use super::{ApiError, parameters::Parameters};
use crate::queries::ALL_TENANTS;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(crate) const NAMED: [(&str, i64); 6] = [
    ("15m", 15 * MINUTE),
    ("1h", HOUR),
    ("6h", 6 * HOUR),
    ("24h", DAY),
    ("7d", 7 * DAY),
    ("30d", 30 * DAY),
];

/// The longest span that may be asked for: sums by hour are kept a little longer.
const MAX_SPAN: i64 = 90 * DAY;

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
    /// If they are malformed, out of bounds or contradict each other.
    pub(crate) fn take(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let now = now();
        let name = parameters.take_word("range", &NAMED.map(|(name, _)| name))?;
        let from = parameters.take_number("from", 0.0..=LATEST)?;
        let to = parameters.take_number("to", 0.0..=LATEST)?;
        match (name, from, to) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(ApiError::invalid(
                "range",
                "cannot be given together with `from` and `to`",
            )),
            (None, Some(from), Some(to)) => Self::between(from, to, now),
            (None, Some(_), None) => Err(ApiError::invalid("to", "must be given together with `from`")),
            (None, None, Some(_)) => Err(ApiError::invalid("from", "must be given together with `to`")),
            (name, None, None) => {
                let span = NAMED
                    .iter()
                    .find(|(known, _)| Some(*known) == name.as_deref())
                    .map_or(HOUR, |(_, span)| *span);
                Ok(Self::aligned(now - span, now, now))
            }
        }
    }

    /// As far back as may be asked, until now.
    pub(crate) fn longest() -> Self {
        let now = now();
        Self::aligned(now - MAX_SPAN, now, now)
    }

    /// The same with the bounds of an earlier answer to the same question; `None` if there was none with such bounds.
    pub(crate) fn with_bounds(self, from: i64, to: i64) -> Option<Self> {
        let is_one = (0..=LATEST as i64).contains(&from) && from < to && to - from <= MAX_SPAN + DAY;
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

    fn between(from: f64, to: f64, now: i64) -> Result<Self, ApiError> {
        let (from, to) = (from.floor() as i64, to.ceil() as i64);
        if from >= to {
            return Err(ApiError::invalid("from", "must be before `to`"));
        }
        if to - from > MAX_SPAN {
            return Err(ApiError::invalid("from", "must be at most 90 days before `to`"));
        }
        if from >= now {
            return Err(ApiError::invalid("from", "must not be in the future"));
        }
        Ok(Self::aligned(from, to, now))
    }

    pub(super) fn aligned(from: i64, to: i64, now: i64) -> Self {
        let step = match to - from {
            span if span <= 15 * MINUTE => 10,
            span if span <= 6 * HOUR => MINUTE,
            span if span <= DAY => 5 * MINUTE,
            span if span <= 7 * DAY => HOUR,
            span if span <= 30 * DAY => 2 * HOUR,
            _ => 6 * HOUR,
        };
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

/// What nearly all requests ask about: a span of time and, if not empty, one tenant and one server.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) range: Range,
    /// Whose calls; from the caller's token where that is bound to a tenant.
    pub(crate) tenant: String,
    pub(crate) server: String,
}

impl Scope {
    /// Takes the range, `tenant` and `server`.
    ///
    /// # Errors
    /// As [`Range::take`] and [`Parameters::take_tenant`].
    pub(crate) fn take(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            range: Range::take(parameters)?,
            tenant: parameters.take_tenant()?,
            server: parameters.take("server")?.unwrap_or_default(),
        })
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

impl<S: Sync> FromRequestParts<S> for Scope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;
        let scope = Self::take(&mut parameters)?;
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
