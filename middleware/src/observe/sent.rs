//! What one side of a pipe sends, line by line.

use crate::wire::{Document, Line, Lines, Message, Side, Telling};

/// See the [module](self). Nearly every line comes whole: it is read where it stands, and nothing is kept or moved for it.
#[derive(Debug)]
pub(super) struct Sent {
    side: Side,
    telling: Telling,
    /// Reads lines that come in pieces.
    lines: Lines,
    /// The line at hand has begun in an earlier piece.
    has_begun: bool,
    /// Messages of whole lines that were not kept, beyond the limit of a batch.
    omitted: u64,
}

impl Sent {
    pub(super) fn new(side: Side, telling: Telling) -> Self {
        Self {
            side,
            telling,
            lines: Lines::new(side).telling(telling),
            has_begun: false,
            omitted: 0,
        }
    }

    /// Reads the next piece, and hands on each message that it completes with the bytes of its line.
    pub(super) fn read(&mut self, mut bytes: &[u8], hand_on: &mut dyn FnMut(&mut Message, u64)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if std::mem::take(&mut self.has_begun) {
                self.piece(line, hand_on);
                self.end_line(hand_on);
            } else {
                self.whole(line, hand_on);
            }
        }
        if !bytes.is_empty() {
            self.has_begun = true;
            self.piece(bytes, hand_on);
        }
    }

    /// Ends the line at hand, which the end of the stream does as well as a line end.
    #[cold]
    pub(super) fn end_line(&mut self, hand_on: &mut dyn FnMut(&mut Message, u64)) {
        let last = self.lines.end_line();
        messages(last, hand_on);
    }

    /// Messages beyond the limit of a batch that were not kept.
    pub(super) const fn omitted(&self) -> u64 {
        self.omitted + self.lines.omitted()
    }

    /// Blanks before a message are no part of it, and a line of nothing else is none.
    fn whole(&mut self, line: &[u8], hand_on: &mut dyn FnMut(&mut Message, u64)) {
        let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
        let mut line = &line[line.iter().take_while(is_blank).count()..];
        let bytes = line.len() as u64;
        let mut document = Document::new(self.side);
        let reader = document.reader(self.telling).filter(|_| bytes > 0);
        let Some(mut reader) = reader else {
            return;
        };
        while let Some(message) = reader.read(&mut line) {
            hand_on(message, bytes);
        }
        self.omitted += reader.omitted();
        document.give_back(reader);
    }

    #[cold]
    fn piece(&mut self, bytes: &[u8], hand_on: &mut dyn FnMut(&mut Message, u64)) {
        let lines = self.lines.push(bytes);
        messages(lines, hand_on);
    }
}

fn messages(lines: impl IntoIterator<Item = Line>, hand_on: &mut dyn FnMut(&mut Message, u64)) {
    for line in lines {
        for mut message in line.messages {
            hand_on(&mut message, line.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observe::detail::{Detail, DetailConfig};

    const TEXT: &str = "{\"id\":1,\"method\":\"ping\"}\n\r\n \n\t [{\"id\":2,\"method\":\"a\"},{\"id\":3,\"method\":\"b\"}]\r\nnot JSON\n{\"id\":4}{\"id\":5}\n[{\"id\":6},\n{\"id\":\"7\"}";

    fn sent() -> Sent {
        let telling = Detail::new(DetailConfig::default(), Default::default()).telling();
        Sent::new(Side::Request, telling)
    }

    /// Id and bytes of each message.
    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let (mut sent, mut told) = (sent(), Vec::new());
        let mut hand_on = |message: &mut Message, bytes: u64| told.push(format!("{:?} {bytes}", message.id));
        for piece in pieces {
            sent.read(piece, &mut hand_on);
        }
        sent.end_line(&mut hand_on);
        told
    }

    #[test]
    fn each_line_is_a_document_of_its_own() {
        let lines = TEXT.split_inclusive('\n').map(str::as_bytes).collect::<Vec<_>>();
        let expected = [
            r#"Some(Number("1")) 24"#,
            r#"Some(Number("2")) 46"#,
            r#"Some(Number("3")) 46"#,
            r#"Some(Number("4")) 16"#,
            r#"Some(Number("6")) 10"#,
            r#"Some(Text("7")) 10"#,
        ];
        assert_eq!(told(&lines), expected);
    }

    #[test]
    fn messages_beyond_the_limit_of_a_batch_are_counted_however_they_come() {
        let line = format!("[{}]\n", vec![r#"{"id":1,"method":"ping"}"#; 300].join(","));
        let mut sent = sent();
        sent.read(line.as_bytes(), &mut |_, _| {});
        assert_eq!(sent.omitted(), 44);
        let (first, second) = line.as_bytes().split_at(1000);
        sent.read(first, &mut |_, _| {});
        sent.read(second, &mut |_, _| {});
        assert_eq!(sent.omitted(), 88);
    }

    proptest! {
        #[test]
        fn any_split_tells_the_same(at in 0..TEXT.len(), more in 0..TEXT.len()) {
            let bytes = TEXT.as_bytes();
            let (first, second) = (at.min(more), at.max(more));
            prop_assert_eq!(told(&[&bytes[..first], &bytes[first..second], &bytes[second..]]), told(&[bytes]));
        }
    }
}
