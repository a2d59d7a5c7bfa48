//! Workers that share the messages by key: those of one aggregate are handled one after the other, those of different
//! ones side by side.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What is done with each item.
pub(crate) type Work<T> = Arc<dyn Fn(T) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Running workers. Dropping them cancels the work in hand.
pub(crate) struct KeyedWorkers<T> {
    queues: Vec<mpsc::Sender<T>>,
    tasks: JoinSet<()>,
}

impl<T: Send + 'static> KeyedWorkers<T> {
    /// `count` workers, each with room for `capacity` waiting items.
    pub(crate) fn start(count: usize, capacity: usize, work: &Work<T>) -> Self {
        let mut tasks = JoinSet::new();
        let start = |_| {
            let (sender, mut items) = mpsc::channel(capacity.max(1));
            let work = Arc::clone(work);
            tasks.spawn(async move {
                while let Some(item) = items.recv().await {
                    work(item).await;
                }
            });
            sender
        };
        let queues = (0..count.max(1)).map(start).collect();
        Self { queues, tasks }
    }

    /// Hands an item to the worker of its key; waits while that one has no room.
    pub(crate) async fn submit(&self, key: &str, item: T) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let worker = hasher.finish() % self.queues.len() as u64;
        let worker = usize::try_from(worker).unwrap_or(0);
        // A worker ends only by a panic in its work, whose item is then delivered again.
        let _ = self.queues[worker].send(item).await;
    }

    /// Finishes what has been handed over.
    pub(crate) async fn drain(mut self) {
        self.queues.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn one_key_keeps_its_order_and_the_rest_does_not_wait() {
        let done: Arc<Mutex<Vec<(u8, u32)>>> = Arc::default();
        let noted = Arc::clone(&done);
        let work: Work<(u8, u32)> = Arc::new(move |item| {
            let noted = Arc::clone(&noted);
            Box::pin(async move {
                tokio::task::yield_now().await;
                noted.lock().expect("no panic").push(item);
            })
        });
        let workers = KeyedWorkers::start(4, 2, &work);
        for number in 0..100 {
            for key in 0..5_u8 {
                workers.submit(&key.to_string(), (key, number)).await;
            }
        }
        workers.drain().await;
        let done = done.lock().expect("no panic");
        for key in 0..5 {
            let numbers: Vec<_> = done.iter().filter(|item| item.0 == key).map(|item| item.1).collect();
            assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        }
    }
}
