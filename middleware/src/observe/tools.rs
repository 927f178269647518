//! The tools that the server is known to have.

use std::collections::HashSet;
use std::sync::RwLock;

/// Names that are remembered; a server with more has its further tools reported as `_OTHER` in metrics.
const LIMIT: usize = 1024;

/// Names learnt from `tools/list` and from calls that succeeded, so that names which a caller made up are told apart
/// from tools and cannot grow a metric.
#[derive(Debug, Default)]
pub(crate) struct Tools(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashSet<Box<str>>,
    /// The last page of a list has been seen.
    listed: bool,
}

impl Tools {
    pub(crate) fn learn(&self, name: &str) {
        if !self.knows(name) {
            self.add([name]);
        }
    }

    pub(crate) fn learn_page(&self, names: &[Box<str>], last: bool) {
        self.add(names.iter().map(AsRef::as_ref));
        if last && let Ok(mut known) = self.0.write() {
            known.listed = true;
        }
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.read().is_ok_and(|known| known.names.contains(name))
    }

    /// Whether the server has listed its tools and `name` was not among them.
    pub(crate) fn is_unlisted(&self, name: &str) -> bool {
        self.0
            .read()
            .is_ok_and(|known| known.listed && known.names.len() < LIMIT && !known.names.contains(name))
    }

    fn add<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let Ok(mut known) = self.0.write() else {
            return;
        };
        for name in names {
            if known.names.len() < LIMIT && !known.names.contains(name) {
                known.names.insert(name.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_unlisted_only_after_a_whole_list() {
        let tools = Tools::default();
        assert!(!tools.is_unlisted("b"));
        tools.learn_page(&["a".into()], false);
        assert!(!tools.is_unlisted("b"));
        tools.learn_page(&["c".into()], true);
        assert!(tools.is_unlisted("b") && !tools.is_unlisted("c"));
        tools.learn("b");
        assert!(!tools.is_unlisted("b") && tools.knows("b"));
    }

    #[test]
    fn made_up_names_cannot_grow_it_beyond_its_limit() {
        let tools = Tools::default();
        for index in 0..2 * LIMIT {
            tools.learn(&index.to_string());
        }
        assert_eq!(tools.0.read().unwrap().names.len(), LIMIT);
    }
}
