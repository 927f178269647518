//! What all lists but that of calls have in common: filters, pages, and files that go on where a page ends.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use clickhouse::{RowOwned, RowRead, query::Query};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{
    ApiError,
    calls::{MAX_FILE, MAX_LIMIT},
    cursor::Place,
    export::{self, Accepted, Format, Pages},
    kept::Source,
    openapi::text_parameter,
    parameters::Parameters,
    range::{Range, Scope},
    reader::Reader,
};

/// Rows of a page where nothing is said.
const DEFAULT_LIMIT: u32 = 100;
/// The same for summaries, of which there are mostly few enough to be told at once.
const SUMMARIES: u32 = MAX_LIMIT;
/// Rows that are asked for at a time where the answer is a file: a summary is made anew each time.
const FILE_PAGE: u32 = 10_000;

/// A question about a list: which part of it, and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) scope: Scope,
    format: Format,
    limit: u32,
    /// Rows before the first one.
    position: u32,
    /// Tells this question from others.
    question: u64,
    /// Each filter with its text, empty for any.
    filters: Vec<(&'static str, String)>,
}

impl Listing {
    /// Takes all parameters of a list with these filters, which is answered from `source`.
    ///
    /// # Errors
    /// If one is wrong or unknown.
    pub(crate) fn take(
        accepted: Accepted,
        parameters: Parameters,
        source: Source,
        filters: &[&'static str],
    ) -> Result<Self, ApiError> {
        Self::with_default(accepted, parameters, source, filters, DEFAULT_LIMIT)
    }

    /// Takes what is left of the parameters of a list of summaries, which is answered from `source`.
    ///
    /// # Errors
    /// If one is wrong or unknown.
    pub(crate) fn of_summaries(accepted: Accepted, parameters: Parameters, source: Source) -> Result<Self, ApiError> {
        Self::with_default(accepted, parameters, source, &[], SUMMARIES)
    }

    fn with_default(
        accepted: Accepted,
        mut parameters: Parameters,
        source: Source,
        filters: &[&'static str],
        default: u32,
    ) -> Result<Self, ApiError> {
        let (question, retention) = (parameters.question(), parameters.retention());
        let format = accepted.or_taken(&mut parameters)?;
        let (default, most) = match format {
            Format::Json => (default, MAX_LIMIT),
            Format::Csv | Format::Lines => (MAX_FILE, MAX_FILE),
        };
        let place = parameters.take_cursor::<Place>("cursor")?;
        let mut taken = Self {
            scope: Scope::take(&mut parameters, source)?,
            format,
            limit: parameters.take_number("limit", 1..=most)?.unwrap_or(default),
            position: 0,
            question,
            filters: filters
                .iter()
                .map(|name| Ok((*name, parameters.take(name)?.unwrap_or_default())))
                .collect::<Result<_, ApiError>>()?,
        };
        parameters.finish()?;
        if let Some(place) = place {
            if place.question != question {
                return Err(ApiError::invalid(
                    "cursor",
                    "is of another question: the rest must stay the same",
                ));
            }
            taken.position = place.position;
            let longest = taken.scope.longest(source, retention);
            let range = taken.scope.range.with_bounds(place.from, place.to, longest);
            taken.scope.range =
                range.ok_or_else(|| ApiError::invalid("cursor", "must be what `next` of an earlier answer held"))?;
        }
        Ok(taken)
    }

    /// The text of a filter, empty where none was given.
    pub(crate) fn filter(&self, name: &str) -> &str {
        let found = self.filters.iter().find(|(filter, _)| *filter == name);
        found.map_or("", |(_, text)| text)
    }

    /// How many rows are asked for at once.
    pub(crate) fn rows(&self) -> u32 {
        self.limit
    }

    /// The query with the scope, the filters, and the part of the list.
    pub(crate) fn query(&self, reader: &Reader, sql: &str) -> Query {
        let query = reader
            .query(sql, &self.scope)
            .param("limit", self.limit)
            .param("offset", self.position);
        let filters = self.filters.iter();
        filters.fold(query, |query, (name, text)| query.param(name, text))
    }

    /// Answers with the rows that `read` finds, as a page that `page` makes of the range, the rows and the next cursor, or
    /// as the file `name`.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) async fn answer<T, Read, Found, Page>(
        mut self,
        name: &'static str,
        read: Read,
        page: impl FnOnce(Range, Vec<T>, Option<String>) -> Page,
    ) -> Result<Response, ApiError>
    where
        T: Serialize + Default + Send + 'static,
        Read: Fn(Listing) -> Found + Send + 'static,
        Found: Future<Output = Result<Vec<T>, ApiError>> + Send + 'static,
        Page: Serialize,
    {
        if self.format != Format::Json {
            let format = self.format;
            let left = self.limit;
            let pages = ListPages {
                listing: self,
                read,
                left,
            };
            return export::paged(format, name, pages).await;
        }
        let limit = self.limit;
        // One more tells whether it goes on.
        self.limit += 1;
        let (range, place) = (self.scope.range, self.place_after(limit));
        let mut rows = read(self).await?;
        let next = (rows.len() > limit as usize).then(|| place.to_string());
        rows.truncate(limit as usize);
        Ok(Json(page(range, rows, next)).into_response())
    }

    /// The same where one query finds the rows.
    ///
    /// # Errors
    /// As [`Reader::rows`].
    pub(crate) fn answer_of<T, Page>(
        self,
        name: &'static str,
        reader: Reader,
        sql: &'static str,
        page: impl FnOnce(Range, Vec<T>, Option<String>) -> Page + Send,
    ) -> impl Future<Output = Result<Response, ApiError>> + Send
    where
        T: RowOwned + RowRead + Serialize + Default + Send + 'static,
        Page: Serialize,
    {
        let read = move |listing: Self| {
            let reader = reader.clone();
            async move { reader.rows(listing.query(&reader, sql)).await }
        };
        self.answer(name, read, page)
    }

    /// The place that many rows later. Its range is this one's, so that what has begun an hour ago ends then.
    fn place_after(&self, rows: u32) -> Place {
        Place {
            position: self.position.saturating_add(rows),
            from: self.scope.range.from,
            to: self.scope.range.to,
            question: self.question,
        }
    }
}

/// The pages of a file.
struct ListPages<Read> {
    listing: Listing,
    read: Read,
    left: u32,
}

impl<T, Read, Found> Pages for ListPages<Read>
where
    T: Serialize + Default + Send + 'static,
    Read: Fn(Listing) -> Found + Send + 'static,
    Found: Future<Output = Result<Vec<T>, ApiError>> + Send + 'static,
{
    type Row = T;

    async fn next(&mut self) -> Result<Vec<T>, ApiError> {
        self.listing.limit = self.left.min(FILE_PAGE);
        if self.listing.limit == 0 {
            return Ok(Vec::new());
        }
        let rows = (self.read)(self.listing.clone()).await?;
        let found = rows.len() as u32;
        self.listing.position = self.listing.position.saturating_add(found);
        let is_last = found < self.listing.limit;
        self.left = if is_last { 0 } else { self.left - found };
        Ok(rows)
    }
}

/// Describes the parameters `limit` and `cursor`.
pub(crate) struct PageParameters;

impl IntoParams for PageParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = format!("Rows in one answer, from 1 to {MAX_LIMIT}; a file has up to {MAX_FILE}");
        let cursor = "What `next` of the answer before held: the rows that follow, of the same span of time; all other \
            parameters must be the same";
        vec![text_parameter("limit", &limit), text_parameter("cursor", cursor)]
    }
}
