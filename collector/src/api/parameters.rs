//! The parameters of a request, taken one by one, so that the one that is wrong can be named.

use std::{ops::RangeInclusive, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use twox_hash::XxHash64;
use url::form_urlencoded;

use super::{ApiError, ApiState};
use crate::auth::{Denied, Principal};
use crate::store::Retention;

const MAX_VALUE_BYTES: usize = 1024;

/// What stands behind the `?` of a request.
///
/// A parameter without a value counts as not given. Handlers take what they know and then [finish](Self::finish).
#[derive(Debug)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    question: u64,
    asked_by: Principal,
    retention: Retention,
}

/// Parameters that say which part of a list is wanted, and how it is written.
const OF_PAGES: [&str; 3] = ["limit", "cursor", "format"];

/// The hash is a fixed one, of a text that is written in one way only: a cursor that was given out stays good when the
/// program is replaced by a newer one.
fn question(path: &str, given: &[(String, String)]) -> u64 {
    let asks = |(name, value): &&(String, String)| !value.is_empty() && !OF_PAGES.contains(&name.as_str());
    let mut asked: Vec<_> = given.iter().filter(asks).collect();
    asked.sort();
    // Encoded, no value can look like another parameter.
    let mut text = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
    text.extend_pairs(asked);
    XxHash64::oneshot(0, text.finish().as_bytes())
}

impl FromRequestParts<ApiState> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        // A path that asks nobody who they are has no questions to the store either.
        let asked_by = parts.extensions.get::<Principal>().cloned();
        let given: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self {
            question: question(parts.uri.path(), &given),
            given,
            asked_by: asked_by.ok_or(ApiError::Denied(Denied::Missing))?,
            retention: state.retention,
        })
    }
}

impl Parameters {
    /// The value of a parameter, if it was given.
    ///
    /// # Errors
    /// If it was given twice or is longer than 1024 bytes.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self
            .given
            .extract_if(.., |(key, _)| key == name)
            .map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(ApiError::invalid(name, "is given more than once"));
        }
        drop(values);
        match value {
            Some(value) if value.len() > MAX_VALUE_BYTES => Err(ApiError::invalid(
                name,
                format!("is longer than {MAX_VALUE_BYTES} bytes"),
            )),
            value => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// What `next` of an earlier answer held, if it was given.
    ///
    /// # Errors
    /// If it is something else.
    pub(crate) fn take_cursor<C: FromStr>(&mut self, name: &str) -> Result<Option<C>, ApiError> {
        let cursor = self.take(name)?.map(|text| text.parse());
        cursor
            .transpose()
            .map_err(|_| ApiError::invalid(name, "must be what `next` of an earlier answer held"))
    }

    /// Equal where the same is asked of the same list, whatever the page of it and the way it is written.
    pub(crate) fn question(&self) -> u64 {
        self.question
    }

    /// How long is kept what questions are answered from.
    pub(crate) fn retention(&self) -> Retention {
        self.retention
    }

    /// Whose calls to look at, empty for all tenants'. Somebody who is bound to a tenant gets that one.
    ///
    /// # Errors
    /// If they ask for another one.
    pub(crate) fn take_tenant(&mut self) -> Result<String, ApiError> {
        let wanted = self.take("tenant")?;
        let own = self.asked_by.tenant();
        match wanted {
            Some(wanted) if !own.is_empty() && wanted != own => Err(ApiError::invalid(
                "tenant",
                "must be the one of your token, or left out",
            )),
            Some(wanted) => Ok(wanted),
            None => Ok(own.to_owned()),
        }
    }

    /// A number within bounds, if it was given.
    ///
    /// # Errors
    /// If it is no number or out of bounds.
    pub(crate) fn take_number<N>(&mut self, name: &str, bounds: RangeInclusive<N>) -> Result<Option<N>, ApiError>
    where
        N: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => Err(ApiError::invalid(
                name,
                format!("must be a number from {} to {}", bounds.start(), bounds.end()),
            )),
        }
    }

    /// One of the given words, if the parameter was given.
    ///
    /// # Errors
    /// If it is another word.
    pub(crate) fn take_word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
        match self.take(name)? {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(ApiError::invalid(name, format!("must be one of {}", words.join(", "))))
            }
            word => Ok(word),
        }
    }

    /// Makes sure that nothing is left over.
    ///
    /// # Errors
    /// If a parameter was not taken by anyone.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.given.into_iter().next() {
            Some((name, _)) => Err(ApiError::invalid(name, "is not known here")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::question;
    use crate::api::cursor::Place;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn a_cursor_is_the_same_text_whatever_the_program_was_built_with() {
        let asked = given(&[
            ("range", "24h"),
            ("server", "files & more"),
            ("limit", "2"),
            ("format", ""),
        ]);
        let place = Place {
            position: 2,
            from: 1_700_000_000,
            to: 1_700_086_400,
            question: question("/users", &asked),
        };
        assert_eq!(place.to_string(), "2-1700000000-1700086400-485589ae5d381a9d");
    }

    #[test]
    fn only_what_is_asked_tells_questions_apart() {
        let asked = question("/users", &given(&[("range", "24h"), ("server", "a")]));
        for (case, path, pairs, is_same) in [
            (
                "another order",
                "/users",
                &[("server", "a"), ("range", "24h")][..],
                true,
            ),
            (
                "another page",
                "/users",
                &[("range", "24h"), ("server", "a"), ("cursor", "x"), ("limit", "9")],
                true,
            ),
            ("another value", "/users", &[("range", "24h"), ("server", "b")], false),
            ("another list", "/tools", &[("range", "24h"), ("server", "a")], false),
            (
                "a value that looks like two",
                "/users",
                &[("range", "24h&server=a")],
                false,
            ),
        ] {
            assert_eq!(question(path, &given(pairs)) == asked, is_same, "{case}");
        }
    }
}
