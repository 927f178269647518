//! Collects what MCP servers report about their calls.

use toolsight_collector::store::engine_process;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == engine_process::SUBCOMMAND)
    {
        engine_process::run(arguments);
    }
}
