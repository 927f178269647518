//! URI templates (RFC 6570), as far as it takes to tell which of them an address was made of.

use std::cmp::Reverse;

use crate::record::Text;
use crate::wire::{TOKEN_LIMIT, UriTemplate};

/// Expressions of one template; one with more is not understood.
const EXPRESSIONS: usize = 16;

/// A template that has at least one expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// As the server has written it, up to the last expression that is whole where it was cut.
    pub(super) text: Text,
    /// What an address begins with.
    start: Box<str>,
    parts: Vec<Part>,
    /// Characters that stand for themselves.
    literals: usize,
}

/// An expression and the literal text behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// What the expression begins with, unless all its variables are undefined.
    sign: Option<u8>,
    takes: Takes,
    literal: Box<str>,
}

/// What an expression may be expanded to. More than RFC 6570 says, as servers take more: an `@` or a `:` in the place of `{id}`
/// is often sent as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// What stands within one segment of a path.
    Segment,
    /// Any number of segments.
    Segments,
    /// A query.
    Query,
    Anything,
}

impl Takes {
    const fn takes(self, byte: u8) -> bool {
        match self {
            Self::Segment => !matches!(byte, b'/' | b'?' | b'#'),
            Self::Segments => !matches!(byte, b'?' | b'#'),
            Self::Query => byte != b'#',
            Self::Anything => true,
        }
    }
}

impl Template {
    /// The template that a server has told; `None` where it has no expression, or is none.
    pub(super) fn read(told: &UriTemplate) -> Option<Self> {
        let (start, mut rest) = told.text.split_once('{')?;
        let mut parts = Vec::new();
        let mut end = start.len();
        loop {
            let Some((expression, behind)) = rest.split_once('}') else {
                // What was cut off may be anything.
                return Self::of(&told.text[..end], start, parts, true).filter(|_| told.is_cut);
            };
            let (literal, next) = match behind.split_once('{') {
                Some((literal, next)) => (literal, Some(next)),
                None => (behind, None),
            };
            if literal.contains('}') || start.contains('}') || parts.len() == EXPRESSIONS {
                return None;
            }
            parts.push(Part::read(expression, literal)?);
            end += 1 + expression.len() + 1 + literal.len();
            match next {
                Some(next) => rest = next,
                None => return Self::of(&told.text, start, parts, told.is_cut),
            }
        }
    }

    fn of(text: &str, start: &str, mut parts: Vec<Part>, is_cut: bool) -> Option<Self> {
        let literals = start.chars().count() + parts.iter().map(|part| part.literal.chars().count()).sum::<usize>();
        if parts.is_empty() {
            return None;
        }
        if is_cut {
            parts.push(Part::anything());
        }
        Some(Self {
            text: text.into(),
            start: start.into(),
            parts,
            literals,
        })
    }

    /// Those with most literal characters come first, and which of two others does is the same in every process.
    pub(super) fn order(&self) -> (Reverse<usize>, &str) {
        (Reverse(self.literals), &self.text)
    }

    /// Whether `uri` can be an expansion of it. Each part looks at each byte once, and nothing is tried again: what is carried
    /// on is every place at which the parts so far can end.
    pub(super) fn matches(&self, uri: &str) -> bool {
        let Some(uri) = uri.strip_prefix(&*self.start).map(str::as_bytes) else {
            return false;
        };
        if uri.len() > TOKEN_LIMIT {
            return false;
        }
        let mut ends = [false; TOKEN_LIMIT + 1];
        ends[0] = true;
        for part in &self.parts {
            let mut next = [false; TOKEN_LIMIT + 1];
            if !part.go_on(uri, &ends, &mut next) {
                return false;
            }
            ends = next;
        }
        ends[uri.len()]
    }
}

impl Part {
    /// What was cut off.
    fn anything() -> Self {
        Self {
            sign: None,
            takes: Takes::Anything,
            literal: Box::default(),
        }
    }

    /// The part whose expression is written so, without its braces; `None` where it is none.
    fn read(expression: &str, literal: &str) -> Option<Self> {
        let operator = expression.bytes().next()?;
        let several = expression.contains('*');
        let (sign, takes) = match operator {
            b'+' => (None, Takes::Anything),
            b'#' => (Some(operator), Takes::Anything),
            b'?' | b'&' => (Some(operator), Takes::Query),
            b'/' if several || expression.contains(',') => (Some(operator), Takes::Segments),
            b'/' | b'.' | b';' => (Some(operator), Takes::Segment),
            // Reserved by RFC 6570 for operators that do not exist yet.
            b'=' | b',' | b'!' | b'@' | b'|' => return None,
            // In some frameworks the star stands for segments, and not for a list.
            _ if several => (None, Takes::Segments),
            _ => (None, Takes::Segment),
        };
        let has_names = sign.is_none() && operator != b'+' || expression.len() > 1;
        (has_names && !expression.contains('{')).then(|| Self {
            sign,
            takes,
            literal: literal.into(),
        })
    }

    /// Notes in `next` every place at which it can end where it begins at one of those in `from`; returns whether there is any.
    fn go_on(&self, uri: &[u8], from: &[bool], next: &mut [bool]) -> bool {
        let (mut is_open, mut any) = (false, false);
        for at in 0..=uri.len() {
            let begins = from[at];
            if (is_open || begins) && uri[at..].starts_with(self.literal.as_bytes()) {
                next[at + self.literal.len()] = true;
                any = true;
            }
            if let Some(&byte) = uri.get(at) {
                let takes = self.takes.takes(byte);
                is_open = is_open && takes || begins && self.sign.map_or(takes, |sign| sign == byte);
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{NAME_LIMIT, cut};

    fn told(text: &str) -> UriTemplate {
        UriTemplate {
            text: cut(text, NAME_LIMIT).into(),
            is_cut: text.len() > NAME_LIMIT,
        }
    }

    fn read(text: &str) -> Option<Template> {
        Template::read(&told(text))
    }

    #[test]
    fn an_address_matches_the_templates_that_it_can_be_made_of() {
        for (template, uri, expected) in [
            ("users://{id}/profile", "users://ada/profile", true),
            ("users://{id}/profile", "users://ada@example.org/profile", true),
            ("users://{id}/profile", "users:///profile", true),
            ("users://{id}/profile", "users://ada/b/profile", false),
            ("users://{id}/profile", "users://ada/profile/", false),
            ("users://{id}/profile", "users://ada", false),
            ("users://{id}/profile", "user://ada/profile", false),
            ("users://{id}", "users://ada?all", false),
            ("users://{a}{b}", "users://ada", true),
            ("users://{first,last}", "users://ada,lovelace", true),
            ("file:///{+path}", "file:///home/ada/plans.txt?x#y", true),
            ("file:///{path*}", "file:///home/ada/plans.txt", true),
            ("file:///{path*}", "file:///home/ada/plans.txt?x", false),
            ("file://{+path}/{name}.txt", "file:///home/ada/a.txt.txt", true),
            ("file://{+path}/{name}.txt", "file:///home/ada/a.txt/b", false),
            (
                "repo://{owner}/{repo}/contents{/path*}",
                "repo://a/b/contents/c/d",
                true,
            ),
            ("repo://{owner}/{repo}/contents{/path*}", "repo://a/b/contents", true),
            ("repo://{owner}/{repo}/contents{/path*}", "repo://a/b/contentsc", false),
            ("a:b{/c}", "a:b/c", true),
            ("a:b{/c}", "a:b/c/d", false),
            ("a:b{/c,d}", "a:b/c/d", true),
            ("a:b{.c}", "a:b.json", true),
            ("a:b{;c}", "a:b;c=1", true),
            ("a:b{#c}", "a:b#c/d?e", true),
            ("a:b{#c}", "a:bc", false),
            ("search://all{?q,page}", "search://all?q=a/b&page=2", true),
            ("search://all{?q,page}", "search://all", true),
            ("search://all{?q,page}", "search://alls", false),
            ("search://all?q=a{&page}", "search://all?q=a&page=2", true),
            ("a:{x}-{y}/{z}", "a:b-c-d/e", true),
            ("a:{x}", "a:é😀", true),
            ("{+any}", "", true),
        ] {
            let matches = read(template).is_some_and(|template| template.matches(uri));
            assert_eq!(matches, expected, "{template} and {uri}");
        }
    }

    #[test]
    fn what_is_no_template_is_none() {
        for text in [
            "",
            "file:///a",
            "a:{",
            "a:}",
            "a:{}",
            "a:{x",
            "a:x}",
            "a}:{x}",
            "a:{x}}",
            "a:{{x}}",
            "a:{+}",
            "a:{/}",
            "a:{=x}",
            "a:{|x}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read(&"{a}".repeat(EXPRESSIONS)).is_some());
        assert_eq!(read(&"{a}".repeat(EXPRESSIONS + 1)), None);
    }

    #[test]
    fn a_template_that_is_too_long_is_cut_before_the_expression_that_it_is_cut_in() {
        let long = "x".repeat(NAME_LIMIT);
        let within = format!("a:{{b}}/{}", "c".repeat(NAME_LIMIT - 9));
        for (text, expected, uri) in [
            (
                format!("a:{{b}}{long}/{{c}}"),
                format!("a:{{b}}{}", &long[5..]),
                format!("a:1{long}/2"),
            ),
            (
                format!("{within}{{name}}/d"),
                within.clone(),
                format!("{}e/d", within.replace("{b}", "1")),
            ),
            (
                format!("{within}{{+name}}"),
                within.clone(),
                format!("{}e/d", within.replace("{b}", "1")),
            ),
        ] {
            let template = read(&text).unwrap();
            assert_eq!(template.text, expected, "{text}");
            assert!(template.matches(&uri), "{text}");
            assert!(!template.matches("a:1"), "{text}");
        }
        assert_eq!(read(&format!("a:{long}{{b}}")), None, "no expression is left");
    }

    #[test]
    fn an_address_beyond_the_limit_matches_nothing() {
        let template = read("a:{+b}").unwrap();
        assert!(template.matches(&format!("a:{}", "b".repeat(TOKEN_LIMIT))));
        assert!(!template.matches(&format!("a:{}", "b".repeat(TOKEN_LIMIT + 1))));
    }

    /// A piece of a template, and what it is expanded to.
    fn piece() -> impl Strategy<Value = (String, String)> {
        const VALUE: &str = "[a-z0-9._~%-]{0,6}";
        const RESERVED: &str = "[a-z/?#:@!$&'()*+,;=%-]{0,6}";
        let simple = |operator: &'static str, sign: &'static str| {
            (VALUE, any::<bool>()).prop_map(move |(value, is_defined)| {
                let expansion = if is_defined {
                    format!("{sign}{value}")
                } else {
                    String::new()
                };
                (format!("{{{operator}v}}"), expansion)
            })
        };
        let pairs = |operator: &'static str| {
            (VALUE, VALUE).prop_map(move |(a, b)| {
                let between = if operator == ";" { ";" } else { "&" };
                (format!("{{{operator}a,b}}"), format!("{operator}a={a}{between}b={b}"))
            })
        };
        prop_oneof![
            "[a-z0-9/:?.=&-]{0,5}".prop_map(|literal| (literal.clone(), literal)),
            simple("", ""),
            simple("/", "/"),
            simple(".", "."),
            (VALUE, VALUE).prop_map(|(a, b)| ("{a,b}".to_owned(), format!("{a},{b}"))),
            (VALUE, VALUE).prop_map(|(a, b)| ("{list*}".to_owned(), format!("{a},{b}"))),
            (VALUE, VALUE).prop_map(|(a, b)| ("{/list*}".to_owned(), format!("/{a}/{b}"))),
            (VALUE, VALUE).prop_map(|(a, b)| ("{/a,b:3}".to_owned(), format!("/{a}/{b}"))),
            RESERVED.prop_map(|value| ("{+v}".to_owned(), value)),
            RESERVED.prop_map(|value| ("{#v}".to_owned(), format!("#{value}"))),
            pairs("?"),
            pairs("&"),
            pairs(";"),
        ]
    }

    proptest! {
        #[test]
        fn an_expansion_of_a_template_matches_it(pieces in proptest::collection::vec(piece(), 1..10)) {
            let template: String = pieces.iter().map(|piece| &*piece.0).collect();
            let uri: String = pieces.iter().map(|piece| &*piece.1).collect();
            let matches = read(&template).is_none_or(|template| template.matches(&uri));
            prop_assert!(matches, "{template} and {uri}");
            prop_assert_eq!(read(&template).is_some(), template.contains('{'));
        }

        #[test]
        fn any_template_and_any_address_are_survived(
            template in "(a|/|é|\\{[+#?./;]?a[*,]?\\}|[{}]){0,8}a{0,300}",
            uri in "[a/?é]{0,30}a{0,1100}",
            is_cut in any::<bool>(),
        ) {
            let told = UriTemplate { is_cut, ..told(&template) };
            if let Some(template) = Template::read(&told) {
                template.matches(&uri);
                let braces = ['{', '}'].map(|brace| template.text.matches(brace).count());
                prop_assert!(braces[0] > 0 && braces[0] == braces[1] && template.text.len() <= NAME_LIMIT);
            }
        }
    }
}
