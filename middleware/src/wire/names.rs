//! Names that come again and again: of tools, of arguments, of clients.

use super::scalars::name;
use super::visitor::Quoted;
use crate::record::Text;

/// Names that are remembered.
const NAMES: usize = 32;

/// Remembers the names that were read last, so that one that comes again is neither checked nor made again, and a long one
/// is shared.
#[derive(Debug, Default)]
pub(super) struct Names([Text; NAMES]);

impl Names {
    pub(super) fn of(&mut self, text: Quoted<'_>) -> Text {
        let [first, .., last] = text.bytes else {
            return name(text);
        };
        let place = text.bytes.len() + usize::from(*first) + 5 * usize::from(*last);
        let known = &mut self.0[place % NAMES];
        // Of what has escapes or is cut, none is remembered that looks the same.
        if !text.plain || known.as_bytes() != text.bytes {
            *known = name(text);
        }
        known.clone()
    }
}
