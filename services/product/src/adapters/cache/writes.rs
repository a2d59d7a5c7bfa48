//! Counts the writes of this process, so that nobody joins a read that began before a write he knows of.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::product::ProductId;

/// Parts of the catalogue whose writes are counted apart, so that a write does not outdate every product.
const PARTS: usize = 256;

/// Counts the writes to each part of the catalogue and to all of it.
pub(super) struct Writes {
    parts: Vec<AtomicU64>,
    all: AtomicU64,
}

/// Counts a write when it is dropped: also one that failed or was cancelled may have reached the database.
pub(super) struct Writing<'a>(&'a Writes, ProductId);

impl Default for Writes {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| AtomicU64::new(0)).collect(), all: AtomicU64::new(0) }
    }
}

impl Writes {
    /// The part of the catalogue that a product belongs to, below 256. The last bytes of ids are the random ones.
    pub(super) fn part(id: ProductId) -> usize {
        usize::from(id.uuid().as_bytes()[15]) % PARTS
    }

    pub(super) fn to(&self, id: ProductId) -> u64 {
        self.parts[Self::part(id)].load(Ordering::Acquire)
    }

    pub(super) fn to_all(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }

    pub(super) fn begin(&self, id: ProductId) -> Writing<'_> {
        Writing(self, id)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let Self(writes, id) = self;
        writes.parts[Writes::part(*id)].fetch_add(1, Ordering::Release);
        writes.all.fetch_add(1, Ordering::Release);
    }
}
