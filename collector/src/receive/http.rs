//! OTLP over HTTP.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tonic::Code;

use super::Encoding;
use super::door::Door;
use super::intake::{Accepted, Body, Refusal, Signal};
use super::status::status_body;

/// The three OTLP endpoints.
pub(crate) fn router(door: Door) -> Router {
    let export = |signal| {
        post(move |State(door): State<Door>, request: Request| async move { export(&door, signal, request).await })
    };
    Router::new()
        .route("/v1/traces", export(Signal::Traces))
        .route("/v1/metrics", export(Signal::Metrics))
        .route("/v1/logs", export(Signal::Logs))
        .method_not_allowed_fallback(async |headers: HeaderMap| {
            misdirected(
                &headers,
                StatusCode::METHOD_NOT_ALLOWED,
                Code::Unimplemented,
                "send telemetry with POST",
            )
        })
        .fallback(async |headers: HeaderMap| {
            let message = "OTLP is served at /v1/traces, /v1/metrics and /v1/logs";
            misdirected(&headers, StatusCode::NOT_FOUND, Code::NotFound, message)
        })
        .with_state(door)
}

async fn export(door: &Door, signal: Signal, request: Request) -> Response {
    let encoding = encoding(request.headers());
    let answered_in = encoding.clone().unwrap_or(Encoding::Json);
    let taken = match encoding {
        Ok(encoding) => take(door, signal, encoding, request).await,
        Err(refusal) => Err(refusal),
    };
    match taken {
        Ok(accepted) => (content_type(answered_in), accepted.to_body(answered_in)).into_response(),
        Err(refusal) => {
            door.intake.count_refusal(&refusal);
            let answer = (
                refusal.http_status(),
                content_type(answered_in),
                refusal.to_body(answered_in),
            );
            let mut response = answer.into_response();
            if let Some(seconds) = refusal.retry_after() {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            if response.status() == StatusCode::UNAUTHORIZED {
                let challenge = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

async fn take(door: &Door, signal: Signal, encoding: Encoding, request: Request) -> Result<Accepted, Refusal> {
    let intake = &door.intake;
    let sender = door.sender(request.headers())?;
    let gzip = gzip(request.headers())?;
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > intake.max_body_bytes as u64) {
        return Err(Refusal::TooLarge(intake.max_body_bytes));
    }
    let (bytes, _room) = door.read(request.into_body(), intake.max_body_bytes).await?;
    let _turn = door.turn().await?;
    let body = Body { bytes, gzip, encoding };
    intake.take("http", signal, body, sender.tenant()).await
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/x-protobuf") {
        return Ok(Encoding::Protobuf);
    }
    if essence.eq_ignore_ascii_case(b"application/json") {
        return Ok(Encoding::Json);
    }
    Err(Refusal::Unsupported(
        "the content type has to be application/x-protobuf or application/json".to_owned(),
    ))
}

fn gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers
        .get(CONTENT_ENCODING)
        .map_or(&b"identity"[..], |value| value.as_bytes().trim_ascii())
    {
        b"" | b"identity" => Ok(false),
        encoding if encoding.eq_ignore_ascii_case(b"gzip") => Ok(true),
        _ => Err(Refusal::Unsupported(
            "the content encoding has to be gzip or none".to_owned(),
        )),
    }
}

fn content_type(encoding: Encoding) -> [(HeaderName, &'static str); 1] {
    let value = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    [(CONTENT_TYPE, value)]
}

fn misdirected(headers: &HeaderMap, status: StatusCode, code: Code, message: &str) -> Response {
    let encoding = encoding(headers).unwrap_or(Encoding::Json);
    (status, content_type(encoding), status_body(code, message, encoding)).into_response()
}
