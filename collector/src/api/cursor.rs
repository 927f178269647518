//! Where a page ends and the next one begins.

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

/// A place in any other list: so many rows after its first one, of the same question about the same span of time. Unlike
/// among calls, rows may change their places between two pages, since summaries grow while calls arrive late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: u32,
    /// First second of the range.
    pub(crate) from: i64,
    /// The second after its last one.
    pub(crate) to: i64,
    /// Tells the question from others.
    pub(crate) question: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            from,
            to,
            question,
        } = self;
        write!(formatter, "{position}-{from}-{to}-{question:016x}")
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match *text.split('-').collect::<Vec<_>>() {
            [position, from, to, question] if is_hex(question, 16) => Ok(Self {
                position: position.parse().map_err(drop)?,
                from: from.parse().map_err(drop)?,
                to: to.parse().map_err(drop)?,
                question: u64::from_str_radix(question, 16).map_err(drop)?,
            }),
            _ => Err(()),
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
