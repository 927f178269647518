//! The tools, prompts and resources that the server is known to have.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};

use foldhash::fast::RandomState;

use super::limits::Counters;
use super::lists::{Caller, Lists};
use super::resources::Resources;
use crate::record::Text;
use crate::wire::{Argument, Definition, InputSchema, NAME_LIMIT, ResultContent, Tool, cut};

/// Tools that are remembered; a server with more has its further tools reported as `_OTHER` in metrics.
const LIMIT: usize = 1024;

/// Names and schemas learnt from `tools/list`, and names from calls that succeeded: so that a caller's mistakes are told
/// apart from the server's, and names that a caller made up cannot grow a metric.
///
/// Only what was learnt since the server last said that its tools have changed is held against a caller. What a list names
/// displaces names that none has told since then: those a client may have made up, where the server answers any name.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    known: RwLock<Known>,
    pub(crate) resources: Resources,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Known {
    tools: HashMap<Text, KnownTool, RandomState>,
    lists: Lists,
    /// How often the server has said that its tools have changed.
    changes: u32,
    prompts: HashSet<Text, RandomState>,
    /// Since the last change a tool has been met for which there was no room, so that what is not known may be there.
    is_cut: bool,
}

/// A tool's definition, and empty where only a call has told that there is such a tool.
#[derive(Debug, Default)]
struct KnownTool {
    input: InputSchema,
    output: Option<InputSchema>,
    definition: Option<Definition>,
    /// After which change a list or a call last showed the tool, and a list its schemas.
    seen: Option<u32>,
    listed: Option<u32>,
    /// Since then, its schemas were not the same in all lists.
    varies: bool,
}

/// A page of the answers to `tools/list`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) caller: Caller,
    pub(super) tools: &'a [Tool],
    /// Hash of the cursor that it was asked by, unless it is the first, and of that of the next page.
    pub(super) cursor: Option<u64>,
    pub(super) next: Option<u64>,
}

/// What the tool's definition says of a result.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KnownOf {
    /// As it was last listed.
    pub(super) definition: Option<Definition>,
    /// There is an output schema, and the structured content is not by it.
    pub(super) is_mismatch: bool,
}

/// What the definitions seen say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing, or that it can be right.
    Fine,
    /// The server has told the caller all its tools, and this is not among them.
    UnknownTool,
    /// The arguments do not match the tool's input schema.
    Invalid,
}

impl Tools {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            resources: Resources::new(counters.clone()),
            counters,
            ..Self::default()
        }
    }

    /// Remembers a tool that a call has shown to be there.
    pub(crate) fn learn(&self, name: &str) {
        let is_news = |known: &Known| {
            known
                .tools
                .get(name)
                .is_none_or(|tool| tool.seen != Some(known.changes))
        };
        if self.known.read().is_ok_and(|known| is_news(&known))
            && let Ok(mut known) = self.known.write()
        {
            let now = Some(known.changes);
            if !known.is_full_for(name) {
                known.tools.entry(name.into()).or_default().seen = now;
            } else {
                known.is_cut = true;
                self.counters.names.fetch_add(1, Relaxed);
            }
        }
    }

    /// Remembers a prompt that the server has.
    pub(crate) fn learn_prompt(&self, name: &str) {
        if !self.knows_prompt(name)
            && let Ok(mut known) = self.known.write()
        {
            if known.prompts.len() < LIMIT {
                known.prompts.insert(name.into());
            } else {
                self.counters.names.fetch_add(1, Relaxed);
            }
        }
    }

    pub(crate) fn knows_prompt(&self, name: &str) -> bool {
        self.known.read().is_ok_and(|known| known.prompts.contains(name))
    }

    pub(super) fn learn_page(&self, page: Page<'_>) {
        let Ok(mut known) = self.known.write() else {
            return;
        };
        let now = Some(known.changes);
        let mut spare = None;
        for Tool {
            name,
            input,
            output,
            definition,
        } in page.tools
        {
            if known.is_full_for(name) {
                self.counters.names.fetch_add(1, Relaxed);
                if !known.displace(&mut spare) {
                    known.is_cut = true;
                    continue;
                }
            }
            let tool = known.tools.entry(name.clone()).or_default();
            let is_same = (&tool.input, &tool.output) == (input, output);
            *tool = KnownTool {
                input: input.clone(),
                output: output.clone(),
                definition: *definition,
                seen: now,
                listed: now,
                varies: tool.listed == now && (tool.varies || !is_same),
            };
        }
        let names = page.tools.iter().map(|tool| &*tool.name);
        let made_room = known.lists.add(page.caller, page.cursor, names, page.next);
        self.counters.lists.fetch_add(u64::from(made_room), Relaxed);
    }

    /// The server has said that its tools have changed: nobody is blamed by what was listed before.
    pub(super) fn change(&self) {
        if let Ok(mut known) = self.known.write() {
            known.changes += 1;
            known.lists = Lists::default();
            known.is_cut = false;
        }
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.read().is_ok_and(|known| known.tools.contains_key(name))
    }

    /// Whether the arguments can be right.
    pub(crate) fn judge(&self, name: &str, arguments: &[Argument]) -> Input {
        if self.input_is(name, |schema| schema.is_violated_by(arguments)) {
            Input::Invalid
        } else {
            Input::Fine
        }
    }

    /// Whether the tool has an input schema, as it was last listed, that is `so`.
    pub(super) fn input_is(&self, name: &str, so: impl FnOnce(&InputSchema) -> bool) -> bool {
        let is_so = |known: &Known| matches!(known.current(name), Some(tool) if so(&tool.input));
        self.known.read().is_ok_and(|known| is_so(&known))
    }

    /// Whether the server has told `caller` all its tools, and this is not among them.
    pub(super) fn lacks(&self, name: &str, caller: Caller) -> bool {
        let is_seen = |known: &Known| {
            known
                .tools
                .get(name)
                .is_some_and(|tool| tool.seen == Some(known.changes))
        };
        self.known
            .read()
            .is_ok_and(|known| !is_seen(&known) && !known.is_cut && known.lists.are_whole_for(caller))
    }

    /// Names of the arguments that the tool's input schema refuses, with commas between.
    pub(super) fn refused(&self, name: &str, arguments: &[Argument]) -> Text {
        let names = |known: &Known| {
            known
                .tools
                .get(name)
                .map(|tool| tool.input.violations(arguments).join(","))
        };
        let names = self
            .known
            .read()
            .ok()
            .and_then(|known| names(&known))
            .unwrap_or_default();
        cut(&names, NAME_LIMIT).into()
    }

    /// What is known of the tool, whose result had this content.
    pub(super) fn known(&self, name: &str, content: Option<&ResultContent>) -> KnownOf {
        let Ok(known) = self.known.read() else {
            return KnownOf::default();
        };
        let Some(tool) = known.tools.get(name) else {
            return KnownOf::default();
        };
        let mismatches =
            |output: &InputSchema| match content.map(|content| (content.structured_kind, &content.structured)) {
                // Where there is a schema, there has to be something.
                None | Some((None, _)) => true,
                Some((Some(kind), _)) if !output.kinds.allows(kind) => true,
                Some((_, Some(members))) => output.is_violated_by(members),
                // What the schema says of members is said of objects only.
                Some((_, None)) => false,
            };
        KnownOf {
            definition: tool.definition,
            is_mismatch: known.is_current(tool) && tool.output.as_ref().is_some_and(mismatches),
        }
    }
}

impl Known {
    fn is_full_for(&self, name: &str) -> bool {
        self.tools.len() >= LIMIT && !self.tools.contains_key(name)
    }

    /// Forgets a tool that no list has told since the last change, unless all are. `spare` are those, found once for a page.
    fn displace(&mut self, spare: &mut Option<Vec<Text>>) -> bool {
        let now = Some(self.changes);
        let spare = spare.get_or_insert_with(|| {
            let mut spare: Vec<_> = self.tools.iter().filter(|(_, tool)| tool.listed != now).collect();
            // Taken from the end: first what no list has ever told, and of that what was seen longest ago.
            spare.sort_unstable_by_key(|(_, tool)| Reverse((tool.listed, tool.seen)));
            spare.into_iter().map(|(name, _)| name.clone()).collect()
        });
        while let Some(name) = spare.pop() {
            // The page itself may have told it meanwhile.
            let is_spare = self.tools.get(&name).is_some_and(|tool| tool.listed != now);
            if is_spare && let Some(tool) = self.tools.remove(&name) {
                self.is_cut |= tool.seen == now;
                return true;
            }
        }
        false
    }

    /// The tool by that name, if its schemas are those that every caller is told now.
    fn current(&self, name: &str) -> Option<&KnownTool> {
        self.tools.get(name).filter(|tool| self.is_current(tool))
    }

    fn is_current(&self, tool: &KnownTool) -> bool {
        tool.listed == Some(self.changes) && !tool.varies
    }
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
