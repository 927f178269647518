//! Tokens that are long, have escapes, or come in more than one piece.

use super::TOKEN_LIMIT;
use super::literal;
use super::scan::{Inside, Scanner};
use super::skip::{Containers, string_end};
use super::visitor::{Quoted, Scalar, Visitor};

impl<M: Copy> Scanner<M> {
    /// Reads on in the token that the last piece has left open.
    #[inline(never)]
    pub(super) fn resume<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        match self.inside {
            Inside::Nothing => bytes,
            Inside::Text { key, escaped } => self.far_text(bytes, key, escaped, visitor),
            Inside::Literal => self.resume_literal(bytes, visitor),
            Inside::Skip(containers) => self.skip(bytes, containers),
            Inside::SkipString { escaped } => self.skip_string(bytes, escaped),
            Inside::Lost => &[],
        }
    }

    /// Reads on in a string that is kept.
    #[inline(never)]
    pub(super) fn far_text<'a>(
        &mut self,
        bytes: &'a [u8],
        key: bool,
        mut escaped: bool,
        visitor: &mut impl Visitor<Member = M>,
    ) -> &'a [u8] {
        let Some(end) = string_end(bytes, &mut escaped) else {
            self.keep_text(bytes, key, visitor);
            self.inside = Inside::Text { key, escaped };
            return &[];
        };
        self.inside = Inside::Nothing;
        if self.token.is_empty() {
            // What came in one piece need not be kept.
            let (token, beyond) = bytes[..end].split_at(end.min(TOKEN_LIMIT));
            self.beyond(beyond, key, visitor);
            self.end_text(token, key, visitor);
        } else {
            self.keep_text(&bytes[..end], key, visitor);
            let mut token = std::mem::take(&mut self.token);
            self.end_text(&token, key, visitor);
            token.clear();
            self.token = token;
        }
        &bytes[end + 1..]
    }

    fn end_text(&mut self, bytes: &[u8], key: bool, visitor: &mut impl Visitor<Member = M>) {
        let plain = false;
        let text = Quoted { bytes, plain };
        if key {
            self.wanted = visitor.key(text);
        } else if let Some(member) = self.wanted {
            visitor.scalar(member, Scalar::String(text));
        }
    }

    /// Keeps a literal that the piece does not end.
    #[cold]
    pub(super) fn cut_literal<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.keep(bytes);
        self.inside = Inside::Literal;
        &[]
    }

    fn resume_literal<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        let Some(end) = literal::end(bytes) else {
            return self.cut_literal(bytes);
        };
        self.keep(&bytes[..end]);
        let mut token = std::mem::take(&mut self.token);
        let rest = self.end_literal(&token, &bytes[end..], visitor);
        token.clear();
        self.token = token;
        rest
    }

    #[inline(never)]
    pub(super) fn skip_string<'a>(&mut self, bytes: &'a [u8], mut escaped: bool) -> &'a [u8] {
        let end = string_end(bytes, &mut escaped);
        self.inside = match end {
            Some(_) => Inside::Nothing,
            None => Inside::SkipString { escaped },
        };
        end.map_or(&[], |end| &bytes[end + 1..])
    }

    #[inline(never)]
    pub(super) fn skip<'a>(&mut self, bytes: &'a [u8], mut containers: Containers) -> &'a [u8] {
        let rest = containers.skip(bytes);
        self.inside = match rest {
            Some(_) => Inside::Nothing,
            None => Inside::Skip(containers),
        };
        rest.unwrap_or_default()
    }

    fn keep_text(&mut self, bytes: &[u8], key: bool, visitor: &mut impl Visitor<Member = M>) {
        let beyond = self.keep(bytes);
        self.beyond(beyond, key, visitor);
    }

    fn beyond(&self, bytes: &[u8], key: bool, visitor: &mut impl Visitor<Member = M>) {
        if let Some(member) = self.wanted
            && !key
            && !bytes.is_empty()
        {
            visitor.beyond(member, bytes);
        }
    }

    /// Returns what there is no room for.
    fn keep<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = TOKEN_LIMIT.saturating_sub(self.token.len());
        let (token, beyond) = bytes.split_at(bytes.len().min(room));
        self.token.extend_from_slice(token);
        beyond
    }
}
