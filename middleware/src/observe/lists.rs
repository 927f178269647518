//! Which lists of the server's tools have been seen whole, and by whom: only what such a list does not name is a caller's
//! mistake.

use std::hash::{DefaultHasher, Hasher as _};
use std::num::NonZeroUsize;

use lru::LruCache;

use super::call::Call;

/// Callers that have seen a whole list.
const CALLERS: NonZeroUsize = NonZeroUsize::new(4096).expect("more than none");
/// Lists of which some pages have been seen.
const OPEN: NonZeroUsize = NonZeroUsize::new(256).expect("more than none");

/// Who may be shown a list of their own: a user of a tenant, else a session. Callers that nothing tells apart are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller(u64);

impl Caller {
    pub(super) fn of(call: &Call) -> Self {
        let record = &call.record;
        let session = record.session_id.as_ref();
        let session = session.filter(|_| record.user.is_none() && !call.is_modern());
        Self(hash((&record.user, &record.tenant, session)))
    }

    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self(hash(name))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Lists {
    callers: LruCache<Caller, ()>,
    /// What the pages so far name, by the cursor of the next one.
    open: LruCache<(Caller, u64), u64>,
    /// What the last whole list names.
    whole: Option<u64>,
    /// Not all whole lists name the same.
    differ: bool,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            callers: LruCache::new(CALLERS),
            open: LruCache::new(OPEN),
            whole: None,
            differ: false,
        }
    }
}

impl Lists {
    /// A page that `caller` has `asked` for by a cursor, unless it is the first, and the cursor of the `next` one. Returns whether
    /// another caller, or their page, had to make room.
    pub(super) fn add<'a>(
        &mut self,
        caller: Caller,
        asked: Option<u64>,
        names: impl Iterator<Item = &'a str>,
        next: Option<u64>,
    ) -> bool {
        let before = asked.map_or(Some(0), |cursor| self.open.get(&(caller, cursor)).copied());
        // The pages before this one were another process's to answer, or are forgotten.
        let Some(before) = before else {
            return false;
        };
        let named = names.fold(before, |named, name| named.wrapping_add(hash(name)));
        match next {
            Some(cursor) => {
                let page = (caller, cursor);
                self.open.push(page, named).is_some_and(|(old, _)| old != page)
            }
            None => {
                self.differ |= self.whole.replace(named).is_some_and(|whole| whole != named);
                self.callers.push(caller, ()).is_some_and(|(old, ())| old != caller)
            }
        }
    }

    /// Whether a tool that was never listed is one that `caller` cannot have: they have seen a whole list, or at least two
    /// others have, and all lists are the same.
    pub(super) fn are_whole_for(&self, caller: Caller) -> bool {
        self.callers.contains(&caller) || (self.callers.len() > 1 && !self.differ)
    }
}

fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caller, the cursor that they asked by, what was listed, and the next cursor.
    type Page = (&'static str, Option<u64>, &'static [&'static str], Option<u64>);

    #[test]
    fn a_list_is_whole_when_its_pages_were_seen_from_the_first_to_the_last() {
        const A: &[&str] = &["a"];
        const B: &[&str] = &["b"];
        for (name, pages, whole_for, is_whole) in [
            ("one page", &[("ada", None, A, None)] as &[Page], "ada", true),
            ("another caller's", &[("ada", None, A, None)], "bob", false),
            ("the first of two", &[("ada", None, A, Some(1))], "ada", false),
            (
                "both in order",
                &[("ada", None, A, Some(1)), ("ada", Some(1), B, None)],
                "ada",
                true,
            ),
            ("the last of two", &[("ada", Some(1), B, None)], "ada", false),
            (
                "the last of another's",
                &[("ada", None, A, Some(1)), ("bob", Some(1), B, None)],
                "bob",
                false,
            ),
            (
                "a page in between is missing",
                &[("ada", None, A, Some(1)), ("ada", Some(2), B, None)],
                "ada",
                false,
            ),
            (
                "a page is asked for twice",
                &[
                    ("ada", None, A, Some(1)),
                    ("ada", Some(1), B, Some(2)),
                    ("ada", Some(1), B, Some(2)),
                    ("ada", Some(2), B, None),
                ],
                "ada",
                true,
            ),
            (
                "two callers see the same, on as many pages as they like",
                &[
                    ("ada", None, &["a", "b"], None),
                    ("bob", None, B, Some(1)),
                    ("bob", Some(1), A, None),
                ],
                "eve",
                true,
            ),
            (
                "two callers see other lists",
                &[("ada", None, A, None), ("bob", None, B, None)],
                "eve",
                false,
            ),
            (
                "each of two that see other lists has seen their own",
                &[("ada", None, A, None), ("bob", None, B, None)],
                "bob",
                true,
            ),
        ] {
            let mut lists = Lists::default();
            for (caller, asked, names, next) in pages {
                lists.add(Caller::named(caller), *asked, names.iter().copied(), *next);
            }
            assert_eq!(lists.are_whole_for(Caller::named(whole_for)), is_whole, "{name}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn cursors_that_nobody_follows_and_callers_take_no_more_room_and_what_makes_it_is_counted() {
        let mut lists = Lists::default();
        let mut add = |caller: &str, next| lists.add(Caller::named(caller), None, ["a"].into_iter(), next);
        let made_room = (0..1000).filter(|cursor| add("ada", Some(*cursor))).count();
        assert_eq!(made_room, 1000 - OPEN.get());
        assert!(!add("ada", Some(999)), "it is there");
        let callers = CALLERS.get() + 5;
        let made_room = (0..callers).filter(|caller| add(&caller.to_string(), None)).count();
        assert_eq!(made_room, 5);
        assert!(!add(&(callers - 1).to_string(), None), "they are there");
        assert_eq!((lists.open.len(), lists.callers.len()), (OPEN.get(), CALLERS.get()));
    }
}
