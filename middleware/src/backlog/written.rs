//! Steps as they are kept until they are read: one behind the other, and so are their bytes, so that nothing is allocated for
//! any of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::{Amount, MUCH, Observed, Passed, TOO_MUCH};
use crate::observe::{End, Gap, ResponseHead};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Written {
    steps: VecDeque<Step>,
    /// Those of all data, in the order of the steps.
    bytes: Vec<u8>,
    /// How many of them are read.
    read: usize,
    /// The same of the heads.
    heads: VecDeque<ResponseHead>,
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
    ClientGap(usize, Gap),
    ServerGap(usize, Gap),
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

    /// The same without its bytes, for which there is no room.
    pub(super) fn gap(self) -> Self {
        match self {
            Self::ClientData(bytes) => Self::ClientGap(bytes.len(), Gap::NoRoom),
            Self::ServerData(bytes) => Self::ServerGap(bytes.len(), Gap::NoRoom),
            other => other,
        }
    }
}

impl Written {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn amount(&self) -> Amount {
        Amount {
            steps: self.steps.len(),
            bytes: self.bytes.len() - self.read,
        }
    }

    pub(super) fn push(&mut self, observed: Arc<dyn Observed>, passed: Passed<'_>, at: Instant) {
        self.bytes.extend_from_slice(passed.bytes());
        let what = match passed {
            Passed::ClientData(bytes) => What::ClientData(bytes.len()),
            Passed::ServerData(bytes) => What::ServerData(bytes.len()),
            Passed::ClientGap(bytes, why) => What::ClientGap(bytes, why),
            Passed::ServerGap(bytes, why) => What::ServerGap(bytes, why),
            Passed::ClientEnd => What::ClientEnd,
            Passed::End(end) => What::End(end),
            Passed::ResponseHead(head) => {
                self.heads.push_back(head);
                What::ResponseHead
            }
        };
        self.steps.push_back(Step { observed, at, what });
    }

    /// Reads until it has read `most`, as long as `goes_on`, which is asked before each step; once all are read, leaves room for more.
    pub(super) fn read(&mut self, most: Amount, goes_on: &mut dyn FnMut() -> bool) {
        let mut done = Amount::default();
        while !done.reaches(most) && !self.is_empty() && goes_on() {
            let Some(Step { observed, at, what }) = self.steps.pop_front() else {
                break;
            };
            // Whatever reading does, the next step has its own bytes.
            let mut next = |count| {
                let from = self.read;
                self.read += count;
                &self.bytes[from..self.read]
            };
            let passed = match what {
                What::ClientData(count) => Passed::ClientData(next(count)),
                What::ServerData(count) => Passed::ServerData(next(count)),
                What::ClientGap(bytes, why) => Passed::ClientGap(bytes, why),
                What::ServerGap(bytes, why) => Passed::ServerGap(bytes, why),
                What::ClientEnd => Passed::ClientEnd,
                What::End(end) => Passed::End(end),
                What::ResponseHead => match self.heads.pop_front() {
                    Some(head) => Passed::ResponseHead(head),
                    None => continue,
                },
            };
            done.steps += 1;
            done.bytes += passed.bytes().len();
            observed.read(passed, at);
        }
        if self.is_empty() {
            self.bytes.clear();
            self.read = 0;
            // What a burst has taken is given back.
            self.bytes.shrink_to(TOO_MUCH.bytes);
            self.steps.shrink_to(2 * MUCH.steps);
            self.heads.shrink_to(MUCH.steps);
        }
    }
}
