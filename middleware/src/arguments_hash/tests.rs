use proptest::prelude::*;

use super::literals::NUMBER_LIMIT;
use super::*;

fn hash(json: &[u8]) -> Option<u64> {
    let mut hash = CanonicalHash::new(Secret::derive(&[7; 32], "test"));
    hash.push(json);
    hash.finish()
}

#[test]
fn spellings_of_one_value_hash_alike_and_values_differ() {
    // Each line is one value in several spellings.
    let values: &[&[&str]] = &[
        &["{}", " { } "],
        &["[]", "[ ]"],
        &["null", " null\n"],
        &["true"],
        &["false"],
        &[r#""""#],
        &["0", "-0", "0.0", "0e7", "-0.00E-3"],
        &["1", "1.0", "10e-1", "0.1e1", "1E+0", "100e-2"],
        &["-1", "-1.000"],
        &["100", "1e2", "1.0e+02"],
        &["0.1", "1e-1", "0.10"],
        &["10"],
        &[r#""1""#],
        &[r#""é""#, r#""\u00e9""#, r#""\u00E9""#],
        &[r#""😀""#, r#""\ud83d\ude00""#],
        &[r#""\ud83d""#],
        &[r#""\ud83d\ud83d""#],
        &[r#""\ude00""#],
        &[r#""\n""#, r#""\u000a""#],
        &[r#""\\n""#],
        &[r#""a/b""#, r#""a\/b""#],
        &[
            r#"{"a":1,"b":[2,{"c":null}]}"#,
            r#"{ "b" : [ 2.0 , {"c":null} ] , "\u0061" : 1e0 }"#,
        ],
        &[r#"{"a":1,"b":[{"c":null},2]}"#],
        &[r#"{"b":1,"a":[2,{"c":null}]}"#],
        &[r#"{"a":1}"#],
        &[r#"{"a":1,"a":1}"#],
        &[r#"{"a":{"b":1}}"#],
        &[r#"{"a":[["b",1]]}"#],
        &["[1,2]"],
        &["[12]"],
        &["[[1],2]"],
        &["[1,[2]]"],
        &["[null]"],
        &["[[]]"],
        &["[{}]"],
    ];
    let mut seen = std::collections::HashMap::new();
    for spellings in values {
        let first = hash(spellings[0].as_bytes());
        assert!(first.is_some(), "{}", spellings[0]);
        for spelling in *spellings {
            assert_eq!(hash(spelling.as_bytes()), first, "{spelling}");
        }
        assert_eq!(seen.insert(first, spellings[0]), None, "{}", spellings[0]);
    }
    assert_eq!(
        hash(b"{}"),
        Some(CanonicalHash::of_nothing(Secret::derive(&[7; 32], "test")))
    );
}

#[test]
fn what_is_no_json_has_no_hash() {
    let deep = "[".repeat(DEPTH_LIMIT + 1) + &"]".repeat(DEPTH_LIMIT + 1);
    for json in [
        "",
        "{",
        r#"{"a"}"#,
        r#"{"a":}"#,
        "[1,]",
        "tru",
        "1.2.3",
        "1e",
        "-",
        r#""\x""#,
        r#""\u00g0""#,
        "1 2",
        "[}",
        &deep,
    ] {
        assert_eq!(hash(json.as_bytes()), None, "{json}");
    }
}

#[test]
fn long_numbers_are_compared_as_they_are_written() {
    let long = |last: &str| format!("[{}{last}]", "1".repeat(200));
    assert!(hash(long("1").as_bytes()).is_some());
    assert_eq!(hash(long("1").as_bytes()), hash(long("1").as_bytes()));
    assert_ne!(hash(long("1").as_bytes()), hash(long("2").as_bytes()));
    assert_ne!(hash(long("1").as_bytes()), hash(long("1.0").as_bytes()));
}

#[test]
fn a_long_literal_is_the_same_in_any_pieces() {
    for begin in ["1", "-1", "0.", "-", "t", "false", "null"] {
        for length in [1, NUMBER_LIMIT - 1, NUMBER_LIMIT, NUMBER_LIMIT + 1, 3 * NUMBER_LIMIT] {
            let json = format!("[{begin:0<length$}]");
            let expected = hash(json.as_bytes());
            let is_word = begin.starts_with(['t', 'f', 'n']);
            assert!(expected.is_none() || !is_word || length <= begin.len(), "{json}");
            for size in 1..json.len() {
                let mut pieces = CanonicalHash::new(Secret::derive(&[7; 32], "test"));
                json.as_bytes().chunks(size).for_each(|piece| pieces.push(piece));
                assert_eq!(pieces.finish(), expected, "{json} in pieces of {size}");
            }
        }
    }
}

#[test]
fn the_hash_depends_on_the_secret_and_its_purpose() {
    let of = |key: u8, purpose| {
        let mut hash = CanonicalHash::new(Secret::derive(&[key; 32], purpose));
        hash.push(br#"{"pin":1234}"#);
        hash.finish().unwrap()
    };
    assert_ne!(of(1, "arguments"), of(2, "arguments"));
    assert_ne!(of(1, "arguments"), of(1, "chains"));
}

type Members = Vec<(Vec<u8>, Vec<u8>)>;

/// What is read in one turn, if it can be, with the members that are told and how much of `json` is read.
fn whole(json: &[u8]) -> Option<(u64, Members, usize)> {
    let mut told = Vec::new();
    let secret = Secret::derive(&[7; 32], "test");
    let read = object(secret, json, &mut |key, value| {
        told.push((key.to_vec(), value.to_vec()));
    });
    read.map(|(hash, rest)| (hash, told, json.len() - rest.len()))
}

#[test]
fn an_object_is_read_in_one_turn_or_left() {
    let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(1000));
    for (json, members) in [
        ("{}", &[][..]),
        (" {}", &[]),
        (r#"{"a":1}"#, &[("a", "1")]),
        (
            r#"{ "a": "b" ,"c":[1, {"d":-1.50}, true ] , "":{} }"#,
            &[("a", r#""b""#), ("c", r#"[1, {"d":-1.50}, true ]"#), ("", "{}")],
        ),
        (r#"{"a":10,"b":1e2,"a":0}"#, &[("a", "10"), ("b", "1e2"), ("a", "0")]),
        (&deep(16), &[("a", &deep(16)[5..37])]),
        (&long, &[("a", &long[5..1007])]),
    ] {
        let json = json.trim_start();
        let followed = json.to_owned() + ",{";
        let (found, told, read) = whole(followed.as_bytes()).unwrap();
        let told: Vec<_> = told.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        let members: Vec<_> = members
            .iter()
            .map(|(key, value)| (key.as_bytes(), value.as_bytes()))
            .collect();
        assert_eq!((Some(found), read), (hash(json.as_bytes()), json.len()), "{json}");
        assert_eq!(told, members, "{json}");
    }
    for json in [
        "",
        "[]",
        "{",
        r#"{"a"}"#,
        r#"{"a":1"#,
        r#"{"a":1,}"#,
        r#"{"a":1]"#,
        r#"{"a":tru}"#,
        r#"{"a":1.2.3}"#,
        r#"{"a":"b\n"}"#,
        r#"{"a" :1}"#,
        &deep(17),
    ] {
        assert_eq!(whole(json.as_bytes()), None, "{json}");
    }
}

/// A value to be written in many ways; numbers are whole multiples of a thousandth.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Literal(&'static str),
    Number(i32),
    Text(String),
    Array(Vec<Json>),
    Object(std::collections::BTreeMap<String, Json>),
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false"]).prop_map(Json::Literal),
        any::<i32>().prop_map(Json::Number),
        "\\PC{0,6}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..5).prop_map(Json::Object),
        ]
    })
}

/// Writes `value` with choices drawn from `seed`.
fn write(value: &Json, seed: &mut u64, out: &mut String) {
    let mut draw = |below: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) % below
    };
    let space = ["", " ", "\n\t", "\r "][draw(4) as usize];
    out.push_str(space);
    match value {
        Json::Literal(text) => out.push_str(text),
        Json::Number(thousandths) => {
            let whole = i64::from(*thousandths);
            match draw(3) {
                0 => out.push_str(&format!("{whole}e-3")),
                1 => out.push_str(&format!("{whole}0E-4")),
                _ => {
                    let sign = if whole < 0 { "-" } else { "" };
                    out.push_str(&format!("{sign}{}.{:03}", whole.abs() / 1000, whole.abs() % 1000));
                }
            }
        }
        Json::Text(text) => write_text(text, draw(2) == 0, out),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(element, seed, out);
            }
            out.push_str(space);
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let by = if members.is_empty() {
                0
            } else {
                draw(members.len() as u64) as usize
            };
            members.rotate_left(by);
            let escaped = draw(2) == 0;
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_text(key, escaped, out);
                out.push_str(space);
                out.push(':');
                write(member, seed, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, escaped: bool, out: &mut String) {
    if escaped {
        out.push('"');
        text.encode_utf16()
            .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).unwrap());
    }
}

proptest! {
    #[test]
    fn what_is_read_in_one_turn_hashes_as_in_pieces(value in json(), seed in any::<u64>(), end in 0_usize..400) {
        let mut text = String::new();
        write(&value, &mut { seed }, &mut text);
        let json = text.trim_start().as_bytes();
        if let Some((found, _, read)) = whole(json) {
            prop_assert_eq!((Some(found), read), (hash(json), json.trim_ascii_end().len()), "{}", text);
        }
        // What is cut off is not taken for whole.
        let cut = &json[..end.min(json.trim_ascii_end().len().saturating_sub(1))];
        prop_assert_eq!(whole(cut), None);
    }

    #[test]
    fn any_bytes_that_are_read_in_one_turn_hash_as_in_pieces(bytes in prop::collection::vec(prop::sample::select(
        br#"{}[]:,"\u0d8 1e.-tfn"#.to_vec()), 0..40)) {
        let json = [b"{\"a\":", &bytes[..]].concat();
        if let Some((found, _, read)) = whole(&json) {
            prop_assert_eq!(Some(found), hash(&json[..read]));
        }
    }

    #[test]
    fn any_spelling_of_the_same_value_hashes_alike(value in json(), seeds in any::<[u64; 2]>(), piece in 1_usize..9) {
        let [first, second] = seeds.map(|mut seed| {
            let mut text = String::new();
            write(&value, &mut seed, &mut text);
            text
        });
        let mut pieces = CanonicalHash::new(Secret::derive(&[7; 32], "test"));
        second.as_bytes().chunks(piece).for_each(|piece| pieces.push(piece));
        let whole = hash(first.as_bytes());
        prop_assert!(whole.is_some(), "{first}");
        prop_assert_eq!(whole, pieces.finish(), "{} {}", first, second);
    }

    #[test]
    fn different_values_hash_differently(one in json(), other in json()) {
        let [first, second] = [&one, &other].map(|value| {
            let mut text = String::new();
            write(value, &mut 1, &mut text);
            text
        });
        prop_assert_eq!(one == other, hash(first.as_bytes()) == hash(second.as_bytes()), "{} {}", first, second);
    }

    #[test]
    fn any_bytes_in_any_pieces_end_in_the_same(bytes in prop::collection::vec(prop::sample::select(
        br#"{}[]:,"\u0d8 1e.-tfn"#.to_vec()), 0..40), piece in 1_usize..5) {
        let mut pieces = CanonicalHash::new(Secret::derive(&[7; 32], "test"));
        bytes.chunks(piece).for_each(|piece| pieces.push(piece));
        prop_assert_eq!(pieces.finish(), hash(&bytes));
    }
}
