//! The tools and prompts that the server is known to have.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};

use foldhash::fast::RandomState;

use super::limits::Counters;
use crate::record::Text;
use crate::wire::{Argument, Definition, InputSchema, NAME_LIMIT, Tool, cut};

/// Tools that are remembered; a server with more has its further tools reported as `_OTHER` in metrics.
const LIMIT: usize = 1024;

/// Names and input schemas learnt from `tools/list`, and names from calls that succeeded: so that a caller's mistakes
/// are told apart from the server's, and names that a caller made up cannot grow a metric.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    known: RwLock<Known>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Known {
    tools: HashMap<Text, KnownTool, RandomState>,
    /// The last page of a list has been seen.
    listed: bool,
    prompts: HashSet<Text, RandomState>,
}

/// A tool's definition, and empty where only a call has told that there is such a tool.
#[derive(Debug, Default)]
struct KnownTool {
    input: InputSchema,
    output: Option<InputSchema>,
    definition: Option<Definition>,
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
    /// The server has listed its tools, and this is not among them.
    UnknownTool,
    /// The arguments do not match the tool's input schema.
    Invalid,
}

impl Tools {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            ..Self::default()
        }
    }

    pub(crate) fn learn(&self, name: &str) {
        if !self.knows(name) {
            self.add([(name, KnownTool::default())]);
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

    pub(crate) fn learn_page(&self, tools: &[Tool], last: bool) {
        self.add(tools.iter().map(|tool| {
            let known = KnownTool {
                input: tool.input.clone(),
                output: tool.output.clone(),
                definition: tool.definition,
            };
            (&*tool.name, known)
        }));
        if last && let Ok(mut known) = self.known.write() {
            known.listed = true;
        }
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.read().is_ok_and(|known| known.tools.contains_key(name))
    }

    pub(crate) fn judge(&self, name: &str, arguments: &[Argument]) -> Input {
        let Ok(known) = self.known.read() else {
            return Input::Fine;
        };
        match known.tools.get(name) {
            Some(tool) if tool.input.is_violated_by(arguments) => Input::Invalid,
            None if known.listed && known.tools.len() < LIMIT => Input::UnknownTool,
            Some(_) | None => Input::Fine,
        }
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

    /// What is known of the tool, whose result had this structured content.
    pub(super) fn known(&self, name: &str, structured: Option<&[Argument]>) -> KnownOf {
        let Ok(known) = self.known.read() else {
            return KnownOf::default();
        };
        let Some(tool) = known.tools.get(name) else {
            return KnownOf::default();
        };
        let mismatches = |output: &InputSchema| structured.is_none_or(|structured| output.is_violated_by(structured));
        KnownOf {
            definition: tool.definition,
            is_mismatch: tool.output.as_ref().is_some_and(mismatches),
        }
    }

    fn add<'a>(&self, tools: impl IntoIterator<Item = (&'a str, KnownTool)>) {
        let Ok(mut known) = self.known.write() else {
            return;
        };
        for (name, tool) in tools {
            if known.tools.len() < LIMIT || known.tools.contains_key(name) {
                known.tools.insert(name.into(), tool);
            } else {
                self.counters.names.fetch_add(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> Tool {
        Tool {
            name: name.into(),
            ..Tool::default()
        }
    }

    #[test]
    fn a_tool_is_unknown_only_after_a_whole_list() {
        let tools = Tools::default();
        assert_eq!(tools.judge("b", &[]), Input::Fine);
        tools.learn_page(&[tool("a")], false);
        assert_eq!(tools.judge("b", &[]), Input::Fine);
        tools.learn_page(&[tool("c")], true);
        assert_eq!(tools.judge("b", &[]), Input::UnknownTool);
        assert_eq!(tools.judge("a", &[]), Input::Fine);
        tools.learn("b");
        assert!(tools.knows("b"));
        assert_eq!(tools.judge("b", &[]), Input::Fine);
    }

    #[test]
    fn a_newer_definition_replaces_the_older() {
        let (tools, mut strict) = (Tools::default(), tool("a"));
        strict.input.required.push("x".into());
        tools.learn_page(&[tool("a")], true);
        tools.learn_page(&[strict], true);
        assert_eq!(tools.judge("a", &[]), Input::Invalid);
        tools.learn("a");
        assert_eq!(
            tools.judge("a", &[]),
            Input::Invalid,
            "a success does not forget the definition"
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn made_up_names_cannot_grow_it_beyond_its_limit() {
        let tools = Tools::default();
        for index in 0..2 * LIMIT {
            tools.learn(&index.to_string());
        }
        assert_eq!(tools.known.read().unwrap().tools.len(), LIMIT);
        assert_eq!(tools.judge("other", &[]), Input::Fine);
    }
}
