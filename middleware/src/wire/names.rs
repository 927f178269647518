//! Names that come again and again: of methods, of tools and their arguments, of clients.

use super::keys::is_same;
use super::scalars::name;
use super::visitor::Quoted;
use super::words;
use crate::record::Text;

/// Names that are remembered.
const NAMES: usize = 32;

/// Remembers the names that were read last, so that one that comes again is neither checked nor made again, and a long one
/// is shared.
#[derive(Debug, Default)]
pub(super) struct Names([Text; NAMES]);

impl Names {
    /// The name that is written so, of which `plain` tells that it has no escapes.
    pub(super) fn of(&mut self, bytes: &[u8], plain: bool) -> Text {
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return Text::default();
        };
        let place = bytes.len() + usize::from(*first) + 5 * usize::from(*last);
        let known = &mut self.0[place % NAMES];
        // What has escapes is not what it looks like.
        if !plain || !is_same(bytes, known.as_bytes()) {
            *known = words::known(bytes).map_or_else(|| name(Quoted { bytes, plain }), Text::new_static);
        }
        known.clone()
    }
}
