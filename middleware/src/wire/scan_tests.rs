//! The scanner against tables, random documents and random bytes.

use super::*;
use proptest::prelude::*;

/// Containers that it walks into.
const DEPTH: usize = 4;

/// Writes down everything, wanting whatever its `skip` key does not name.
#[derive(Default)]
struct Transcript {
    text: String,
    open: Vec<bool>,
}

impl Visitor for Transcript {
    type Member = ();
    fn element(&mut self) -> Option<()> {
        self.text.push('.');
        Some(())
    }
    fn key(&mut self, key: Quoted<'_>) -> Option<()> {
        self.text += &format!("{}:", String::from_utf8_lossy(key.bytes));
        (key.bytes != b"skip").then_some(())
    }
    fn scalar(&mut self, (): (), scalar: Scalar<'_>) {
        self.text += &match scalar {
            Scalar::String(text) => format!("'{}' ", String::from_utf8_lossy(text.bytes)),
            Scalar::Literal(text) => format!("{} ", String::from_utf8_lossy(text)),
        };
    }
    fn enter<'a>(&mut self, (): (), object: bool, _bytes: &'a [u8]) -> Entered<'a> {
        if self.open.len() == DEPTH {
            self.text += "deep ";
            return Entered::Skip;
        }
        self.open.push(object);
        self.text.push('<');
        Entered::Walk
    }
    fn leave(&mut self) -> Left {
        self.open.pop();
        self.text.push('>');
        Left::Nothing
    }
    fn is_in_object(&self) -> bool {
        self.open.last() == Some(&true)
    }
    fn is_outside(&self) -> bool {
        self.open.is_empty()
    }
}

fn transcript<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, bool) {
    let (mut scanner, mut seen) = (Scanner::new(), Transcript::default());
    for piece in pieces {
        scanner.push(piece, &mut seen);
    }
    let whole = scanner.finish(&mut seen);
    (seen.text, whole)
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
        (r#"[{"a":[[[1,{}]],2]}]"#, ".<.<a:<.<.deep >.2 >>>"),
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
            proptest::collection::vec(("(skip|kind|[a-z\"\\\\]{0,3})", inner), 0..6)
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
