//! From records to the rows of a batch; the same boundaries always give the same rows.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::receive::{Encoding, Tally, each_row};
use crate::row::Row;
use crate::spool::{Found, Position, Reader, Seal};

/// A walk over the rows from one position on.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Where it is, and in the end where it ended.
    pub(crate) at: Position,
    /// Rows that were visited.
    pub(crate) rows: u64,
    /// Rows taken out of each segment, by first record, those that cannot be read included.
    pub(crate) taken: Vec<(u64, u64)>,
    /// Requests whose numbers no segment has.
    pub(crate) gone: u64,
    /// What the token begins with; `None` where no record could be read.
    pub(crate) prefix: Option<Arc<str>>,
    /// Arrival of the first record in microseconds since the Unix epoch, 0 where there is none.
    pub(crate) arrival: u64,
    /// Arrival of the last one.
    pub(crate) last_arrival: u64,
    /// What was corrected, record by record.
    pub(crate) tallies: Vec<Tally>,
}

impl Walk {
    /// Visits rows until `visit` breaks, which the row that it breaks at is part of, or there are no more.
    ///
    /// All rows are of segments of one epoch, since what stands behind another one is not the same in every copy of a
    /// spool.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub(crate) fn open(
        reader: &mut Reader,
        first: Position,
        visit: impl FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> io::Result<Self> {
        let mut walk = Self::at(first);
        walk.run(reader, None, visit)?;
        Ok(walk)
    }

    /// Visits the rows of a sealed batch.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub(crate) fn sealed(reader: &mut Reader, seal: Seal, mut visit: impl FnMut(&Row<'_>)) -> io::Result<Self> {
        let mut walk = Self::at(seal.first);
        walk.run(reader, Some(seal.end), |row| {
            visit(row);
            ControlFlow::Continue(())
        })?;
        walk.at = seal.end;
        Ok(walk)
    }

    const fn at(first: Position) -> Self {
        Self {
            at: first,
            rows: 0,
            taken: Vec::new(),
            gone: 0,
            prefix: None,
            arrival: 0,
            last_arrival: 0,
            tallies: Vec::new(),
        }
    }

    fn run(
        &mut self,
        reader: &mut Reader,
        end: Option<Position>,
        mut visit: impl FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        while end.is_none_or(|end| self.at < end) {
            let (record, prefix) = match reader.read(self.at.lsn)? {
                Found::Record(record, prefix) => (record, prefix),
                Found::Lost { next, segment } => {
                    let left = reader.rows_of(segment).saturating_sub(self.taken_of(segment));
                    self.take(segment, left);
                    self.at = Position { lsn: next, row: 0 };
                    continue;
                }
                Found::Gone { next } => {
                    // What is behind the end belongs to the next batch.
                    let until = end.map_or(next, |end| next.min(end.lsn));
                    self.gone += until.saturating_sub(self.at.lsn);
                    self.at = Position { lsn: next, row: 0 };
                    continue;
                }
                Found::End => break,
            };
            match &self.prefix {
                Some(first) if *first != prefix => break,
                Some(_) => {}
                None => (self.prefix, self.arrival) = (Some(prefix), record.header.arrival),
            }
            self.last_arrival = self.last_arrival.max(record.header.arrival);
            let from = self.at.row;
            // Rows of the record that belong to batches up to this one.
            let until = end.filter(|end| end.lsn == self.at.lsn).map_or(u32::MAX, |end| end.row);
            let (mut index, mut full) = (from, false);
            let visit_row = |row: &Row<'_>| {
                if index >= until {
                    return ControlFlow::Break(());
                }
                index += 1;
                self.rows += 1;
                let flow = visit(row);
                full = flow.is_break();
                flow
            };
            let (body, tenant, arrival) = (record.body(), record.tenant(), record.arrival());
            let walked = each_row(body, Encoding::Protobuf, arrival, tenant, from, visit_row);
            let cut = (full || until != u32::MAX) && index < record.header.rows;
            let to = if cut { index } else { record.header.rows };
            self.take(reader.segment_of(self.at.lsn), u64::from(to.saturating_sub(from)));
            // It was readable when it was taken; else its rows are taken and not visited, and so counted as lost.
            self.tallies.extend(walked);
            if cut {
                self.at.row = index;
                break;
            }
            self.at = Position {
                lsn: self.at.lsn + 1,
                row: 0,
            };
            if full {
                break;
            }
        }
        Ok(())
    }

    /// All rows that are taken out of the spool.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.iter().map(|(_, rows)| rows).sum()
    }

    fn taken_of(&self, segment: u64) -> u64 {
        self.taken
            .last()
            .filter(|(last, _)| *last == segment)
            .map_or(0, |(_, rows)| *rows)
    }

    fn take(&mut self, segment: u64, rows: u64) {
        match self.taken.last_mut() {
            Some((last, all)) if *last == segment => *all += rows,
            _ => self.taken.push((segment, rows)),
        }
    }
}
