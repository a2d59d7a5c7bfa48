//! What every store of sample items must do, asked of SQLite and of Postgres.
//!
//! Each test gets two stores on a database of its own, as two replicas of the service would have them.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use chrono::Utc;
use sample_item::adapters::sql::{MIGRATIONS, SqlSampleItems};
use sample_item::domain::{Creation, Draft, Error, SampleItem};
use sample_item::ports::SampleItemStore;
use stores::db::Db;
use stores::settings::Database;
use tempfile::TempDir;
use uuid::Uuid;

type Store = Arc<dyn SampleItemStore>;

/// Two replicas on one database.
struct Replicas {
    first: Store,
    second: Store,
    _folder: Option<TempDir>,
}

impl Replicas {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("sample-item.db").display());
        Self { first: open(&url).await, second: open(&url).await, _folder: Some(folder) }
    }

    async fn on_postgres() -> Self {
        let url = backends::postgres().database().unwrap();
        Self { first: open(&url).await, second: open(&url).await, _folder: None }
    }
}

async fn open(url: &str) -> Store {
    let settings = Database::new(url).unwrap();
    Arc::new(SqlSampleItems::new(Db::open("sample-item", &settings, MIGRATIONS).await.unwrap()))
}

fn named(id: Uuid, name: &str) -> SampleItem {
    SampleItem::new(&Draft { id: &id.to_string(), name }, Utc::now()).unwrap()
}

/// Every test once on each database.
macro_rules! contract {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::Replicas::on_sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::Replicas::on_postgres().await).await;
            })+
        }
    };
}

contract!(creating_is_idempotent_by_id, racing_creators_agree, what_is_absent_is_not_found);

async fn creating_is_idempotent_by_id(replicas: Replicas) {
    let first = named(Uuid::new_v4(), "A name");
    let created = replicas.first.create(first.clone()).await.unwrap();
    assert_eq!(created, Creation { sample_item: first.clone(), created: true });
    for again in [first.clone(), named(first.id().uuid(), "Another")] {
        let answer = replicas.second.create(again).await.unwrap();
        assert_eq!(answer, Creation { sample_item: first.clone(), created: false });
    }
    assert_eq!(replicas.second.find(first.id()).await.unwrap(), first);
}

async fn racing_creators_agree(replicas: Replicas) {
    for _ in 0..20 {
        let wanted = named(Uuid::new_v4(), "A name");
        let racers = [&replicas.first, &replicas.second, &replicas.first, &replicas.second].map(|store| {
            let (store, wanted) = (Arc::clone(store), wanted.clone());
            tokio::spawn(async move { store.create(wanted).await.unwrap() })
        });
        let mut created = 0;
        for racer in racers {
            let creation = racer.await.unwrap();
            assert_eq!(creation.sample_item, wanted);
            created += u8::from(creation.created);
        }
        assert_eq!(created, 1, "exactly one of them created it");
    }
}

async fn what_is_absent_is_not_found(replicas: Replicas) {
    let absent = named(Uuid::new_v4(), "A name").id();
    assert!(matches!(replicas.first.find(absent).await, Err(Error::NotFound)));
}
