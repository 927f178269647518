//! Event streams in every form, whole and in pieces.

use super::*;
use crate::wire::oracle::Kept;
use proptest::prelude::*;

fn ids(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<String> {
    let mut stream = EventStream::new();
    pieces
        .into_iter()
        .flat_map(|piece| stream.push(piece.as_ref()))
        .flat_map(|event| event.messages)
        .map(|message| message.id.map_or_else(|| "-".to_owned(), |id| id.into_text().into()))
        .collect()
}

const EVENTS: &[(&str, &str, &[&str])] = &[
    ("no event field", "data: {\"id\":1}\n\n", &["1"]),
    ("an event field", "event: message\ndata: {\"id\":1}\n\n", &["1"]),
    ("no space", "data:{\"id\":1}\n\n", &["1"]),
    (
        "carriage returns",
        "data: {\"id\":1}\r\rdata: {\"id\":2}\r\r",
        &["1", "2"],
    ),
    (
        "both line ends",
        "data: {\"id\":1}\r\n\r\ndata: {\"id\":2}\r\n\r\n",
        &["1", "2"],
    ),
    ("several data lines", "data: {\"id\"\ndata: :1}\n\n", &["1"]),
    ("a priming event", "id: 3\ndata:\n\ndata: {\"id\":1}\n\n", &["1"]),
    ("comments", ": keep-alive\n\n:\n\ndata: {\"id\":1}\n\n", &["1"]),
    (
        "an endpoint",
        "event: endpoint\ndata: /message?sessionId=1\n\ndata: {\"id\":1}\n\n",
        &["1"],
    ),
    (
        "a field that starts like data",
        "database: {\"id\":9}\ndat: {\"id\":8}\ndata: {\"id\":1}\n\n",
        &["1"],
    ),
    (
        "an event that never ends",
        "data: {\"id\":1}\n\ndata: {\"id\":2}\n",
        &["1"],
    ),
    ("a retry line", "retry: 3000\ndata: {\"id\":1}\n\n", &["1"]),
];

#[test]
fn events_are_read_in_every_form() {
    for (name, text, expected) in EVENTS {
        assert_eq!(&ids([text]), expected, "{name}");
        assert_eq!(&ids(text.as_bytes().chunks(1)), expected, "{name}, byte by byte");
    }
}

#[test]
fn the_first_event_may_give_an_address() {
    for (text, expected) in [
        (
            "event: endpoint\ndata: /message?sessionId=1\n\n",
            Some("/message?sessionId=1"),
        ),
        ("data: /message\nevent: endpoint\n\n", Some("/message")),
        ("event: message\ndata: {}\n\nevent: endpoint\ndata: /late\n\n", None),
        ("data: {}\n\n", None),
    ] {
        let mut stream = EventStream::begin(Telling::default(), true);
        let events = text.as_bytes().iter().flat_map(|byte| stream.push(&[*byte]));
        let address = events.filter_map(|event| event.endpoint).next();
        assert_eq!(address.as_deref(), expected, "{text}");
    }
    let events = EventStream::new().push(b"event: endpoint\ndata: /message\n\n");
    assert!(events.is_empty(), "nobody asked");
}

#[test]
fn events_tell_their_size_and_id() {
    let events = EventStream::new().push(b"id: 3\ndata: {\"id\":1}\n\ndata: {\"id\":22}\n\n");
    let told = |event: &Kept| (event.bytes, event.end, event.id.clone());
    let told: Vec<_> = events.iter().map(told).collect();
    assert_eq!(told, [(8, 22, Some(b"3".to_vec())), (9, 39, None)]);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn answers_beyond_the_limit_of_an_event_are_counted() {
    let event = |count| format!("data: [{}]\n\n", vec![r#"{"id":1,"result":{}}"#; count].join(","));
    let mut stream = EventStream::new();
    for (count, kept, omitted) in [(2, 2, 0), (ANSWERS_LIMIT + 5, ANSWERS_LIMIT, 5), (2, 2, 5)] {
        let events = stream.push(event(count).as_bytes());
        assert_eq!((events[0].messages.len(), stream.omitted()), (kept, omitted), "{count}");
    }
}

/// Events of one line each, which have the ids 0, 1 and so on.
fn numbered(count: usize) -> (String, Vec<usize>) {
    let mut text = String::new();
    let mut ends = Vec::new();
    for id in 0..count {
        text += &format!("id: {id}\ndata: {{\"id\":{id}}}\n\n");
        ends.push(text.len());
    }
    (text, ends)
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn behind_bytes_that_were_left_out_each_whole_event_but_at_most_one_is_read() {
    let (text, ends) = numbered(6);
    for from in 0..=text.len() {
        for to in from..=text.len() {
            let mut stream = EventStream::begin(Telling::default(), false);
            let mut told = stream.push(&text.as_bytes()[..from]);
            stream.skip(to - from);
            told.extend(stream.push(&text.as_bytes()[to..]));
            assert!(told.iter().all(|event| ends.contains(&(event.end as usize))));
            let ids: Vec<_> = told.into_iter().flat_map(|event| event.messages).collect();
            let ids: Vec<_> = ids.into_iter().map(|message| message.id.unwrap().into_text()).collect();
            // What is in the midst of an event goes on until a line that is blank, as seen from there.
            let read_from = text[to..].find("\n\n").map_or(text.len(), |at| to + at + 2);
            let expected = (0..6).filter(|&id| ends[id] <= from || (id > 0 && ends[id - 1] >= read_from));
            let expected: Vec<_> = expected.map(|id| id.to_string()).collect();
            assert_eq!(ids, expected, "without {from} to {to}");
        }
    }
}

#[test]
fn an_address_is_none_where_not_all_of_its_event_was_read() {
    let text = "event: endpoint\ndata: /message?1\n\nevent: endpoint\ndata: /message?2\n\n";
    let mut stream = EventStream::begin(Telling::default(), true);
    let mut told = stream.push(&text.as_bytes()[..25]);
    stream.skip(2);
    told.extend(stream.push(&text.as_bytes()[27..]));
    let told: Vec<_> = told.into_iter().map(|event| event.endpoint).collect();
    assert_eq!(told, [Some("/message?2".into())]);
}

proptest! {
    #[test]
    fn any_split_tells_the_same(which in 0..EVENTS.len(), at in 0usize..80, more in 0usize..80) {
        let bytes = EVENTS[which].1.as_bytes();
        let (first, second) = (at.min(bytes.len()), more.min(bytes.len()));
        let (first, second) = (first.min(second), first.max(second));
        prop_assert_eq!(ids([&bytes[..first], &bytes[first..second], &bytes[second..]]), ids([bytes]));
    }

    #[test]
    fn any_bytes_read_in_pieces_as_whole(bytes in "(id: 1|data|:| |\\{\"id\":[12]\\}|\r|\n|.){0,60}", size in 1usize..40) {
        crate::wire::oracle::same_events_in_pieces(bytes.as_bytes(), size);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        crate::wire::oracle::same_events_in_pieces(&bytes, 5);
    }
}
