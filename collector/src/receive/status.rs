//! Refusals and answers in the forms that OTLP over gRPC and over HTTP prescribe.

use axum::http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message as _;
use serde_json::json;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Encoding;
use super::intake::{Accepted, RETRY_AFTER, Refusal};
use crate::auth::Denied;

impl Refusal {
    /// HTTP status, gRPC code, and whether the same request may succeed later.
    ///
    /// Senders retry `RESOURCE_EXHAUSTED` only if the answer says when.
    const fn class(&self) -> (StatusCode, Code, bool) {
        match self {
            Self::QueueFull | Self::DiskFull | Self::OpenFiles | Self::Memory | Self::Busy => {
                (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted, true)
            }
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, true),
            // Not 408, after which OTLP senders give the request up; what is slow now may be quicker next time.
            Self::Slow => (StatusCode::SERVICE_UNAVAILABLE, Code::DeadlineExceeded, true),
            Self::TooLarge(_) | Self::TooMany(_) => (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, false),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, Code::InvalidArgument, false),
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, false),
            // "The server MUST fail the RPC with UNIMPLEMENTED and say what it reads": gRPC's compression.md.
            Self::Compression(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unimplemented, false),
            Self::Denied(Denied::Role(_)) => (StatusCode::FORBIDDEN, Code::PermissionDenied, false),
            Self::Denied(_) => (StatusCode::UNAUTHORIZED, Code::Unauthenticated, false),
        }
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        self.class().0
    }

    /// Seconds for the header `Retry-After`, where the sender shall come again.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.class().2.then_some(RETRY_AFTER.as_secs())
    }

    /// The refusal as the status of a gRPC call.
    pub(crate) fn to_grpc(&self) -> Status {
        let (_, code, retry) = self.class();
        if !retry {
            let mut status = Status::new(code, self.to_string());
            if code == Code::Unimplemented {
                let accepted = MetadataValue::from_static("gzip,identity");
                status.metadata_mut().insert("grpc-accept-encoding", accepted);
            }
            return status;
        }
        Status::with_error_details(code, self.to_string(), ErrorDetails::with_retry_info(Some(RETRY_AFTER)))
    }

    /// The refusal as `google.rpc.Status`.
    pub(crate) fn to_body(&self, encoding: Encoding) -> Vec<u8> {
        status_body(self.class().1, &self.to_string(), encoding)
    }
}

/// A `google.rpc.Status` without details.
pub(crate) fn status_body(code: Code, message: &str, encoding: Encoding) -> Vec<u8> {
    let code = code as i32;
    match encoding {
        Encoding::Protobuf => tonic_types::Status {
            code,
            message: message.to_owned(),
            details: Vec::new(),
        }
        .encode_to_vec(),
        Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    }
}

impl Accepted {
    /// The export response; empty on full success, as the protocol wants it.
    ///
    /// The responses for metrics and logs have the same form, and nothing of theirs is ever rejected.
    pub(crate) fn to_body(&self, encoding: Encoding) -> Vec<u8> {
        let partial_success = (*self != Self::default()).then(|| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(self.rejected_spans).unwrap_or(i64::MAX),
            error_message: self.message.clone(),
        });
        match (encoding, partial_success) {
            (Encoding::Protobuf, partial_success) => ExportTraceServiceResponse { partial_success }.encode_to_vec(),
            (Encoding::Json, None) => b"{}".to_vec(),
            (Encoding::Json, Some(partial)) => json!({
                "partialSuccess": {
                    "rejectedSpans": partial.rejected_spans.to_string(),
                    "errorMessage": partial.error_message,
                }
            })
            .to_string()
            .into_bytes(),
        }
    }
}
