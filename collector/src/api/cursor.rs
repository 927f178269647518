//! Where a page of calls ends and the next one begins.

use std::{fmt, str::FromStr};

/// The microsecond at which the year 2100 begins.
const LATEST: i64 = 4_102_444_800_000_000;

/// A place in the list of calls, which is in descending order of time, trace id and span id.
///
/// Its text is what `next` holds and `cursor` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    /// Microseconds since the Unix epoch.
    pub(crate) time_us: i64,
    /// 32 hexadecimal digits.
    pub(crate) trace_id: String,
    /// 16 hexadecimal digits.
    pub(crate) span_id: String,
}

/// Whether a text is an id of that many hexadecimal digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Cursor {
    /// The place right before all calls that started before this second.
    pub(crate) fn at(second: i64) -> Self {
        Self {
            time_us: second * 1_000_000,
            trace_id: "0".repeat(32),
            span_id: "0".repeat(16),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.time_us, self.trace_id, self.span_id)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match *text.split('-').collect::<Vec<_>>() {
            [time, trace_id, span_id] if is_hex(trace_id, 32) && is_hex(span_id, 16) => Ok(Self {
                time_us: time.parse().ok().filter(|time| (0..=LATEST).contains(time)).ok_or(())?,
                trace_id: trace_id.to_owned(),
                span_id: span_id.to_owned(),
            }),
            _ => Err(()),
        }
    }
}
