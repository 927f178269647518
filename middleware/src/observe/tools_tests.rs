//! What is known of tools, by lists and calls.

use super::*;
use crate::wire::{Reader, Side};

fn tool(name: &str) -> Tool {
    Tool {
        name: name.into(),
        ..Tool::default()
    }
}

fn list(tools: &Tools, listed: &[Tool]) {
    tools.learn_page(Page {
        caller: Caller::named("ada"),
        tools: listed,
        cursor: None,
        next: None,
    });
}

fn lacks(tools: &Tools, name: &str) -> bool {
    tools.lacks(name, Caller::named("ada"))
}

fn strict(name: &str) -> Tool {
    let mut tool = tool(name);
    tool.input.required.push("x".into());
    tool
}

#[test]
fn a_tool_is_lacking_only_after_a_whole_list_and_until_a_call_succeeds() {
    let tools = Tools::default();
    assert!(!lacks(&tools, "b"));
    list(&tools, &[tool("a")]);
    assert!(lacks(&tools, "b") && !lacks(&tools, "a"));
    tools.learn("b");
    assert!(tools.knows("b") && !lacks(&tools, "b"));
}

#[test]
fn a_tool_that_a_page_has_no_room_for_is_counted_and_held_against_nobody() {
    let names = (0..=LIMIT).map(|tool| format!(r#"{{"name":"{tool}"}}"#));
    let list_of = |names: &[String]| {
        let list = format!(r#"{{"id":1,"result":{{"tools":[{}]}}}}"#, names.join(","));
        let mut reader = Reader::new(Side::Answer);
        let message = reader.read(&mut list.as_bytes()).map(std::mem::take);
        message.unwrap().result.unwrap().tools.unwrap()
    };
    let names: Vec<_> = names.collect();
    for (case, listed, cut) in [("as many as are remembered", LIMIT, 0), ("one more", LIMIT + 1, 1)] {
        let tools = Tools::default();
        list(&tools, &list_of(&names[..listed]));
        assert_eq!(lacks(&tools, &LIMIT.to_string()), cut == 0, "{case}");
        assert_eq!(tools.counters.read().names, cut, "{case}");
    }
}

#[test]
fn a_success_does_not_forget_the_definition() {
    let tools = Tools::default();
    list(&tools, &[strict("a")]);
    tools.learn("a");
    assert_eq!(tools.judge("a", &[]), Input::Invalid);
}

#[test]
fn what_was_listed_before_a_change_is_not_held_against_a_caller() {
    let tools = Tools::default();
    list(&tools, &[strict("a"), strict("b")]);
    tools.change();
    assert_eq!(tools.judge("a", &[]), Input::Fine);
    assert!(!lacks(&tools, "a") && !lacks(&tools, "c"));
    list(&tools, &[strict("a")]);
    assert_eq!(tools.judge("a", &[]), Input::Invalid);
    assert!(lacks(&tools, "b"), "it is gone");
    assert_eq!(tools.judge("b", &[]), Input::Fine);
}

#[test]
fn schemas_that_differ_between_lists_are_held_against_nobody_until_a_change() {
    let tools = Tools::default();
    list(&tools, &[tool("a")]);
    list(&tools, &[strict("a")]);
    list(&tools, &[strict("a")]);
    assert_eq!(tools.judge("a", &[]), Input::Fine);
    tools.change();
    list(&tools, &[strict("a")]);
    assert_eq!(tools.judge("a", &[]), Input::Invalid);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn made_up_names_cannot_grow_it_beyond_its_limit() {
    let tools = Tools::default();
    for index in 0..2 * LIMIT {
        tools.learn(&index.to_string());
    }
    assert_eq!(tools.known.read().unwrap().tools.len(), LIMIT);
    list(&tools, &[tool("0")]);
    assert!(!lacks(&tools, "other"), "it may be one that was not remembered");
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn what_a_list_tells_displaces_what_only_calls_have_told_or_lists_before_a_change() {
    type Fill = fn(&Tools, &[Tool]);
    let by_calls: Fill = |tools, made_up| made_up.iter().for_each(|tool| tools.learn(&tool.name));
    for (case, fill, changes, kept, lost) in [
        ("calls", by_calls, false, true, 2),
        ("calls before a change", by_calls, true, true, 2),
        ("a list", list, false, false, 2),
        ("a list before a change", list, true, true, 2),
    ] {
        let tools = Tools::default();
        let names: Vec<_> = (0..LIMIT).map(|index| tool(&index.to_string())).collect();
        fill(&tools, &names);
        if changes {
            tools.change();
        }
        list(&tools, &[tool("0"), strict("a"), tool("b")]);
        assert_eq!(tools.knows("a") && tools.knows("b") && tools.knows("0"), kept, "{case}");
        assert_eq!(tools.judge("a", &[]) == Input::Invalid, kept, "{case}");
        assert_eq!(lacks(&tools, "other"), changes, "{case}");
        assert_eq!(tools.known.read().unwrap().tools.len(), LIMIT, "{case}");
        assert_eq!(tools.counters.read().names, lost, "{case}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn a_table_that_is_full_tells_what_is_lacking_as_long_as_all_had_room() {
    let tools = Tools::default();
    (0..LIMIT - 1).for_each(|index| tools.learn(&index.to_string()));
    list(&tools, &[tool("a")]);
    assert!(lacks(&tools, "other") && !lacks(&tools, "0"));
}
