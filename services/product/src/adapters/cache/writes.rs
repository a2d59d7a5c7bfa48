//! Counts the writes of this process, so that nobody joins a read that began before a write he knows of.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::product::ProductId;

/// Partitions of the catalogue whose writes are counted apart, so that a write does not outdate every product.
const PARTITIONS: usize = 256;

/// Counts the writes to each partition of the catalogue and to all of it.
pub(super) struct WriteCounts {
    partitions: Vec<AtomicU64>,
    all: AtomicU64,
}

/// Counts a write when it is dropped: also one that failed or was cancelled may have reached the database.
pub(super) struct WriteGuard<'a>(&'a WriteCounts, ProductId);

impl Default for WriteCounts {
    fn default() -> Self {
        Self { partitions: (0..PARTITIONS).map(|_| AtomicU64::new(0)).collect(), all: AtomicU64::new(0) }
    }
}

impl WriteCounts {
    /// The partition of the catalogue that a product belongs to, below 256. The last bytes of ids are the random ones.
    pub(super) fn partition(id: ProductId) -> usize {
        usize::from(id.uuid().as_bytes()[15]) % PARTITIONS
    }

    pub(super) fn of(&self, id: ProductId) -> u64 {
        self.partitions[Self::partition(id)].load(Ordering::Acquire)
    }

    pub(super) fn of_all(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }

    pub(super) fn begin(&self, id: ProductId) -> WriteGuard<'_> {
        WriteGuard(self, id)
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let Self(writes, id) = self;
        writes.partitions[WriteCounts::partition(*id)].fetch_add(1, Ordering::Release);
        writes.all.fetch_add(1, Ordering::Release);
    }
}
