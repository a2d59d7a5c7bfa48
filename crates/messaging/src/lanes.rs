//! Lanes: messages of one aggregate are handled one after the other, those of different ones side by side.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What is done with each item.
pub(crate) type Work<T> = Arc<dyn Fn(T) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Running lanes. Dropping them cancels the work in hand.
pub(crate) struct Lanes<T> {
    lanes: Vec<mpsc::Sender<T>>,
    tasks: JoinSet<()>,
}

impl<T: Send + 'static> Lanes<T> {
    /// `count` lanes, each with room for `capacity` waiting items.
    pub(crate) fn start(count: usize, capacity: usize, work: &Work<T>) -> Self {
        let mut tasks = JoinSet::new();
        let lane = |_| {
            let (sender, mut items) = mpsc::channel(capacity.max(1));
            let work = Arc::clone(work);
            tasks.spawn(async move {
                while let Some(item) = items.recv().await {
                    work(item).await;
                }
            });
            sender
        };
        let lanes = (0..count.max(1)).map(lane).collect();
        Self { lanes, tasks }
    }

    /// Hands over an item; waits while its lane is full.
    pub(crate) async fn put(&self, key: &str, item: T) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lane = hasher.finish() % self.lanes.len() as u64;
        let lane = usize::try_from(lane).unwrap_or(0);
        // A lane ends only by a panic in its work, whose item is then delivered again.
        let _ = self.lanes[lane].send(item).await;
    }

    /// Finishes what has been handed over.
    pub(crate) async fn finish(mut self) {
        self.lanes.clear();
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
        let lanes = Lanes::start(4, 2, &work);
        for number in 0..100 {
            for key in 0..5_u8 {
                lanes.put(&key.to_string(), (key, number)).await;
            }
        }
        lanes.finish().await;
        let done = done.lock().expect("no panic");
        for key in 0..5 {
            let numbers: Vec<_> = done.iter().filter(|item| item.0 == key).map(|item| item.1).collect();
            assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        }
    }
}
