//! What is told of a call beyond how it ended: what it belongs to, what was notable, and what the operator wants captured.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::call::{Call, Ending};
use super::chains::{Chains, Ties};
use super::limits::Counters;
use super::resources::Resources;
use super::rounds::{Round, scoped};
use super::tools::{Input, Tools};
use crate::arguments_hash::{CanonicalHash, Secret};
use crate::capture::{Budget, Capture, Captured, Kept};
use crate::outcome::Outcome;
use crate::record::{self, Chain, Direction, Record, Target, Text};
use crate::result_flags::{Compared, Flags, Results};
use crate::wire::{Params, ResultContent, Telling};

/// Chains that may go on.
const CHAINS: usize = 10_000;

/// What the operator wants to be told.
#[derive(Clone, Debug)]
pub(crate) struct DetailConfig {
    /// Of all hashes of one server.
    pub(crate) key: [u8; 32],
    pub(crate) capture: Capture,
    /// A longer pause ends the chain of a user's calls.
    pub(crate) idle_gap: Duration,
    /// Messages of errors are recorded.
    pub(crate) messages: bool,
}

impl Default for DetailConfig {
    fn default() -> Self {
        Self {
            key: rand::random(),
            capture: Capture::default(),
            idle_gap: Duration::from_secs(10 * 60),
            messages: true,
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Detail {
    secret: Secret,
    hash_of_nothing: u64,
    chains: Chains,
    results: Results,
    capture: Capture,
    pub(super) budget: Budget,
    counters: Arc<Counters>,
    pub(super) messages: bool,
}

impl Detail {
    pub(super) fn new(config: DetailConfig, counters: Arc<Counters>) -> Self {
        let secret = |purpose| Secret::derive(&config.key, purpose);
        let of_arguments = secret("toolsight 2026-11-21 hash of arguments");
        Self {
            secret: of_arguments,
            hash_of_nothing: CanonicalHash::of_nothing(of_arguments),
            chains: Chains::new(
                secret("toolsight 2026-11-21 chain of calls"),
                CHAINS,
                config.idle_gap,
                counters.clone(),
            ),
            results: Results::default(),
            capture: config.capture,
            budget: Budget::default(),
            counters,
            messages: config.messages,
        }
    }

    /// What readers have to tell for this.
    pub(super) const fn telling(&self) -> Telling {
        let (arguments, result) = self.capture.keep();
        Telling {
            secret: Some(self.secret),
            arguments,
            result,
        }
    }

    /// Notes in the record of `call`, which has just been made, what its arguments tell.
    pub(super) fn note_arguments(&self, call: &mut Call, params: &mut Params, tools: &Tools) {
        let Some(tool) = call.tool() else {
            return self.note_address(call, params, &tools.resources);
        };
        let captured = params.captured.take().filter(|_| self.capture.is_of(tool));
        let input = tools.judge(tool, &params.arguments);
        if input == Input::Invalid {
            call.record.detail.invalid_arguments = tools.refused(tool, &params.arguments);
        }
        let nothing = || (!params.has_arguments).then_some(self.hash_of_nothing);
        call.record.detail.arguments_hash = params.arguments_hash.or_else(nothing);
        call.input = input;
        call.captured = captured.and_then(|arguments| self.keep(arguments));
    }

    /// Notes in the record of `call` which template the address of its resource was made of, and keeps the address itself only
    /// where it is captured.
    fn note_address(&self, call: &mut Call, params: &mut Params, resources: &Resources) {
        let (Target::Resource(target), Some(uri)) = (&mut call.record.target, params.uri.take()) else {
            return;
        };
        // Of a longer one the end is missing.
        let template = (!params.is_uri_long).then(|| resources.template_of(&uri)).flatten();
        if let Some(template) = template {
            *target = template;
        }
        call.captured = self.capture.address(&uri).and_then(|address| self.keep(address));
    }

    /// Keeps what is to be captured until the call has ended, as far as there is room for it: many may wait for their end.
    fn keep(&self, captured: Box<[u8]>) -> Option<Kept> {
        let kept = self.budget.keep(captured);
        self.counters.captures.fetch_add(u64::from(kept.is_none()), Relaxed);
        kept
    }

    /// Completes the record of `call`, whose client and user are known by now.
    pub(super) fn tell(&self, call: &mut Call, ending: &Ending<'_>, connection: Option<Chain>, tools: &Tools) {
        if call.record.direction == Direction::ToClient {
            return;
        }
        let result = ending.answer.and_then(|answer| answer.result.as_ref());
        let chain = match call.record.session_id {
            None => self.chain(call, ending, connection),
            Some(_) => None,
        };
        let Record { target, detail, .. } = &mut call.record;
        detail.chain = chain;
        let tool = match target {
            Target::Tool(tool) => tool,
            Target::Resource(_) => return self.admit(detail, self.capture.record_address(call.captured.as_deref())),
            Target::Prompt(_) | Target::None => return,
        };
        if ending.outcome != Outcome::InvalidArguments {
            detail.invalid_arguments = Text::default();
        }
        let known = tools.known(tool, result.map(|result| &result.content));
        detail.definition = known.definition;
        if let Some(result) = result
            && matches!(ending.outcome, Outcome::Ok | Outcome::ToolError)
        {
            let content = &result.content;
            detail.content_types = content.types;
            detail.flags = self.flags(tool, detail.arguments_hash, content);
            detail.flags.schema_mismatch = ending.outcome == Outcome::Ok && known.is_mismatch;
            detail.flags.error_text = ending.outcome == Outcome::Ok && content.looks_wrong == Some(true);
        }
        let captured = result.and_then(|result| result.content.captured.as_deref());
        self.admit(detail, self.capture.record(tool, call.captured.as_deref(), captured));
    }

    /// Notes what is captured, as far as there is room for it.
    fn admit(&self, detail: &mut record::Detail, captured: Option<Captured>) {
        if let Some(captured) = captured {
            detail.captured = self.budget.admit(captured).map(Arc::new);
            let left_out = u64::from(detail.captured.is_none());
            self.counters.captures.fetch_add(left_out, Relaxed);
        }
    }

    fn flags(&self, tool: &str, arguments: Option<u64>, content: &ResultContent) -> Flags {
        let compare = |digest| self.results.compare(tool, arguments, digest);
        let Compared {
            identical,
            truncated,
            forgotten,
        } = content.digest.map(compare).unwrap_or_default();
        if forgotten > 0 {
            self.counters.results.fetch_add(forgotten, Relaxed);
        }
        Flags {
            empty: !content.has_any,
            identical,
            truncated,
            ..Flags::default()
        }
    }

    fn chain(&self, call: &Call, ending: &Ending<'_>, connection: Option<Chain>) -> Option<Chain> {
        let record = &call.record;
        // The calls of a connection that lasts are a chain anyway.
        let key = |round| match round {
            Round::Inputs(_) if connection.is_some() => None,
            round => scoped(round, record, None),
        };
        let (request_state, inputs) = match call.round {
            Some(Round::State(_)) => (call.round.and_then(key), None),
            inputs => (None, inputs.and_then(key)),
        };
        let ties = Ties {
            // That of the caller's span, which the call is in.
            trace: record.parent_is_remote.then(|| record.span.trace_id()),
            request_state,
            inputs,
            task: call.task.as_deref(),
            connection,
            user: record.user.as_ref(),
            client: Some(&record.client),
        };
        let chain = self.chains.find(&ties, call.start)?;
        if let Some(result) = ending.answer.and_then(|answer| answer.result.as_ref()) {
            let task = result.task_part.id.as_deref();
            let round = Round::asked(record, result).and_then(key);
            self.chains.hand_on(chain, round, task, ending.at);
        }
        Some(chain)
    }
}
