//! Steps as they are kept until they are read: one behind the other, and so are their bytes, so that nothing is allocated for
//! any of them.

use std::sync::Arc;
use std::time::Instant;

use super::{Amount, MUCH, Observed, Passed};
use crate::observe::{End, ResponseHead};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Written {
    steps: Vec<Step>,
    /// Those of all data, in the order of the steps.
    bytes: Vec<u8>,
    /// The same of the heads.
    heads: Vec<ResponseHead>,
}

#[derive(Debug)]
struct Step {
    observed: Arc<dyn Observed>,
    at: Instant,
    what: What,
}

/// What is [`Passed`], without what stands elsewhere.
#[derive(Clone, Copy, Debug)]
enum What {
    ClientData(usize),
    ServerData(usize),
    ClientGap(usize),
    ServerGap(usize),
    ResponseHead,
    ClientEnd,
    End(End),
}

impl Passed<'_> {
    pub(super) const fn bytes(&self) -> &[u8] {
        match self {
            Self::ClientData(bytes) | Self::ServerData(bytes) => bytes,
            _ => &[],
        }
    }
}

impl Written {
    pub(super) const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) const fn amount(&self) -> Amount {
        Amount {
            steps: self.steps.len(),
            bytes: self.bytes.len(),
        }
    }

    pub(super) fn push(&mut self, observed: Arc<dyn Observed>, passed: Passed<'_>, at: Instant) {
        self.bytes.extend_from_slice(passed.bytes());
        let what = match passed {
            Passed::ClientData(bytes) => What::ClientData(bytes.len()),
            Passed::ServerData(bytes) => What::ServerData(bytes.len()),
            Passed::ClientGap(bytes) => What::ClientGap(bytes),
            Passed::ServerGap(bytes) => What::ServerGap(bytes),
            Passed::ClientEnd => What::ClientEnd,
            Passed::End(end) => What::End(end),
            Passed::ResponseHead(head) => {
                self.heads.push(head);
                What::ResponseHead
            }
        };
        self.steps.push(Step { observed, at, what });
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.bytes.clear();
        self.heads.clear();
    }

    /// Reads all of it, and leaves room for more.
    pub(super) fn read(&mut self) {
        let mut bytes = &self.bytes[..];
        let mut heads = self.heads.drain(..);
        let mut next = |count| {
            let (next, rest) = bytes.split_at(count);
            bytes = rest;
            next
        };
        for Step { observed, at, what } in self.steps.drain(..) {
            let passed = match what {
                What::ClientData(count) => Passed::ClientData(next(count)),
                What::ServerData(count) => Passed::ServerData(next(count)),
                What::ClientGap(bytes) => Passed::ClientGap(bytes),
                What::ServerGap(bytes) => Passed::ServerGap(bytes),
                What::ClientEnd => Passed::ClientEnd,
                What::End(end) => Passed::End(end),
                What::ResponseHead => match heads.next() {
                    Some(head) => Passed::ResponseHead(head),
                    None => continue,
                },
            };
            observed.read(passed, at);
        }
        drop(heads);
        self.bytes.clear();
        // What a burst has taken is given back.
        self.bytes.shrink_to(2 * MUCH.bytes);
        self.steps.shrink_to(2 * MUCH.steps);
    }
}
