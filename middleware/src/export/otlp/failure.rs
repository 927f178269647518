//! What a collector's refusal means: whether to come again and when, and what the operator can do.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why an export failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The collector is away, or asks to come again, perhaps not before this time.
    Later { why: String, after: Option<Duration> },
    /// The collector will not take this request however often it comes.
    Never { why: String, advice: &'static str },
}

const CREDENTIALS: &str =
    "check the credentials: Builder::header, OTEL_EXPORTER_OTLP_HEADERS or the client certificate";
const ADDRESS: &str = "check address and protocol: gRPC is usually at port 4317, HTTP at port 4318";
const SIZE: &str = "raise the collector's limit of a request, or lower that of captured arguments and results";
const CONTENT: &str = "see the collector's log for what it cannot read, and whether it is older than this crate";

impl Failure {
    pub(super) fn later(why: impl Into<String>) -> Self {
        Self::Later {
            why: why.into(),
            after: None,
        }
    }

    pub(super) fn never(why: impl Into<String>) -> Self {
        Self::Never {
            why: why.into(),
            advice: CONTENT,
        }
    }

    /// By the OTLP specification. An answer from nobody, such as a refused connection, has a source.
    pub(super) fn of_grpc(status: &Status) -> Self {
        let answered = std::error::Error::source(status).is_none();
        let after = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        let why = match std::error::Error::source(status) {
            Some(source) => with_sources(source),
            None => format!("{:?}: {}", status.code(), status.message()),
        };
        let advice = match status.code() {
            _ if !answered => return Self::Later { why, after },
            Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::DataLoss => return Self::Later { why, after },
            // Without a time to come again, it is the request that is too large.
            Code::ResourceExhausted if after.is_some() => return Self::Later { why, after },
            Code::ResourceExhausted => SIZE,
            Code::Unauthenticated | Code::PermissionDenied => CREDENTIALS,
            Code::NotFound | Code::Unimplemented => ADDRESS,
            _ => CONTENT,
        };
        Self::Never { why, advice }
    }

    /// By the OTLP specification, and 408 besides. `now` is for a `Retry-After` that is a date.
    pub(super) fn of_http(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let why = format!("HTTP {status}");
        let advice = match status.as_u16() {
            408 | 429 | 502 | 503 | 504 => {
                let after = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok());
                let after = after.and_then(|after| retry_after(after.trim(), now));
                return Self::Later { why, after };
            }
            401 | 403 | 407 => CREDENTIALS,
            300..=399 | 404 | 405 => ADDRESS,
            413 => SIZE,
            _ => CONTENT,
        };
        Self::Never { why, advice }
    }
}

fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(now).ok())
}

/// An error and all that led to it, since the outermost often says only that something failed.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn later(failure: &Failure) -> Option<Option<Duration>> {
        match failure {
            Failure::Later { after, .. } => Some(*after),
            Failure::Never { .. } => None,
        }
    }

    #[test]
    fn codes_of_grpc_are_told_apart() {
        for (code, again) in [
            (Code::Unavailable, true),
            (Code::DeadlineExceeded, true),
            (Code::Aborted, true),
            (Code::ResourceExhausted, false),
            (Code::Unauthenticated, false),
            (Code::PermissionDenied, false),
            (Code::InvalidArgument, false),
            (Code::Unimplemented, false),
            (Code::Internal, false),
        ] {
            let failure = Failure::of_grpc(&Status::new(code, "no"));
            assert_eq!(later(&failure).is_some(), again, "{code:?}");
        }
        let wait = Duration::from_secs(7);
        let details = ErrorDetails::with_retry_info(Some(wait));
        let busy = Status::with_error_details(Code::ResourceExhausted, "busy", details);
        assert_eq!(later(&Failure::of_grpc(&busy)), Some(Some(wait)));
        let nobody = Status::from_error(Box::new(std::io::Error::other("connection refused")));
        assert_eq!(later(&Failure::of_grpc(&nobody)), Some(None), "nobody has answered");
    }

    #[test]
    fn statuses_of_http_are_told_apart() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = httpdate::fmt_http_date(now + Duration::from_secs(40));
        for (status, header, expected) in [
            (429, None, Some(None)),
            (429, Some("7"), Some(Some(Duration::from_secs(7)))),
            (503, Some(&*date), Some(Some(Duration::from_secs(40)))),
            (503, Some("soon"), Some(None)),
            (408, None, Some(None)),
            (502, None, Some(None)),
            (504, None, Some(None)),
            (400, Some("7"), None),
            (401, None, None),
            (404, None, None),
            (413, None, None),
            (500, None, None),
            (301, None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(header.map(|value| (RETRY_AFTER, value.parse().unwrap())));
            let failure = Failure::of_http(StatusCode::from_u16(status).unwrap(), &headers, now);
            assert_eq!(later(&failure), expected, "{status} {header:?}");
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let advice = |status: u16| match Failure::of_http(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            SystemTime::UNIX_EPOCH,
        ) {
            Failure::Never { advice, .. } => advice,
            Failure::Later { .. } => "",
        };
        assert_eq!(
            [advice(401), advice(404), advice(413), advice(400)],
            [CREDENTIALS, ADDRESS, SIZE, CONTENT]
        );
    }
}
