//! Messages that stand on lines of their own, read as they arrive: the framing of stdio.

use super::{ANSWERS_LIMIT, Message, Reader, Side, Telling};

/// A stream of lines, each of them one message or a batch.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: Reader,
    /// Of the line at hand.
    messages: Vec<Message>,
    bytes: u64,
    /// Messages beyond [`ANSWERS_LIMIT`] of their line.
    omitted: u64,
}

/// A line that has come to its end.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) messages: Vec<Message>,
    /// Its bytes, from the first that is not blank to the one before the line feed.
    pub(crate) bytes: u64,
}

impl Lines {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            reader: Reader::new(side),
            messages: Vec::new(),
            bytes: 0,
            omitted: 0,
        }
    }

    /// Tells this of arguments and results too.
    pub(crate) fn telling(mut self, telling: Telling) -> Self {
        self.reader = self.reader.telling(telling);
        self
    }

    /// Reads the next piece and returns the lines that it completes, without those that are blank.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.part(&bytes[..end]);
            bytes = &bytes[end + 1..];
            lines.extend(self.end_line());
        }
        self.part(bytes);
        lines
    }

    /// Ends the line at hand, which the end of the stream does as well as a line end.
    pub(crate) fn end_line(&mut self) -> Option<Line> {
        let bytes = std::mem::take(&mut self.bytes);
        let messages = std::mem::take(&mut self.messages);
        // What is not JSON is no message and no error either.
        self.reader.finish();
        (bytes > 0).then_some(Line { messages, bytes })
    }

    /// Messages beyond the limit of a batch or a line that were not kept.
    pub(crate) const fn omitted(&self) -> u64 {
        self.reader.omitted() + self.omitted
    }

    fn part(&mut self, bytes: &[u8]) {
        // Blanks before a message are no part of it, however they come, and a line of nothing else is none.
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let blank = bytes
            .iter()
            .take_while(|byte| self.bytes == 0 && is_blank(byte))
            .count();
        let mut bytes = &bytes[blank..];
        self.bytes += bytes.len() as u64;
        while let Some(message) = self.reader.read(&mut bytes) {
            if self.messages.len() < ANSWERS_LIMIT {
                self.messages.push(std::mem::take(message));
            } else {
                self.omitted += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "{\"id\":1,\"method\":\"ping\"}\n\r\n \n[{\"id\":2,\"method\":\"a\"},{\"id\":3,\"method\":\"b\"}]\r\nnot JSON\n{\"id\":4";

    fn told(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<usize> {
        let mut lines = Lines::new(Side::Request);
        let mut told: Vec<_> = pieces
            .into_iter()
            .flat_map(|piece| lines.push(piece.as_ref()))
            .collect();
        told.extend(lines.end_line());
        told.iter().map(|line| line.messages.len()).collect()
    }

    #[test]
    fn each_line_is_a_document_of_its_own() {
        assert_eq!(told([TEXT]), [1, 2, 0, 0]);
        let mut lines = Lines::new(Side::Request);
        assert_eq!(lines.push(b"{\"id\":1}\n")[0].bytes, 8);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn answers_beyond_the_limit_of_a_line_are_counted() {
        let line = format!("[{}]\n", vec![r#"{"id":1,"result":{}}"#; ANSWERS_LIMIT + 5].join(","));
        let mut lines = Lines::new(Side::Answer);
        let read = lines.push(line.as_bytes());
        assert_eq!((read[0].messages.len(), lines.omitted()), (ANSWERS_LIMIT, 5));
    }

    proptest! {
        #[test]
        fn any_split_tells_the_same(at in 0..TEXT.len(), more in 0..TEXT.len()) {
            let bytes = TEXT.as_bytes();
            let (first, second) = (at.min(more), at.max(more));
            prop_assert_eq!(told([&bytes[..first], &bytes[first..second], &bytes[second..]]), told([bytes]));
        }
    }
}
