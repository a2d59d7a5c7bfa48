//! A store in the test, to put caches in front of.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backends::eventually;
use futures_util::future::join_all;
use product::domain::Error;
use product::domain::details::Details;
use product::domain::product::{Product, ProductId};
use product::domain::search::{Page, Search, SearchDraft, Sort};
use product::ports::ProductStore;
use tokio::sync::Semaphore;

use crate::fixtures;

/// A store that counts its reads, answers them when it is let to, and knows a version per write.
pub(crate) struct FakeStore {
    pub(crate) gate: Semaphore,
    reads: AtomicUsize,
    product: Mutex<Product>,
    pub(crate) failures: Mutex<VecDeque<Error>>,
}

impl FakeStore {
    /// Answers at once.
    pub(crate) fn open() -> Arc<Self> {
        let store = Self::closed();
        store.gate.add_permits(Semaphore::MAX_PERMITS);
        store
    }

    /// Answers one read per permit of its gate.
    pub(crate) fn closed() -> Arc<Self> {
        let product = Mutex::new(fixtures::product("Kettle"));
        let (gate, reads, failures) = (Semaphore::new(0), AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { gate, reads, product, failures })
    }

    pub(crate) fn id(&self) -> ProductId {
        self.current().id()
    }

    pub(crate) fn current(&self) -> Product {
        self.product.lock().expect("lock").clone()
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// What is read is what was there when the read began, however long it takes.
    async fn read(&self) -> Result<Product, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let product = self.current();
        self.gate.acquire().await.expect("open").forget();
        match self.failures.lock().expect("lock").pop_front() {
            Some(error) => Err(error),
            None => Ok(product),
        }
    }
}

#[async_trait]
impl ProductStore for FakeStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        let product = self.read().await?;
        if product.id() == id { Ok(Arc::new(product)) } else { Err(Error::NotFound) }
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        Ok(Arc::new(Page::of(search, vec![self.read().await?])))
    }

    async fn add(&self, product: &Product) -> Result<(), Error> {
        *self.product.lock().expect("lock") = product.clone();
        Ok(())
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let mut product = self.product.lock().expect("lock");
        *product = Product::stored(id, details.clone(), version + 1, (product.created_at(), product.updated_at()));
        Ok(product.clone())
    }

    async fn remove(&self, _: ProductId) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) fn search(query: &str) -> Search {
    let draft = SearchDraft { query: query.into(), sort: Some(Sort::Name), ..SearchDraft::default() };
    Search::new(draft).expect("valid")
}

/// Starts `count` calls, waits until each of them waits, lets the store answer, and collects what they got.
pub(crate) async fn together<T, F>(
    store: &FakeStore,
    count: usize,
    call: impl Fn() -> F,
    settled: impl Future<Output = ()>,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let started = Arc::new(AtomicUsize::new(0));
    let spawn = |_| {
        let (started, call) = (Arc::clone(&started), call());
        tokio::spawn(async move {
            started.fetch_add(1, Ordering::SeqCst);
            call.await
        })
    };
    let calls: Vec<_> = (0..count).map(spawn).collect();
    // On the single thread of a test, a call that has started runs on until it waits.
    eventually("every call to have started", async || started.load(Ordering::SeqCst) == count).await;
    settled.await;
    eventually("a read", async || store.reads() > 0).await;
    store.gate.add_permits(count);
    join_all(calls).await.into_iter().map(|outcome| outcome.expect("no panic")).collect()
}
