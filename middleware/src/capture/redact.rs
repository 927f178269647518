//! Takes secrets out of JSON that may be cut off anywhere.

use std::sync::LazyLock;

use regex::Regex;

use crate::wire::unescape;

/// Stands where something was taken out.
const REDACTED: &str = "[redacted]";
/// JSON within a string within a string is looked into this deep.
const NESTED: usize = 3;

/// Words in the name of a member whose value is a secret, in the form that [`plain`] makes.
const MEMBERS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];

/// Secrets that show by themselves.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"(?i)\b(?:bearer|basic)\s+[a-z0-9+/_.~=-]{8,}",
        r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{20,}",
        r"\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"\bglpat-[A-Za-z0-9_-]{16,}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9]{16,}",
        r"\bAIza[A-Za-z0-9_-]{30,}",
        r"(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@",
    ];
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

const EMAIL: &str = r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+\b";

/// What is taken out beyond the built-in list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    members: Vec<String>,
    patterns: Vec<Regex>,
}

impl Redaction {
    pub(super) fn add_member(&mut self, name: &str) {
        self.members.push(plain(name));
    }

    pub(super) fn add_pattern(&mut self, pattern: &str) -> Result<(), regex::Error> {
        self.patterns.push(Regex::new(pattern)?);
        Ok(())
    }

    pub(super) fn add_emails(&mut self) {
        self.patterns.extend(Regex::new(EMAIL));
    }

    /// `json` without its secrets. It may end anywhere; a value that is cut off is taken out as a whole one is.
    pub(crate) fn apply(&self, json: &str) -> String {
        let mut text = self.without_members(json, NESTED);
        for pattern in PATTERNS.iter().chain(&self.patterns) {
            if let std::borrow::Cow::Owned(replaced) = pattern.replace_all(&text, REDACTED) {
                text = replaced;
            }
        }
        text
    }

    fn is_secret(&self, name: &str) -> bool {
        let name = plain(name);
        let built_in = MEMBERS.iter().any(|word| name.contains(word));
        built_in || self.members.iter().any(|word| name.contains(word.as_str()))
    }

    /// Replaces the values of members whose name says that they are secret.
    fn without_members(&self, json: &str, nested: usize) -> String {
        let mut out = String::with_capacity(json.len());
        let mut rest = json;
        while let Some(at) = rest.find('"') {
            out.push_str(&rest[..at]);
            let string = string(&rest[at..]);
            rest = &rest[at + string.spelling.len()..];
            let after = rest.trim_start();
            if let Some(value) = after.strip_prefix(':') {
                out.push_str(string.spelling);
                if self.is_secret(&unescape(string.inside.as_bytes())) {
                    out.push_str(":\"");
                    out.push_str(REDACTED);
                    out.push('"');
                    rest = behind(value);
                } else {
                    out.push(':');
                    rest = value;
                }
            } else {
                self.text(&string, nested, &mut out);
            }
        }
        out.push_str(rest);
        out
    }

    /// Writes a string that is no key, and looks into it if it is JSON itself.
    fn text(&self, string: &JsonString<'_>, nested: usize, out: &mut String) {
        let text = unescape(string.inside.as_bytes());
        if nested == 0 || !text.trim_start().starts_with(['{', '[']) {
            out.push_str(string.spelling);
            return;
        }
        let redacted = self.without_members(&text, nested - 1);
        if redacted == *text {
            out.push_str(string.spelling);
            return;
        }
        let spelling = serde_json::Value::String(redacted).to_string();
        out.push_str(if string.whole {
            &spelling
        } else {
            &spelling[..spelling.len() - 1]
        });
    }
}

/// In lower case and without separators, so that `API-Key` and `api_key` are one name.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| !matches!(letter, '-' | '_' | '.' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

struct JsonString<'a> {
    /// With its quotes, the last of which may be cut off.
    spelling: &'a str,
    inside: &'a str,
    whole: bool,
}

/// The string at the beginning of `json`, which is a quote.
fn string(json: &str) -> JsonString<'_> {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let whole = at < bytes.len();
    let end = at.min(bytes.len());
    JsonString {
        spelling: &json[..if whole { end + 1 } else { end }],
        inside: &json[1..end],
        whole,
    }
}

/// What follows the value at the beginning of `json`.
fn behind(json: &str) -> &str {
    let json = json.trim_start();
    let mut depth = 0_u32;
    let mut rest = json;
    loop {
        match rest.bytes().next() {
            None => return rest,
            Some(b'"') => rest = &rest[string(rest).spelling.len()..],
            Some(b'{' | b'[') => {
                depth += 1;
                rest = &rest[1..];
            }
            Some(b'}' | b']' | b',') if depth == 0 => return rest,
            Some(b'}' | b']') => {
                depth -= 1;
                rest = &rest[1..];
            }
            Some(_) => rest = &rest[rest.chars().next().map_or(1, char::len_utf8)..],
        }
        let ended = depth == 0 && matches!(rest.trim_start().bytes().next(), None | Some(b',' | b'}' | b']'));
        if ended {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_values_of_secret_members_are_taken_out() {
        for (json, expected) in [
            (
                r#"{"a":1,"password":"x","b":2}"#,
                r#"{"a":1,"password":"[redacted]","b":2}"#,
            ),
            (
                r#"{"API-Key" : {"v":["x","y}"]} , "b":2}"#,
                r#"{"API-Key":"[redacted]" , "b":2}"#,
            ),
            (r#"{"accessToken":null}"#, r#"{"accessToken":"[redacted]"}"#),
            (r#"{"pass\u0077ord":12.5e3}"#, r#"{"pass\u0077ord":"[redacted]"}"#),
            (
                r#"{"x":[{"client_secret":"a\"b"}]}"#,
                r#"{"x":[{"client_secret":"[redacted]"}]}"#,
            ),
            (
                r#"{"name":"password","b":"token"}"#,
                r#"{"name":"password","b":"token"}"#,
            ),
            (
                r#"{"text":"{\"password\":\"x\",\"a\":1}"}"#,
                r#"{"text":"{\"password\":\"[redacted]\",\"a\":1}"}"#,
            ),
            (r#"{"text":"{\"a\":1}"}"#, r#"{"text":"{\"a\":1}"}"#),
            (r#"{"password":"hunt"#, r#"{"password":"[redacted]""#),
            (r#"{"password":{"a":[1,"b"#, r#"{"password":"[redacted]""#),
            (
                r#"{"text":"{\"password\":\"hun"#,
                r#"{"text":"{\"password\":\"[redacted]\""#,
            ),
            (r#"{"iban":"DE1"}"#, r#"{"iban":"[redacted]"}"#),
        ] {
            let mut redaction = Redaction::default();
            redaction.add_member("IBAN");
            assert_eq!(redaction.apply(json), expected, "{json}");
        }
    }

    #[test]
    fn secrets_that_show_by_themselves_are_taken_out() {
        let secrets = [
            "Bearer abcdef123456",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "-----BEGIN RSA PRIVATE KEY-----\\nMIIB\\n-----END RSA PRIVATE KEY-----",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghij0123456789",
            "glpat-0123456789abcdefghij",
            "xoxb-0123456789-abcdef",
            "sk-proj-0123456789abcdefghij",
            "postgres://user:pa55@",
        ];
        for secret in secrets {
            let redacted = Redaction::default().apply(&format!(r#"{{"text":"see {secret} there"}}"#));
            assert!(!redacted.contains(secret), "{redacted}");
            assert!(redacted.starts_with(r#"{"text":"see [redacted]"#), "{redacted}");
        }
        assert_eq!(PATTERNS.len(), 11, "every pattern is a regular expression");
        let harmless = r#"{"text":"the bearer of this eye is skilled"}"#;
        assert_eq!(Redaction::default().apply(harmless), harmless);
    }

    #[test]
    fn patterns_and_addresses_are_taken_out_on_demand() {
        let text = r#"{"to":"ada@example.org","case":"CASE-12345678"}"#;
        assert_eq!(Redaction::default().apply(text), text);
        let mut redaction = Redaction::default();
        redaction.add_emails();
        redaction.add_pattern(r"CASE-\d{8}").unwrap();
        assert_eq!(redaction.apply(text), r#"{"to":"[redacted]","case":"[redacted]"}"#);
        assert!(redaction.add_pattern("(").is_err());
    }

    proptest! {
        #[test]
        fn a_secret_stays_out_wherever_the_text_is_cut(cut in 0_usize..200, depth in 0_usize..3) {
            let secret = "SECRETSECRETSECRET";
            let mut json = format!(r#"{{"a":"b","deep":{{"api_key":["{secret}",{{"x":"{secret}"}}]}},"z":[1]}}"#);
            for _ in 0..depth {
                json = serde_json::json!({ "text": json }).to_string();
            }
            let redacted = Redaction::default().apply(&json[..cut.min(json.len())]);
            prop_assert!(!redacted.contains("SEC"), "{}", redacted);
        }

        #[test]
        fn any_text_is_survived(text in "[\\\\{}\\[\\]\":,a\u{e9}token ]{0,40}") {
            Redaction::default().apply(&text);
        }
    }
}
