//! The parameters of a request, taken one by one, so that the one that is wrong can be named.

use std::{ops::RangeInclusive, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use url::form_urlencoded;

use super::ApiError;
use crate::auth::{Denied, Principal};

const MAX_VALUE_BYTES: usize = 1024;

/// What stands behind the `?` of a request.
///
/// A parameter without a value counts as not given. Handlers take what they know and then [finish](Self::finish).
#[derive(Debug)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    asked_by: Principal,
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        // A path that asks nobody who they are has no questions to the store either.
        let asked_by = parts.extensions.get::<Principal>().cloned();
        Ok(Self {
            given: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            asked_by: asked_by.ok_or(ApiError::Denied(Denied::Missing))?,
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
