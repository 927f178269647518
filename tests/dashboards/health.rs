//! Tools whose last minutes are known call by call.

use std::sync::OnceLock;

use super::seed::{self, Calls};

/// The panel that shows them.
pub(super) const PANEL: &str = "Flaky and broken tools now";

pub(super) const SERVER: &str = "clinic";

/// Name and calls of each tool, oldest first: `o` succeeded, `F` failed, `c` is an error of the caller, `a` one of
/// signing in, `g` was given up by the client.
const TOOLS: [(&str, &str); 9] = [
    ("goes and comes", "ooooooFooooooFooooooFoooooo"),
    ("it's \"sick\" & more", "ooFcoooooocFaoooocogFooooooooooooooooo"),
    ("broke", "FFFFFFFFFo"),
    ("has too few calls", "FFFF"),
    ("is called wrongly", "cccccccccccccccccccccccccccccccccccccccc"),
    ("was repaired", "FFFFFFFFFFoooooooooooooooooooooooooooooo"),
    ("failed twice", "ooooooooooFooooooooooFooooooooooooooooooo"),
    ("needs signing in", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaooooo"),
    ("is well", "oooooooooooooooooooooooooooooooooooooooo"),
];

/// The tools that are not healthy, with what they are.
pub(super) const SICK: [(&str, &str); 3] = [
    ("goes and comes", "flaky"),
    ("it's \"sick\" & more", "flaky"),
    ("broke", "broken"),
];

/// Puts the calls in, a second apart until now; and those of a tool that broke before the window began.
pub(super) fn seeded() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let mut groups: Vec<_> = TOOLS
            .iter()
            .flat_map(|(tool, pattern)| calls(tool, pattern, 0))
            .collect();
        groups.extend(calls("broke long ago", "FFFFFFFFFF", -20 * 60_000));
        seed::insert(&groups, seed::now() * 1_000 - 60_000);
    });
}

fn calls(tool: &'static str, pattern: &str, first_ms: i64) -> Vec<Calls> {
    let each = pattern.chars().enumerate();
    each.map(|(place, how)| {
        let (outcome, fault) = match how {
            'o' => ("ok", "none"),
            'F' => ("tool_error", "server"),
            'c' => ("invalid_arguments", "caller"),
            'a' => ("unauthorized", "auth"),
            'g' => ("cancelled", "client_gone"),
            other => panic!("no call ends with {other}"),
        };
        let first_ms = first_ms + 1_000 * i64::try_from(place).expect("a short pattern");
        Calls {
            first_ms,
            count: 1,
            server: SERVER,
            target: tool,
            outcome,
            fault,
            ..seed::SEED[0]
        }
    })
    .collect()
}
