//! `/api/v1/calls/{trace_id}/{span_id}`: one call with its arguments and its result.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::{
    ApiError, ApiState,
    calls::Call,
    cursor::is_hex,
    error::ErrorAnswer,
    openapi::text_parameter,
    parameters::Parameters,
    range::{LATEST, Range, Scope},
};

const QUERY: &str = include_str!("../../queries/call.sql");

/// All that is stored about one call. What it said stands beside it, since a list of calls has no room for that.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholeCall {
    call: Call,
    /// As JSON, cut off where it is long; empty where arguments are not captured.
    arguments: String,
    /// As JSON, cut off where it is long; empty where results are not captured.
    result: String,
}

/// Describes the parameters behind the `?`.
pub(crate) struct WhereParameters;

impl IntoParams for WhereParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let time = "The call's `time` as the list has it: found at once, while else all days are searched";
        let tenant = "Whose call, for those who may see all; else the token's own";
        vec![text_parameter("time", time), text_parameter("tenant", tenant)]
    }
}

/// Answers with one call by the ids of its span.
#[utoipa::path(
    get,
    path = "/calls/{trace_id}/{span_id}",
    params(
        ("trace_id" = String, Path, description = "32 hexadecimal digits"),
        ("span_id" = String, Path, description = "16 hexadecimal digits"),
        WhereParameters,
    ),
    responses((status = OK, description = "The call", body = WholeCall), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn call(
    State(state): State<ApiState>,
    Path((trace_id, span_id)): Path<(String, String)>,
    mut parameters: Parameters,
) -> Result<Json<WholeCall>, ApiError> {
    for (name, id, digits) in [("trace_id", &trace_id, 32), ("span_id", &span_id, 16)] {
        if !is_hex(id, digits) {
            return Err(ApiError::invalid(name, format!("must be {digits} hexadecimal digits")));
        }
    }
    let time = parameters.take_number("time", 0.0..=LATEST)?;
    let scope = Scope {
        range: time.map_or_else(|| Range::longest(state.retention), Range::around),
        tenant: parameters.take_tenant()?,
        server: String::new(),
    };
    parameters.finish()?;
    let query = state
        .reader
        .query(QUERY, &scope)
        .param("time", time.map_or(0, |time| (time * 1e6).round() as i64))
        .param("trace", trace_id)
        .param("span", span_id);
    let found = state.reader.rows::<(Call, String, String)>(query).await?;
    let (call, arguments, result) = found.into_iter().next().ok_or(ApiError::NoSuchCall)?;
    Ok(Json(WholeCall {
        call,
        arguments,
        result,
    }))
}
