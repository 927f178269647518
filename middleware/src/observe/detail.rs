//! What is told of a call beyond how it ended: what it belongs to, what was notable, and what the operator wants captured.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use opentelemetry::trace::SpanContext;

use super::call::{Call, Ending};
use super::chains::{Chains, Ties};
use super::limits::Counters;
use super::tools::Tools;
use crate::arguments_hash::{CanonicalHash, Secret};
use crate::capture::{Budget, Capture};
use crate::outcome::Outcome;
use crate::record::{self, Chain, Direction, Peer, User};
use crate::result_flags::{Flags, Results};
use crate::wire::{ResultContent, Telling};

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
    chains: Chains,
    results: Results,
    capture: Capture,
    budget: Budget,
    counters: Arc<Counters>,
    pub(super) messages: bool,
}

impl Detail {
    pub(super) fn new(config: DetailConfig, counters: Arc<Counters>) -> Self {
        let secret = |purpose| Secret::derive(&config.key, purpose);
        Self {
            secret: secret("toolsight 2026-11-21 hash of arguments"),
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

    /// What is told of `call`. The user is `None` where nobody is known.
    pub(super) fn of(
        &self,
        call: &Call,
        ending: &Ending<'_>,
        in_session: bool,
        client: &Peer,
        user: Option<&User>,
        tools: &Tools,
    ) -> record::Detail {
        if call.direction == Direction::ToClient {
            return record::Detail::default();
        }
        let result = ending.answer.and_then(|answer| answer.result.as_deref());
        let mut detail = record::Detail {
            chain: (!in_session).then(|| self.chain(call, ending, client, user)).flatten(),
            ..record::Detail::default()
        };
        let Some(tool) = call.tool() else {
            return detail;
        };
        let nothing = || (!call.has_arguments).then(|| CanonicalHash::of_nothing(self.secret));
        detail.arguments_hash = call.arguments_hash.or_else(nothing);
        detail.definition = tools.definition(tool);
        if ending.outcome == Outcome::InvalidArguments {
            detail.invalid_arguments = tools.refused(tool, &call.arguments);
        }
        if let Some(result) = result
            && matches!(ending.outcome, Outcome::Ok | Outcome::ToolError)
        {
            let content = &result.content;
            let is_ok = ending.outcome == Outcome::Ok;
            detail.content_types = content.types;
            detail.flags = self.flags(tool, detail.arguments_hash, content);
            detail.flags.schema_mismatch = is_ok && tools.mismatches(tool, content.structured.as_deref());
        }
        let captured = result.and_then(|result| result.content.captured.as_deref());
        let captured = self.capture.record(tool, call.captured.as_deref(), captured);
        if let Some(captured) = captured {
            detail.captured = self.budget.admit(captured).map(Arc::new);
            let left_out = u64::from(detail.captured.is_none());
            self.counters.captures.fetch_add(left_out, Relaxed);
        }
        detail
    }

    fn flags(&self, tool: &str, arguments: Option<u64>, content: &ResultContent) -> Flags {
        let compare = |digest| self.results.compare(tool, arguments, digest);
        let (identical, truncated) = content.digest.map(compare).unwrap_or_default();
        Flags {
            empty: !content.has_any,
            identical,
            truncated,
            schema_mismatch: false,
        }
    }

    fn chain(&self, call: &Call, ending: &Ending<'_>, client: &Peer, user: Option<&User>) -> Option<Chain> {
        let told = call.parent.as_ref().filter(|parent| parent.is_remote());
        let ties = Ties {
            trace: told.map(SpanContext::trace_id),
            request_state: call.request_state,
            task: call.task.as_deref(),
            user,
            client: Some(client),
        };
        let chain = self.chains.find(&ties, call.start)?;
        if let Some(result) = ending.answer.and_then(|answer| answer.result.as_deref()) {
            let task = result.task_part.id.as_deref();
            self.chains.hand_on(chain, result.request_state, task, ending.at);
        }
        Some(chain)
    }
}
