//! Filters of summaries that a rollup can answer exactly.

use axum::{extract::FromRequestParts, http::request::Parts};
use clickhouse::query::Query;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{ApiError, ApiState, kept::Source, openapi::text_parameter, parameters::Parameters, range::Scope};
use crate::store::Retention;

/// Of the client; a rollup tells these apart together.
const OF_CLIENT: [&str; 3] = ["client", "version", "protocol"];

/// Which calls of a scope are summed up. Empty texts are any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    target: String,
    /// In the order of [`OF_CLIENT`].
    client: [String; 3],
}

/// What a summary can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Narrows {
    /// To a tool, or to a client with its version and protocol version.
    ToToolOrClient,
    /// To a tool.
    ToTool,
    /// To nothing.
    No,
}

/// Describes the filters of a summary that narrows to both.
pub(crate) struct FilterParameters;

/// Describes the filter of a summary that narrows to a tool.
pub(crate) struct TargetParameter;

impl IntoParams for FilterParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let help = "Only calls of clients with exactly this text; not together with `target`";
        let of_client = OF_CLIENT.iter().map(|name| text_parameter(name, help));
        let target = text_parameter("target", "Only calls of this tool; not together with those of a client");
        of_client.chain([target]).collect()
    }
}

impl IntoParams for TargetParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![text_parameter("target", "Only this tool")]
    }
}

impl Filters {
    /// Takes `target`, `client`, `version` and `protocol`.
    ///
    /// # Errors
    /// [`ApiError::NotSummedUp`] for the first one that no rollup can answer.
    pub(crate) fn take(parameters: &mut Parameters, narrows: Narrows) -> Result<Self, ApiError> {
        let mut text = |name| Ok::<_, ApiError>(parameters.take(name)?.unwrap_or_default());
        let filters = Self {
            target: text("target")?,
            client: [text(OF_CLIENT[0])?, text(OF_CLIENT[1])?, text(OF_CLIENT[2])?],
        };
        let of_client = OF_CLIENT.into_iter().zip(&filters.client);
        let of_client = of_client
            .into_iter()
            .find(|(_, text)| !text.is_empty())
            .map(|(name, _)| name);
        let of_tool = (!filters.target.is_empty()).then_some("target");
        let refused = match narrows {
            Narrows::ToToolOrClient => of_tool
                .and(of_client)
                .map(|name| (name, "together with a filter of the client: leave one of them out")),
            Narrows::ToTool => {
                of_client.map(|name| (name, "for tools: their latencies and users are not kept by client"))
            }
            Narrows::No => of_tool
                .or(of_client)
                .map(|name| (name, "for users: they are kept by day, tenant and server only")),
        };
        match refused {
            Some((parameter, why)) => Err(ApiError::NotSummedUp { parameter, why }),
            None => Ok(filters),
        }
    }

    /// Whether they are of a client.
    pub(crate) fn are_of_client(&self) -> bool {
        self.client.iter().any(|text| !text.is_empty())
    }

    /// The query with the filters, and with the slice of the rollup that tells them apart.
    pub(crate) fn of(&self, query: Query) -> Query {
        let slice = if !self.target.is_empty() {
            "tool"
        } else if self.are_of_client() {
            "client"
        } else {
            "server"
        };
        let query = query.param("slice", slice).param("target", &self.target);
        let of_client = OF_CLIENT.iter().zip(&self.client);
        of_client.fold(query, |query, (name, text)| query.param(name, text))
    }
}

/// A scope with filters of a tool or a client.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) scope: Scope,
    pub(crate) filters: Filters,
    pub(crate) retention: Retention,
}

impl FromRequestParts<ApiState> for Summary {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;
        let scope = Scope::take(&mut parameters, Source::DaySums)?;
        let filters = Filters::take(&mut parameters, Narrows::ToToolOrClient)?;
        parameters.finish()?;
        Ok(Self {
            scope,
            filters,
            retention: state.retention,
        })
    }
}
