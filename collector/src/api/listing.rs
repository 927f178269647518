//! What lists with filters of their own have in common.

use clickhouse::query::Query;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{
    ApiError,
    export::{Accepted, Format},
    openapi::text_parameter,
    parameters::Parameters,
    range::Scope,
    reader::Reader,
};

/// Rows of a list where nothing is said, and at most.
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// A question about a list: which part of it, and how it is written.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) scope: Scope,
    pub(crate) format: Format,
    pub(crate) limit: u32,
    /// Each filter with its text, empty for any.
    filters: Vec<(&'static str, String)>,
}

impl Listing {
    /// Takes all parameters of a list with these filters.
    ///
    /// # Errors
    /// If one is wrong or unknown.
    pub(crate) fn take(
        accepted: Accepted,
        mut parameters: Parameters,
        filters: &[&'static str],
    ) -> Result<Self, ApiError> {
        let taken = Self {
            scope: Scope::take(&mut parameters)?,
            format: accepted.or_taken(&mut parameters)?,
            limit: parameters.take_number("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT),
            filters: filters
                .iter()
                .map(|name| Ok((*name, parameters.take(name)?.unwrap_or_default())))
                .collect::<Result<_, ApiError>>()?,
        };
        parameters.finish()?;
        Ok(taken)
    }

    /// The text of a filter, empty where none was given.
    pub(crate) fn filter(&self, name: &str) -> &str {
        let found = self.filters.iter().find(|(filter, _)| *filter == name);
        found.map_or("", |(_, text)| text)
    }

    /// The query with the scope, the filters and the limit.
    pub(crate) fn query(&self, reader: &Reader, sql: &str) -> Query {
        let query = reader.query(sql, &self.scope).param("limit", self.limit);
        let filters = self.filters.iter();
        filters.fold(query, |query, (name, text)| query.param(name, text))
    }
}

/// Describes the parameter `limit`.
pub(crate) struct LimitParameter;

impl IntoParams for LimitParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![text_parameter(
            "limit",
            &format!("Rows of the list, from 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} where nothing is said"),
        )]
    }
}
