//! Forms batches out of chunks: as many rows as fit, or what has come within the linger time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::queue::Chunk;

/// Takes chunks out of the queue and puts them together.
#[derive(Debug)]
pub(crate) struct Batcher {
    pub(crate) chunks: mpsc::Receiver<Chunk>,
    /// Cancelled when the queue shall take no more.
    pub(crate) drain: CancellationToken,
    /// Most rows of one batch.
    pub(crate) most: usize,
    /// How long the first row of a batch waits for others.
    pub(crate) linger: Duration,
    /// What was left when a chunk filled a batch.
    pub(crate) rest: Option<Chunk>,
}

impl Batcher {
    /// The next batch, at most `most` rows; `None` once the queue is closed and empty.
    pub(crate) async fn next(&mut self) -> Option<Chunk> {
        let mut batch = match self.rest.take() {
            Some(rest) => rest,
            None => self.receive().await?,
        };
        let full_at = Instant::now() + self.linger;
        while batch.rows.len() < self.most {
            match timeout_at(full_at, self.receive()).await {
                Ok(Some(chunk)) => {
                    batch.rows.extend(chunk.rows);
                    batch.space.merge(chunk.space);
                }
                Ok(None) | Err(_) => break,
            }
        }
        if batch.rows.len() > self.most {
            let rows = batch.rows.split_off(self.most);
            self.rest = batch.space.split(&rows).map(|space| Chunk { rows, space });
        }
        Some(batch)
    }

    async fn receive(&mut self) -> Option<Chunk> {
        tokio::select! {
            biased;
            () = self.drain.cancelled(), if !self.chunks.is_closed() => self.chunks.close(),
            chunk = self.chunks.recv() => return chunk,
        }
        self.chunks.recv().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::IntGauge;
    use tokio::sync::mpsc;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::Batcher;
    use crate::pipeline::queue::{Queue, Space};
    use crate::row::Row;

    /// Pushes chunks of these sizes and tells the sizes of the batches and the milliseconds at which they came.
    async fn batches(chunks: &[usize], close: bool) -> Vec<(usize, u128)> {
        let space = Space::new(1000, 1 << 30, IntGauge::new("queued", "rows").unwrap());
        let (sender, receiver) = mpsc::channel(1000);
        let queue = Queue::new(space.clone(), sender);
        for size in chunks {
            queue.push(vec![Row::default(); *size]).unwrap();
        }
        let drain = CancellationToken::new();
        if close {
            drain.cancel();
        }
        let linger = Duration::from_secs(1);
        let mut batcher = Batcher {
            chunks: receiver,
            drain,
            most: 100,
            linger,
            rest: None,
        };
        let start = Instant::now();
        let mut batches = Vec::new();
        let total: usize = chunks.iter().sum();
        while batches.iter().map(|(size, _)| size).sum::<usize>() < total {
            let batch = batcher.next().await.unwrap();
            assert_eq!(
                batch.space.rows(),
                batch.rows.len(),
                "a batch holds the space of its rows"
            );
            batches.push((batch.rows.len(), start.elapsed().as_millis()));
        }
        assert_eq!(space.taken(), 0, "space is free again once the batches are gone");
        batches
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_goes_when_it_is_full_or_its_time_is_over() {
        for (case, chunks, close, expected) in [
            ("a full chunk", &[100][..], false, &[(100, 0)][..]),
            ("several that fill it", &[40, 60], false, &[(100, 0)]),
            (
                "a chunk for two batches and a half",
                &[250],
                false,
                &[(100, 0), (100, 0), (50, 1000)],
            ),
            ("one that overflows", &[60, 60], false, &[(100, 0), (20, 1000)]),
            ("too few rows", &[1, 2], false, &[(3, 1000)]),
            ("too few rows in a closed queue", &[1, 2], true, &[(3, 0)]),
        ] {
            assert_eq!(batches(chunks, close).await, expected, "{case}");
        }
    }
}
