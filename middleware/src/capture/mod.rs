//! Arguments and results in the records, for operators who want them there.
//!
//! Without a [`Capture`] no byte of them is kept, but for arguments that headers mirror (`Mcp-Param-*`): up to 16 KiB of them are
//! until the request is read, and the headers until it is answered, to tell whether they say the same. None is exported.

mod budget;
mod redact;

use std::collections::HashSet;

#[cfg(test)]
pub(crate) use budget::WAITING;
pub(crate) use budget::{Budget, Kept};
pub(crate) use redact::Redaction;

/// What is captured of tool calls, and of the addresses of resources: nothing by default.
///
/// What is captured is first redacted: the values of members whose name contains, in any spelling, one of these words
/// (`password`, `passwd`, `secret`, `token`, `apikey`, `accesskey`, `privatekey`, `credential`, `authorization`, `cookie`),
/// and, wherever they stand, bearer tokens, JWTs, private keys in PEM and the access keys of well-known services. JSON
/// within strings is looked into as well. Then it is cut to its limit. All that happens when the call is read, mostly on the
/// export thread, and costs time in proportion to the limits. At most 64 MiB of it wait for that, or to be sent; the records of further
/// calls go without ([`Forgotten::captures`](crate::Forgotten::captures)).
///
/// ```
/// use toolsight::Capture;
///
/// let capture = Capture::default()
///     .arguments(2048)
///     .results(8192)
///     .only_tools(["search", "fetch"])
///     .redact_member("iban")
///     .redact_emails()
///     .redact_pattern(r"\bCASE-\d{8}\b")?;
/// # Ok::<(), toolsight::PatternError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Capture {
    arguments: usize,
    results: usize,
    only: Option<HashSet<Box<str>>>,
    never: HashSet<Box<str>>,
    redaction: Redaction,
}

/// A pattern of [`Capture::redact_pattern`] that is no regular expression.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the pattern cannot be used to redact: {0}")]
pub struct PatternError(#[source] regex::Error);

/// Most bytes that can be captured of arguments and of a result.
const MOST: usize = 64 * 1024;
/// What is kept beyond the limit until it is redacted, so that a secret at the cut is recognised.
const SLACK: usize = 4 * 1024;

impl Capture {
    /// Captures this many bytes of a call's arguments, at most 65,536. Default: 0.
    ///
    /// The address of a resource that is read, subscribed to or no longer so (`resources/*`) is such an argument, captured as
    /// `{"uri":"..."}`, unless [`only_tools`](Self::only_tools) says what alone is captured. Arguments of prompts never are.
    #[must_use]
    pub const fn arguments(mut self, bytes: usize) -> Self {
        self.arguments = if bytes > MOST { MOST } else { bytes };
        self
    }

    /// Captures this many bytes of a tool's result, at most 65,536; what a resource holds never is. Default: 0.
    #[must_use]
    pub const fn results(mut self, bytes: usize) -> Self {
        self.results = if bytes > MOST { MOST } else { bytes };
        self
    }

    /// Captures calls of these tools only, and no address of a resource. Default: of all.
    #[must_use]
    pub fn only_tools(mut self, tools: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.only
            .get_or_insert_default()
            .extend(tools.into_iter().map(Into::into));
        self
    }

    /// Captures no calls of these tools, even if [`only_tools`](Self::only_tools) names them. Default: none.
    #[must_use]
    pub fn never_tools(mut self, tools: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.never.extend(tools.into_iter().map(Into::into));
        self
    }

    /// Redacts the values of members whose name contains this too; case, `-`, `_`, `.` and spaces do not count. Default: the
    /// words above.
    #[must_use]
    pub fn redact_member(mut self, name: &str) -> Self {
        self.redaction.add_member(name);
        self
    }

    /// Redacts what matches this regular expression too, within the JSON text as it was sent. Default: none.
    ///
    /// # Errors
    /// If it is no regular expression.
    pub fn redact_pattern(mut self, pattern: &str) -> Result<Self, PatternError> {
        self.redaction.add_pattern(pattern).map_err(PatternError)?;
        Ok(self)
    }

    /// Redacts what looks like an e-mail address too. Default: no.
    #[must_use]
    pub fn redact_emails(mut self) -> Self {
        self.redaction.add_emails();
        self
    }

    /// Bytes to keep of arguments and of results while they pass, before they are redacted.
    pub(crate) const fn keep(&self) -> (usize, usize) {
        const fn with_slack(limit: usize) -> usize {
            if limit == 0 { 0 } else { limit + SLACK }
        }
        (with_slack(self.arguments), with_slack(self.results))
    }

    /// The address of a resource as the arguments that it is, where it may be kept: an operator who has named the tools to be
    /// captured wants nothing else.
    pub(crate) fn address(&self, uri: &str) -> Option<Box<[u8]>> {
        if self.arguments == 0 || self.only.is_some() {
            return None;
        }
        let mut arguments = serde_json::json!({ "uri": uri }).to_string().into_bytes();
        arguments.truncate(self.keep().0);
        Some(arguments.into())
    }

    /// What [`address`](Self::address) has kept as it may be recorded.
    pub(crate) fn record_address(&self, arguments: Option<&[u8]>) -> Option<Captured> {
        Some(Captured {
            arguments: Some(self.redacted(arguments?, self.arguments)),
            ..Captured::default()
        })
    }

    /// Whether calls of `tool` may be captured.
    pub(crate) fn is_of(&self, tool: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(tool)) && !self.never.contains(tool)
    }

    /// Arguments and result of a call of `tool` as they may be recorded.
    pub(crate) fn record(&self, tool: &str, arguments: Option<&[u8]>, result: Option<&[u8]>) -> Option<Captured> {
        if !self.is_of(tool) || (arguments.is_none() && result.is_none()) {
            return None;
        }
        Some(Captured {
            arguments: arguments.map(|arguments| self.redacted(arguments, self.arguments)),
            result: result.map(|result| self.redacted(result, self.results)),
            part: budget::Part::default(),
        })
    }

    fn redacted(&self, bytes: &[u8], limit: usize) -> Box<str> {
        let text = String::from_utf8_lossy(bytes);
        let mut text = self.redaction.apply(&text);
        if text.len() > limit {
            text.truncate(text.floor_char_boundary(limit));
            text.push('…');
        }
        text.into_boxed_str()
    }
}

/// Redacted arguments and result of one call, as JSON; what was cut ends in `…`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Captured {
    pub(crate) arguments: Option<Box<str>>,
    pub(crate) result: Option<Box<str>>,
    /// Its part of what may wait to be sent.
    part: budget::Part,
}

impl Captured {
    fn bytes(&self) -> usize {
        let texts = [&self.arguments, &self.result];
        texts.into_iter().flatten().map(|text| text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tools_that_the_operator_wants_are_captured() {
        let all = Capture::default().arguments(100).results(100);
        let only = all.clone().only_tools(["search", "fetch"]);
        let never = only.clone().never_tools(["fetch"]);
        for (case, capture, tool, expected) in [
            ("all", &all, "anything", true),
            ("one that is named", &only, "search", true),
            ("one that is not named", &only, "other", false),
            ("one that is excluded", &never, "fetch", false),
            ("one that is not excluded", &never, "search", true),
        ] {
            let captured = capture.record(tool, Some(b"{}"), Some(b"{}"));
            assert_eq!(captured.is_some(), expected, "{case}");
        }
    }

    #[test]
    fn the_address_of_a_resource_is_captured_as_arguments_unless_tools_are_named() {
        let all = Capture::default().arguments(40);
        let cut = format!(r#"{{"uri":"a:{}…"#, "x".repeat(30));
        for (case, capture, uri, expected) in [
            ("nothing", Capture::default(), "a:b", None),
            ("results only", Capture::default().results(40), "a:b", None),
            ("arguments", all.clone(), "a:b", Some(r#"{"uri":"a:b"}"#)),
            ("a quote", all.clone(), "a:\"", Some(r#"{"uri":"a:\""}"#)),
            ("a secret", all.clone(), "a://b:c@d", Some(r#"{"uri":"[redacted]d"}"#)),
            (
                "a long one",
                all.clone(),
                &format!("a:{}", "x".repeat(9000)),
                Some(&cut),
            ),
            ("named tools", all.clone().only_tools(["b"]), "a:b", None),
            (
                "excluded tools",
                all.never_tools(["b"]),
                "a:b",
                Some(r#"{"uri":"a:b"}"#),
            ),
        ] {
            let kept = capture.address(uri);
            assert!(kept.as_ref().is_none_or(|kept| kept.len() <= 40 + SLACK), "{case}");
            let captured = capture.record_address(kept.as_deref());
            assert_eq!(
                captured.and_then(|captured| captured.arguments).as_deref(),
                expected,
                "{case}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_cut_after_it_was_redacted() {
        let capture = Capture::default().arguments(20);
        assert_eq!(capture.keep(), (20 + SLACK, 0));
        let text = r#"{"password":"hunter2hunter2hunter2","a":"ééé"}"#;
        let captured = capture.record("t", Some(text.as_bytes()), None).unwrap();
        assert_eq!(captured.arguments.as_deref(), Some(r#"{"password":"[redact…"#));
        assert_eq!(Capture::default().keep(), (0, 0));
    }
}
