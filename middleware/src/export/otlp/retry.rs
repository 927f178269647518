//! What a collector answers, and when it is asked again: as `opentelemetry-otlp` does it, by the specification of OTLP.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use rand::Rng as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub(super) const FIRST: Duration = Duration::from_millis(200);
pub(super) const MOST: Duration = Duration::from_secs(5);
pub(super) const JITTER: Duration = Duration::from_millis(100);
/// A collector may ask for a longer pause than [`MOST`], but for no longer one than this.
const MOST_ASKED: Duration = Duration::from_secs(30);

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is taken, but for so many spans.
    Taken(u64),
    /// It may be taken later, perhaps not before the pause that the collector asks for.
    Later(Option<Duration>),
    /// It is of no use to send it again.
    Refused(String),
}

impl Answer {
    pub(super) fn of_grpc(status: &Status) -> Self {
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
        match (status.code(), asked) {
            // The connection has broken, which may have any code: a collector's answer has no source.
            _ if status.source().is_some() => Self::Later(None),
            (Code::ResourceExhausted, Some(_)) | (Code::Unavailable, _) => Self::Later(asked),
            (Code::Cancelled | Code::DeadlineExceeded | Code::Aborted | Code::OutOfRange | Code::DataLoss, _) => {
                Self::Later(None)
            }
            // What the collector says further may be a secret that it was sent.
            (code, _) => Self::Refused(format!("gRPC code {code:?}")),
        }
    }

    /// Of an answer that is no success.
    pub(super) fn of_http(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Later(retry_after(headers, now)),
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Later(None),
            status => Self::Refused(format!("HTTP status {status}")),
        }
    }
}

/// Seconds, or the time of day.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = httpdate::parse_http_date(value).ok()?;
    Some(time.duration_since(now).unwrap_or_default())
}

/// Pauses between the attempts to send one request, each twice as long as the one before.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    most: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            next: FIRST,
            most: MOST,
        }
    }
}

impl Pauses {
    /// The next pause, at least as long as the collector asks for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let asked = asked.unwrap_or_default().min(MOST_ASKED);
        if asked > self.most {
            self.most = MOST_ASKED;
        }
        self.next = self.next.max(asked);
        let pause = (self.next + rand::rng().random_range(Duration::ZERO..=JITTER)).min(self.most);
        self.next = (2 * self.next).min(self.most);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole seconds, since a pause is longer by a random part of [`JITTER`].
    fn pauses(asked: &[Option<u64>]) -> Vec<f64> {
        let mut pauses = Pauses::default();
        let pauses = asked.iter().map(|asked| pauses.next(asked.map(Duration::from_secs)));
        pauses.map(|pause| (pause.as_secs_f64() * 5.0).floor() / 5.0).collect()
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_as_long_as_the_collector_asks_for() {
        for (case, asked, expected) in [
            (
                "nothing asked",
                &[None; 7][..],
                &[0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0][..],
            ),
            ("a pause asked", &[Some(2), None, None], &[2.0, 4.0, 5.0]),
            ("none asked", &[Some(0), Some(0)], &[0.2, 0.4]),
            (
                "a longer one than usual",
                &[Some(10), None, None, None],
                &[10.0, 20.0, 30.0, 30.0],
            ),
            (
                "a shorter one than is due",
                &[None, None, None, None, Some(1)],
                &[0.2, 0.4, 0.8, 1.6, 3.2],
            ),
            ("one of an hour", &[Some(3600), None], &[30.0, 30.0]),
        ] {
            assert_eq!(pauses(asked), expected, "{case}");
        }
    }

    #[test]
    fn a_collector_asks_for_a_pause_in_seconds_or_by_a_time_of_day() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let pause = |value: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, http::HeaderValue::from_static(value))]);
            Answer::of_http(StatusCode::SERVICE_UNAVAILABLE, &headers, now)
        };
        for (value, expected) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                pause(value),
                Answer::Later(expected.map(Duration::from_secs)),
                "{value}"
            );
        }
    }
}
