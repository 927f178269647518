//! What happened to the spans of one request, counted apart from the metrics so that a refused request leaves no trace
//! in them.

use prometheus::IntCounterVec;

use crate::telemetry::Metrics;

/// Why a span became no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is not about MCP.
    NotMcp,
    /// It is the client's view of a call; the server's view is the one that counts.
    Client,
    /// It is neither a server span nor one of Toolsight's own.
    NotServer,
}

/// What was wrong with a value that was then corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// A start more than 30 days ago or more than an hour ahead; the time of arrival was taken.
    Time,
    /// An end before the start or more than 30 days after it; 0 was taken.
    Duration,
    /// A trace or span id that is absent or of the wrong length; one of its own was made, none for the parent's.
    Id,
    /// A value of a type that cannot be read as what its name says; none was taken.
    WrongType,
    /// A number outside of its field's range; none was taken.
    OutOfRange,
    /// Bytes that are not UTF-8; replacement characters were taken.
    InvalidUtf8,
    /// A text beyond its field's limit; it was cut off.
    TooLong,
    /// An attribute whose bytes are none; it was left out.
    Malformed,
}

const IGNORED: [&str; 3] = ["not_mcp", "client", "not_server"];
const CORRECTED: [&str; 8] = [
    "time",
    "duration",
    "id",
    "wrong_type",
    "out_of_range",
    "invalid_utf8",
    "too_long",
    "malformed",
];

/// Counts of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All spans of the request.
    pub spans: u64,
    /// Spans that could not be read.
    pub rejected: u64,
    /// What was wrong with the first of them.
    pub first_rejection: Option<String>,
    ignored: [u64; IGNORED.len()],
    corrected: [u64; CORRECTED.len()],
}

impl Tally {
    /// Counts a span that could not be read.
    pub fn reject(&mut self, reason: impl FnOnce() -> String) {
        self.rejected += 1;
        self.first_rejection.get_or_insert_with(reason);
    }

    /// Counts a span that becomes no row.
    pub fn ignore(&mut self, reason: Ignored) {
        self.ignored[reason as usize] += 1;
    }

    /// Counts a corrected value.
    pub fn correct(&mut self, reason: Corrected) {
        self.corrected[reason as usize] += 1;
    }

    /// Counts so many corrected values.
    pub(crate) fn correct_all(&mut self, reason: Corrected, count: u64) {
        self.corrected[reason as usize] += count;
    }

    /// How many spans became no row for this reason.
    pub fn ignored(&self, reason: Ignored) -> u64 {
        self.ignored[reason as usize]
    }

    /// How many values were corrected for this reason.
    pub fn corrected(&self, reason: Corrected) -> u64 {
        self.corrected[reason as usize]
    }

    /// Spans that become rows.
    pub fn rows(&self) -> u64 {
        self.spans - self.rejected - self.ignored.iter().sum::<u64>()
    }

    /// Adds the spans of a request that was taken and that become no rows to the metrics.
    pub(crate) fn record_spans(&self, metrics: &Metrics) {
        add(&metrics.spans_refused, "malformed", self.rejected);
        for (reason, count) in IGNORED.into_iter().zip(self.ignored) {
            add(&metrics.spans_ignored, reason, count);
        }
    }

    /// Adds what was corrected to the metrics.
    pub(crate) fn record_corrections(&self, metrics: &Metrics) {
        for (reason, count) in CORRECTED.into_iter().zip(self.corrected) {
            add(&metrics.values_corrected, reason, count);
        }
    }
}

fn add(counter: &IntCounterVec, reason: &str, count: u64) {
    if count > 0 {
        counter.with_label_values(&[reason]).inc_by(count);
    }
}
