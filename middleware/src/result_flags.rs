//! What is notable about a result without knowing what it says.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;
use smol_str::SmolStrBuilder;
use twox_hash::xxhash3_64::{DEFAULT_SECRET_LENGTH, RawHasher, SecretBuffer};

use crate::record::Text;
use crate::wire::saved_by_escapes;

/// Bytes of a result's content that are looked at; a longer one is neither compared nor measured.
const CONTENT_LIMIT: u64 = 256 * 1024;
/// Shorter results are not cut off by anybody.
const CUT_FROM: u64 = 1000;
/// So many different results of the same greatest length tell that there is a limit.
const CUTS: usize = 3;
/// Calls whose last result is remembered, and tools whose lengths are.
const CALLS: NonZeroUsize = NonZeroUsize::new(4096).expect("more than none");
const TOOLS: NonZeroUsize = NonZeroUsize::new(1024).expect("more than none");

/// Reads the bytes of a result's content as they pass, and keeps a hash and the length of the text that they stand for.
#[derive(Clone)]
pub(crate) struct ContentDigest {
    hasher: RawHasher<&'static [u8; DEFAULT_SECRET_LENGTH]>,
    bytes: u64,
    /// How much shorter the text is than its spelling in JSON.
    saved: u64,
    escaped: bool,
}

/// Hash and length of one result's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    hash: u64,
    length: u64,
}

impl Default for ContentDigest {
    fn default() -> Self {
        Self {
            hasher: RawHasher::new(SecretBuffer::default()),
            bytes: 0,
            saved: 0,
            escaped: false,
        }
    }
}

impl ContentDigest {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.bytes > CONTENT_LIMIT {
            return;
        }
        self.hasher.write(bytes);
        self.saved += saved_by_escapes(bytes, &mut self.escaped);
    }

    /// `None` where there was too much of it.
    pub(crate) fn finish(&self) -> Option<Content> {
        (self.bytes <= CONTENT_LIMIT).then(|| Content {
            hash: self.hasher.finish(),
            length: self.bytes - self.saved.min(self.bytes),
        })
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ContentDigest");
        shown.field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// How far into a text it says that it is an error.
const ERROR_WITHIN: usize = 100;

/// Whether a text, as it stands in JSON, begins like an error: in its first line a word that ends with one of these comes before
/// the first colon, as in `Database error: no such table` and `ValueError: x`.
pub(crate) fn looks_like_error(text: &[u8]) -> bool {
    const ERRORS: [&[u8]; 5] = [
        b"error",
        b"exception",
        b"failed",
        b"failure",
        b"traceback (most recent call last)",
    ];
    let beginning = &text[..text.len().min(ERROR_WITHIN)];
    let Some(colon) = memchr::memchr(b':', beginning) else {
        return false;
    };
    let said = &beginning[..colon];
    let ends_with = |word: &[u8]| {
        let end = said.len().checked_sub(word.len()).map(|from| &said[from..]);
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    // A line feed has one, and a quote, which is of something else.
    !said.contains(&b'\\') && ERRORS.iter().any(|word| ends_with(word))
}

/// What is notable; see [`crate::semconv::RESULT_FLAGS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Without any content.
    pub(crate) empty: bool,
    /// It is said to be a success, and its text looks like an error.
    pub(crate) error_text: bool,
    /// The same as the previous result of the same call.
    pub(crate) identical: bool,
    /// Its `structuredContent` is not what the tool's `outputSchema` says.
    pub(crate) schema_mismatch: bool,
    /// As long as a limit that the tool keeps to.
    pub(crate) truncated: bool,
    /// It could not be read, so that its status alone tells how the call ended.
    pub(crate) unread: bool,
}

impl Flags {
    /// The names of those that are set, sorted, with commas between.
    pub(crate) fn names(self) -> Text {
        let set = [
            self.empty,
            self.error_text,
            self.identical,
            self.schema_mismatch,
            self.truncated,
            self.unread,
        ];
        let mut names = SmolStrBuilder::new();
        for (name, _) in crate::semconv::RESULT_FLAGS.iter().zip(set).filter(|(_, set)| *set) {
            if !names.is_empty() {
                names.push(',');
            }
            names.push_str(name);
        }
        names.finish()
    }
}

/// Remembers earlier results, up to a limit: of each call the last, of each tool the longest.
#[derive(Debug)]
pub(crate) struct Results(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    /// By the hash of tool and arguments.
    last: LruCache<u64, u64>,
    keys: lru::DefaultHasher,
    longest: LruCache<Box<str>, Longest>,
}

/// What earlier results tell of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// The same call had the same one before.
    pub(crate) identical: bool,
    /// It is as long as a limit.
    pub(crate) truncated: bool,
    /// How much made room for it.
    pub(crate) forgotten: u64,
}

/// The longest results of a tool.
#[derive(Debug, Default)]
struct Longest {
    length: u64,
    /// Hashes of different results of that length.
    results: Vec<u64>,
    /// A shorter result has been seen, so the tool's results are not all of one length.
    varies: bool,
}

impl Default for Results {
    fn default() -> Self {
        Self(Mutex::new(Seen {
            last: LruCache::new(CALLS),
            keys: lru::DefaultHasher::default(),
            longest: LruCache::new(TOOLS),
        }))
    }
}

impl Results {
    /// Compares the content with earlier ones, and remembers it.
    ///
    /// A tool keeps to a limit if at least three different results had the same length of at least 1000 bytes, none was
    /// longer and some were shorter.
    pub(crate) fn compare(&self, tool: &str, arguments: Option<u64>, content: Content) -> Compared {
        let Ok(mut seen) = self.0.lock() else {
            return Compared::default();
        };
        let call = arguments.map(|hash| seen.keys.hash_one((tool, hash)));
        let last = call.and_then(|call| Some((call, seen.last.push(call, content.hash)?)));
        let made_room = last.is_some_and(|(call, (old, _))| old != call);
        let mut compared = Compared {
            identical: last.is_some_and(|(_, (_, hash))| hash == content.hash) && !made_room,
            truncated: false,
            forgotten: u64::from(made_room),
        };
        compared.truncated = if let Some(longest) = seen.longest.get_mut(tool) {
            longest.is_reached_by(content)
        } else {
            let mut longest = Longest::default();
            let is_reached = longest.is_reached_by(content);
            compared.forgotten += u64::from(seen.longest.push(tool.into(), longest).is_some());
            is_reached
        };
        compared
    }
}

impl Longest {
    fn is_reached_by(&mut self, content: Content) -> bool {
        if content.length > self.length {
            self.varies |= self.length > 0;
            self.length = content.length;
            self.results.clear();
        }
        if content.length < self.length {
            self.varies = true;
            return false;
        }
        if self.results.len() < CUTS && !self.results.contains(&content.hash) {
            self.results.push(content.hash);
        }
        self.varies && self.length >= CUT_FROM && self.results.len() == CUTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        let json = serde_json::to_vec(text).unwrap();
        let mut digest = ContentDigest::default();
        json.chunks(3).for_each(|piece| digest.push(piece));
        digest.finish().unwrap()
    }

    #[test]
    fn only_the_same_call_s_previous_result_is_identical() {
        let results = Results::default();
        let identical = |tool, arguments, text: &str| results.compare(tool, arguments, content(text)).identical;
        assert!(!identical("a", Some(1), "x"));
        assert!(identical("a", Some(1), "x"));
        assert!(!identical("a", Some(2), "x"), "other arguments");
        assert!(!identical("b", Some(1), "x"), "another tool");
        assert!(!identical("a", Some(1), "y"));
        assert!(!identical("a", Some(1), "x"), "not the previous one");
        assert!(!identical("a", None, "x"));
        assert!(!identical("a", None, "x"), "nothing is known of the arguments");
    }

    #[test]
    fn a_limit_is_seen_once_several_results_have_reached_it() {
        let cut = |letter: &str, length: usize| letter.repeat(length);
        let flags = |texts: &[String]| -> Vec<bool> {
            let results = Results::default();
            texts
                .iter()
                .map(|text| results.compare("a", None, content(text)).truncated)
                .collect()
        };
        let at_limit = [
            cut("a", 10),
            cut("b", 2000),
            cut("\n", 2000),
            cut("\u{1}", 2000),
            cut("e", 1999),
            cut("f", 2000),
        ];
        assert_eq!(flags(&at_limit), [false, false, false, true, false, true]);
        let short = [cut("a", 10), cut("b", 20), cut("c", 20), cut("d", 20)];
        assert_eq!(flags(&short), [false; 4]);
        let fixed = [cut("b", 2000), cut("c", 2000), cut("d", 2000), cut("e", 2000)];
        assert_eq!(flags(&fixed), [false; 4], "all of one length");
        let same = [
            cut("a", 10),
            cut("b", 2000),
            cut("b", 2000),
            cut("b", 2000),
            cut("b", 2000),
        ];
        assert_eq!(flags(&same), [false; 5], "one result again and again");
        let growing = [
            cut("a", 10),
            cut("b", 2000),
            cut("c", 2000),
            cut("d", 2001),
            cut("e", 2001),
        ];
        assert_eq!(flags(&growing), [false; 5]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn what_makes_room_is_counted_and_what_comes_again_is_not() {
        let results = Results::default();
        let content = content("x");
        let forgotten = |tool: usize, arguments: usize| {
            let compared = results.compare(&tool.to_string(), Some(arguments as u64), content);
            compared.forgotten
        };
        assert_eq!(
            (0..CALLS.get()).map(|arguments| forgotten(0, arguments)).sum::<u64>(),
            0
        );
        assert_eq!(forgotten(0, 1), 0, "it is there");
        assert_eq!(forgotten(0, CALLS.get()), 1);
        assert_eq!(
            (1..TOOLS.get()).map(|tool| forgotten(tool, 0)).sum::<u64>(),
            1023,
            "of calls"
        );
        assert_eq!(forgotten(TOOLS.get(), 0), 2, "of a call and of a tool");
        let last = results.compare("0", Some(2), content);
        assert!(!last.identical, "it made room");
    }

    #[test]
    fn a_text_that_begins_like_an_error_looks_like_one() {
        for (text, expected) in [
            ("Database error: no such table: users", true),
            ("Error: x", true),
            ("ValueError: invalid literal", true),
            ("java.lang.NullPointerException: x", true),
            (r"Traceback (most recent call last):\n  File", true),
            ("Query failed: timeout", true),
            ("error", false),
            ("An error is a mistake: so it is said", false),
            (r"Log of today\nError: x", false),
            (r#"{\"error\":null}"#, false),
            ("https://example.com/error: x", false),
            ("", false),
        ] {
            assert_eq!(looks_like_error(text.as_bytes()), expected, "{text}");
        }
        let late = format!("{} error: x", "x".repeat(ERROR_WITHIN));
        assert!(!looks_like_error(late.as_bytes()));
    }

    #[test]
    fn what_is_too_long_is_not_judged() {
        let mut digest = ContentDigest::default();
        digest.push(&vec![b'x'; CONTENT_LIMIT as usize]);
        assert!(digest.finish().is_some());
        digest.push(b"x");
        assert_eq!(digest.finish(), None);
    }

    #[test]
    fn names_are_those_of_the_convention() {
        assert_eq!(Flags::default().names(), "");
        let all = Flags {
            empty: true,
            error_text: true,
            identical: true,
            schema_mismatch: true,
            truncated: true,
            unread: true,
        };
        assert_eq!(all.names(), crate::semconv::RESULT_FLAGS.join(","));
        let one = Flags {
            truncated: true,
            ..Flags::default()
        };
        assert_eq!(one.names(), "truncated");
    }
}
