//! The states of the variables that every query is tried in.

use super::{
    macros::Picked,
    seed::{AWKWARD_SERVER, AWKWARD_TOOL, Calls},
};

/// What is picked in the variables, and the calls that it lets through.
pub(super) struct State {
    pub(super) name: &'static str,
    pub(super) picked: Picked,
    pub(super) chosen: fn(&Calls) -> bool,
}

/// The states that every query is run in.
pub(super) fn states() -> Vec<State> {
    let state = |name, server: &[&'static str], tool: &[&'static str], chosen| State {
        name,
        picked: pick(server, tool),
        chosen,
    };
    vec![
        state("all", &[], &[], |_| true),
        state("one server", &["shop"], &[], |of| of.server == "shop"),
        state("one tool", &[], &["search"], |of| {
            of.kind == "tool" && of.target == "search"
        }),
        state("a server with a quote", &[AWKWARD_SERVER], &[], |of| {
            of.server == AWKWARD_SERVER
        }),
        state(
            "a tool with a quote, brackets and a comma",
            &["shop"],
            &[AWKWARD_TOOL],
            |of| of.target == AWKWARD_TOOL,
        ),
        state(
            "several of both",
            &["shop", AWKWARD_SERVER],
            &["read", AWKWARD_TOOL],
            |of| ["read", AWKWARD_TOOL].contains(&of.target),
        ),
    ]
}

/// Nothing picked means "All".
pub(super) fn pick(server: &[&'static str], tool: &[&'static str]) -> Picked {
    let some = |values: &[&'static str]| (!values.is_empty()).then(|| values.to_vec());
    Picked {
        server: some(server),
        tool: some(tool),
    }
}
