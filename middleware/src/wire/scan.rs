//! A push scanner for JSON: takes bytes in any pieces and reports what its visitor asks for.
//!
//! It keeps one token of at most [`TOKEN_LIMIT`] bytes. Values that the visitor does not want are skipped by counting
//! brackets, and the inside of strings by `memchr`. It checks structure only as far as it must to stay in step: the
//! server decides what is valid, the observer only has to see what is there.

use memchr::memchr2;

use super::TOKEN_LIMIT;

/// Whether the visitor wants the value that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Skip it, however large.
    Skip,
    /// Report it: a scalar as such, a container by walking into it.
    Take,
}

/// A scalar as it stands in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// The bytes between the quotes, still escaped, at most [`TOKEN_LIMIT`] of them.
    String(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Literal(&'a [u8]),
}

/// What receives the members that it asked for.
pub(crate) trait Visitor {
    /// An array element or the document itself comes next.
    fn element(&mut self) -> Interest;
    /// The member with this key (between the quotes, still escaped) comes next.
    fn key(&mut self, key: &[u8]) -> Interest;
    /// A wanted value is this scalar.
    fn scalar(&mut self, scalar: Scalar<'_>);
    /// A wanted value opens: an object, or else an array.
    fn enter(&mut self, object: bool);
    /// The innermost open object or array closes.
    fn leave(&mut self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must come; in an array that has just opened, also its end.
    Value {
        or_end: bool,
    },
    /// A key must come; in an object that has just opened, also its end.
    Key {
        or_end: bool,
    },
    Colon,
    /// Inside a string that is kept.
    Text {
        key: bool,
        escaped: bool,
    },
    /// Inside a number or literal.
    Literal,
    /// After a value: a comma, the end of the container, or nothing more.
    After,
    /// Inside containers that are skipped, this many deep, perhaps in a string.
    Skip {
        depth: u32,
        string: bool,
        escaped: bool,
    },
    /// Out of step; everything further is ignored.
    Lost,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    interest: Interest,
    /// Open wanted containers: true for an object.
    open: Vec<bool>,
    token: Vec<u8>,
    started: bool,
}

/// Wanted containers that may be open at once; no path that a visitor asks for is deeper.
const OPEN_LIMIT: usize = 16;

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Value { or_end: false },
            interest: Interest::Skip,
            open: Vec::new(),
            token: Vec::new(),
            started: false,
        }
    }

    /// Reads the next piece of the document.
    pub(crate) fn push(&mut self, mut bytes: &[u8], visitor: &mut impl Visitor) {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Skip { depth, string, escaped } => self.skip(bytes, depth, string, escaped),
                State::Text { key, escaped } => self.text(bytes, key, escaped, visitor),
                State::Literal => self.literal(bytes, visitor),
                State::Lost => return,
                State::Value { .. } | State::Key { .. } | State::Colon | State::After => {
                    self.structure(bytes[0], visitor);
                    &bytes[1..]
                }
            };
        }
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole value.
    pub(crate) fn finish(&mut self, visitor: &mut impl Visitor) -> bool {
        if self.state == State::Literal {
            self.end_literal(visitor);
        }
        let whole = self.started && self.state == State::After && self.open.is_empty();
        self.state = State::Value { or_end: false };
        self.open.clear();
        self.token.clear();
        self.started = false;
        whole
    }

    fn structure(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return;
        }
        match (self.state, byte) {
            (State::Value { or_end: true }, b']') | (State::Key { or_end: true }, b'}') => self.close(byte, visitor),
            (State::Value { .. }, _) => self.value(byte, visitor),
            (State::Key { .. }, b'"') => {
                self.token.clear();
                self.state = State::Text {
                    key: true,
                    escaped: false,
                };
            }
            (State::Colon, b':') => self.state = State::Value { or_end: false },
            (State::After, b',') => {
                self.state = match self.open.last() {
                    Some(true) => State::Key { or_end: false },
                    Some(false) => State::Value { or_end: false },
                    None => State::Lost,
                };
            }
            (State::After, b'}' | b']') => self.close(byte, visitor),
            _ => self.state = State::Lost,
        }
    }

    fn value(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if self.open.last() != Some(&true) {
            self.interest = visitor.element();
        }
        self.started = true;
        let take = self.interest == Interest::Take;
        match byte {
            b'{' | b'[' if take && self.open.len() < OPEN_LIMIT => {
                let object = byte == b'{';
                self.open.push(object);
                visitor.enter(object);
                self.state = if object {
                    State::Key { or_end: true }
                } else {
                    State::Value { or_end: true }
                };
            }
            b'{' | b'[' => {
                self.state = State::Skip {
                    depth: 1,
                    string: false,
                    escaped: false,
                }
            }
            b'"' if take => {
                self.token.clear();
                self.state = State::Text {
                    key: false,
                    escaped: false,
                };
            }
            b'"' => {
                self.state = State::Skip {
                    depth: 0,
                    string: true,
                    escaped: false,
                }
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.token.clear();
                self.token.push(byte);
                self.state = State::Literal;
            }
            _ => self.state = State::Lost,
        }
    }

    fn close(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if self.open.pop() == Some(byte == b'}') {
            visitor.leave();
            self.state = State::After;
        } else {
            self.state = State::Lost;
        }
    }

    fn text<'a>(&mut self, bytes: &'a [u8], key: bool, escaped: bool, visitor: &mut impl Visitor) -> &'a [u8] {
        if escaped {
            self.keep(&bytes[..1]);
            self.state = State::Text { key, escaped: false };
            return &bytes[1..];
        }
        let Some(at) = memchr2(b'"', b'\\', bytes) else {
            self.keep(bytes);
            return &[];
        };
        if bytes[at] == b'\\' {
            self.keep(&bytes[..=at]);
            self.state = State::Text { key, escaped: true };
        } else {
            self.keep(&bytes[..at]);
            if key {
                self.interest = visitor.key(&self.token);
                self.state = State::Colon;
            } else {
                visitor.scalar(Scalar::String(&self.token));
                self.state = State::After;
            }
        }
        &bytes[at + 1..]
    }

    fn literal<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let end = bytes
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'));
        self.keep(&bytes[..end.unwrap_or(bytes.len())]);
        match end {
            Some(end) => {
                self.end_literal(visitor);
                &bytes[end..]
            }
            None => &[],
        }
    }

    fn end_literal(&mut self, visitor: &mut impl Visitor) {
        let word = matches!(self.token.first(), Some(b't' | b'f' | b'n'));
        if word && !matches!(&self.token[..], b"true" | b"false" | b"null") {
            self.state = State::Lost;
            return;
        }
        if self.interest == Interest::Take {
            visitor.scalar(Scalar::Literal(&self.token));
        }
        self.state = State::After;
    }

    fn skip<'a>(&mut self, bytes: &'a [u8], depth: u32, string: bool, escaped: bool) -> &'a [u8] {
        let (mut depth, mut string, mut at) = (depth, string, usize::from(escaped));
        while at < bytes.len() {
            if string {
                let Some(end) = memchr2(b'"', b'\\', &bytes[at..]) else {
                    break;
                };
                at += end + 1;
                if bytes[at - 1] == b'\\' {
                    if at == bytes.len() {
                        self.state = State::Skip {
                            depth,
                            string,
                            escaped: true,
                        };
                        return &[];
                    }
                    at += 1;
                    continue;
                }
                string = false;
            } else {
                let byte = bytes[at];
                at += 1;
                match byte {
                    b'"' => string = true,
                    b'{' | b'[' => depth = depth.saturating_add(1),
                    b'}' | b']' => depth -= 1,
                    _ => continue,
                }
            }
            if depth == 0 && !string {
                self.state = State::After;
                return &bytes[at..];
            }
        }
        self.state = State::Skip {
            depth,
            string,
            escaped: false,
        };
        &[]
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_LIMIT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes down everything, wanting whatever its `skip` key does not name.
    #[derive(Default)]
    struct Transcript(String);

    impl Visitor for Transcript {
        fn element(&mut self) -> Interest {
            self.0.push('.');
            Interest::Take
        }
        fn key(&mut self, key: &[u8]) -> Interest {
            self.0 += &format!("{}:", String::from_utf8_lossy(key));
            if key == b"skip" { Interest::Skip } else { Interest::Take }
        }
        fn scalar(&mut self, scalar: Scalar<'_>) {
            self.0 += &match scalar {
                Scalar::String(text) => format!("'{}' ", String::from_utf8_lossy(text)),
                Scalar::Literal(text) => format!("{} ", String::from_utf8_lossy(text)),
            };
        }
        fn enter(&mut self, _object: bool) {
            self.0.push('<');
        }
        fn leave(&mut self) {
            self.0.push('>');
        }
    }

    fn transcript<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, bool) {
        let (mut scanner, mut seen) = (Scanner::new(), Transcript::default());
        for piece in pieces {
            scanner.push(piece, &mut seen);
        }
        let whole = scanner.finish(&mut seen);
        (seen.0, whole)
    }

    #[test]
    fn reports_what_is_wanted_and_skips_the_rest() {
        for (document, expected) in [
            (r#"{"a":1,"b":"x\"y"}"#, r#".<a:1 b:'x\"y' >"#),
            (r#" [true, null ,[ ]] "#, ".<.true .null .<>>"),
            (r#"{"skip":{"a":["}","\\",{}]},"b":2}"#, ".<skip:b:2 >"),
            (r#"{"skip":"a\"}","b":2}"#, ".<skip:b:2 >"),
            (r#"{"skip":12.5e3,"b":{}}"#, ".<skip:b:<>>"),
            ("-1.5E+3", ".-1.5E+3 "),
        ] {
            assert_eq!(
                transcript([document.as_bytes()]),
                (expected.to_owned(), true),
                "{document}"
            );
        }
    }

    #[test]
    fn says_when_a_document_is_not_whole() {
        for document in [
            "", " ", "{", "[1", "{\"a\"}", "{]", "[}", "nul", "tree", "{} {}", "[1,,2]", "<html>", "{'a':1}",
        ] {
            assert!(!transcript([document.as_bytes()]).1, "{document}");
        }
    }

    #[test]
    fn cuts_long_strings_and_goes_on() {
        let document = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(5000));
        let (seen, whole) = transcript([document.as_bytes()]);
        assert!(whole && seen.ends_with("b:1 >"));
        assert!(seen.len() < TOKEN_LIMIT + 20);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 48, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::vec(("(skip|[a-z\"\\\\]{0,3})", inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_is_whole_and_any_split_tells_the_same(value in any_json(), cuts in proptest::collection::vec(0usize..400, 0..6)) {
            let text = value.to_string();
            let whole = transcript([text.as_bytes()]);
            prop_assert!(whole.1, "{}", text);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
            prop_assert_eq!(transcript(pieces), whole);
            let bytewise = transcript(text.as_bytes().chunks(1));
            prop_assert_eq!(bytewise.1, true);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            transcript(bytes.chunks(7));
        }

        #[test]
        fn no_text_of_brackets_and_quotes_makes_it_panic(text in "[\\[\\]{}\",:\\\\a1 tn-]{0,60}") {
            let whole = transcript([text.as_bytes()]);
            prop_assert_eq!(transcript(text.as_bytes().chunks(1)), whole);
        }
    }
}
