//! `/api/v1/openapi.json`: what can be asked and what is answered, made from the code that does it.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, Required};
use utoipa::{IntoParams, Modify};

use super::access::SESSION;
use super::calls::{FAULTS, MAX_FILE, MAX_LIMIT, TEXT_FILTERS, outcomes};
use super::export::FORMATS;
use super::range::NAMED;

/// The description without its paths, which the router adds.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Toolsight collector", description = "What the calls of MCP servers were, and how they went"),
    modifiers(&Schemes),
    security(("token" = []), ("session" = []))
)]
pub(crate) struct Described;

/// How a caller says who it is.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION)));
        components.add_security_scheme("session", cookie);
    }
}

/// Answers with the description; open to all, since it holds no data.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = OK, description = "This document", body = Object)),
    security(())
)]
pub(crate) async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Response {
    Json(document.as_ref()).into_response()
}

/// The parameters that nearly all questions have.
pub(crate) struct ScopeParameters;

/// Those that a list which can be a file has besides.
pub(crate) struct FormatParameter;

/// Those of the list of calls.
pub(crate) struct CallParameters;

impl IntoParams for ScopeParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            word(
                "range",
                &NAMED.map(|(name, _)| name),
                "The time until now; an hour where nothing is said, and no longer than what answers is kept",
            ),
            parameter(
                "from",
                Type::Number,
                "Begin in Unix seconds, instead of `range` and with `to`",
            ),
            parameter(
                "to",
                Type::Number,
                "End in Unix seconds; at most 90 days after `from`, or as many as what answers is kept for",
            ),
            parameter(
                "tenant",
                Type::String,
                "Whose calls, for those who may see all; else the token's own",
            ),
            parameter("server", Type::String, "Only calls of this MCP server"),
        ]
    }
}

impl IntoParams for FormatParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let help = "How the answer is written; the header `accept` says the same as application/json, text/csv or \
            application/x-ndjson";
        vec![word("format", &FORMATS, help)]
    }
}

impl IntoParams for CallParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let texts = TEXT_FILTERS
            .iter()
            .map(|name| parameter(name, Type::String, "Only calls with exactly this text"));
        let mut parameters: Vec<_> = texts.collect();
        parameters.push(word("outcome", &outcomes(), "Only calls that ended so"));
        parameters.push(word("fault", &FAULTS, "Only calls whose failure is this one's"));
        parameters.push(word("failed", &["true", "false"], "`true` is short for `fault=server`"));
        let limit = format!("Calls in one answer, from 1 to {MAX_LIMIT}; a file has up to {MAX_FILE}");
        parameters.push(parameter("limit", Type::Integer, &limit));
        let cursor = "What `next` of the answer before held: the calls that follow, whatever has arrived meanwhile";
        parameters.push(parameter("cursor", Type::String, cursor));
        parameters
    }
}

/// Describes a parameter of any text.
pub(crate) fn text_parameter(name: &str, help: &str) -> Parameter {
    parameter(name, Type::String, help)
}

fn parameter(name: &str, kind: Type, help: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(SchemaType::Type(kind)).build();
    of_schema(name, schema, help)
}

fn word(name: &str, words: &[&str], help: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words.iter().map(ToString::to_string)))
        .build();
    of_schema(name, schema, help)
}

fn of_schema(name: &str, schema: utoipa::openapi::schema::Object, help: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(help))
        .schema(Some(schema))
        .build()
}
