//! The contract of the store: one suite, run on SQLite, through both caches, and on Postgres.

#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/fixtures.rs"]
mod fixtures;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use backends::Redis as RedisServer;
use chrono::{DateTime, Utc};
use messaging::testing::drain;
use messaging::{Envelope, Outbox};
use product::adapters::cache::shared::SharedStore;
use product::adapters::cache::{CachedStore, Limits};
use product::adapters::seed;
use product::adapters::sql::{MIGRATIONS, SqlStore};
use product::domain::Error;
use product::domain::details::{Details, Draft};
use product::domain::product::{Product, ProductId};
use product::domain::search::{Search, SearchDraft, Sort};
use product::ports::ProductStore;
use serde_json::json;
use stores::db::Db;
use stores::on;
use stores::redis::Redis;
use stores::settings::{self, Database};
use tempfile::TempDir;
use uuid::Uuid;

const SORTS: [Sort; 4] = [Sort::Name, Sort::PriceAsc, Sort::PriceDesc, Sort::Newest];

/// A store on a database of its own, and what lies under it.
struct Store {
    store: Arc<dyn ProductStore>,
    db: Db,
    _folder: Option<TempDir>,
    _redis: Option<RedisServer>,
}

impl Deref for Store {
    type Target = dyn ProductStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl<'a> From<&'a Store> for &'a dyn ProductStore {
    fn from(started: &'a Store) -> Self {
        &**started
    }
}

impl Store {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let url = format!("sqlite:{}", folder.path().join("product.db").display());
        Self { _folder: Some(folder), ..Self::open(url).await }
    }

    async fn postgres() -> Self {
        Self::open(backends::postgres().database().expect("database")).await
    }

    /// SQLite through the cache in memory.
    async fn cached() -> Self {
        let inner = Self::sqlite().await;
        Self { store: Arc::new(CachedStore::new(Arc::clone(&inner.store), &kept_for_a_day())), ..inner }
    }

    /// SQLite through the cache in Redis.
    async fn shared_cache() -> Self {
        let server = RedisServer::start().expect("Redis");
        let redis = Redis::open(&settings::Redis::new(&server.url()).expect("a URL"));
        let redis = redis.expect("a URL").expect("configured");
        let inner = Self::sqlite().await;
        let store = Arc::new(SharedStore::new(Arc::clone(&inner.store), redis, &kept_for_a_day()));
        Self { store, _redis: Some(server), ..inner }
    }

    async fn open(url: String) -> Self {
        let settings = Database::new(&url).expect("a URL");
        let db = Db::open("product", &settings, MIGRATIONS).await.expect("database");
        Self { store: Arc::new(sql(&db)), db, _folder: None, _redis: None }
    }

    /// The store without any cache.
    fn sql(&self) -> SqlStore {
        sql(&self.db)
    }

    /// The events since the last call.
    async fn published(&self) -> Vec<Envelope> {
        drain(&Outbox::new(self.db.clone())).await.expect("an outbox")
    }

    /// The one event since the last call, as type, version, key and payload.
    async fn one_published(&self) -> (String, u16, String, serde_json::Value) {
        let [event] = &self.published().await[..] else { panic!("one event was expected") };
        let payload = serde_json::Value::Object(event.payload().clone());
        (event.kind().to_owned(), event.version(), event.key().to_owned(), payload)
    }
}

fn sql(db: &Db) -> SqlStore {
    SqlStore::new(db.clone(), Outbox::new(db.clone()))
}

fn kept_for_a_day() -> Limits {
    let day = Duration::from_secs(86_400);
    Limits {
        product_ttl: day,
        page_ttl: day,
        negative_ttl: day,
        stale_ttl: day,
        max_entries: 10_000,
        load_timeout: day,
    }
}

backends::contract! {
    Store::{sqlite, postgres, cached, shared_cache}:
    what_is_added_is_found,
    what_is_not_there_is_not_found,
    a_sku_belongs_to_one_product,
    a_replacement_counts_the_version_up,
    of_two_replacements_one_wins,
    what_is_removed_is_gone,
    words_are_found_whatever_their_case,
    patterns_are_taken_literally,
    filters_narrow,
    orders_are_total,
    pages_have_no_gaps,
}

/// What only a database has to do.
mod database {
    use super::*;

    backends::contract! {
        Store::{sqlite, postgres}:
        each_change_is_published_once,
        nothing_happens_without_its_event,
        seeds_once,
        two_replicas_seed_once,
    }
}

async fn each_change_is_published_once(stores: &Store) {
    let store = &stores.sql();
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let product = add(store, draft_in("told", "Kettle")).await;
    let (id, sku) = (product.id().to_string(), product.details().sku().to_owned());
    let price = product.details().price();
    let facts = json!({ "product_id": id, "sku": sku, "name": "Kettle", "price_minor": price.amount_minor(),
        "currency": "EUR", "version": 1, "created_at": text(product.created_at()) });
    assert_eq!(stores.one_published().await, ("product.created".to_owned(), 1, id.clone(), facts));
    assert!(matches!(store.add(&product).await, Err(Error::SkuTaken)));
    let other = add(store, draft_in("told", "Other")).await;
    stores.published().await;

    let new = details(Draft { sku: sku.clone(), amount_minor: 4_711, ..draft_in("told", "Pot") });
    assert!(matches!(store.replace(product.id(), 2, &new).await, Err(Error::VersionConflict { .. })));
    assert!(matches!(store.replace(other.id(), 1, &new).await, Err(Error::SkuTaken)));
    assert_eq!(stores.published().await, [], "what is refused has not happened");
    let updated = store.replace(product.id(), 1, &new).await.expect("replaced");
    let facts = json!({ "product_id": id, "sku": sku, "name": "Pot", "price_minor": 4_711, "currency": "EUR",
        "version": 2, "updated_at": text(updated.updated_at()) });
    assert_eq!(stores.one_published().await, ("product.updated".to_owned(), 1, id.clone(), facts));

    let before = product::domain::product::now();
    store.remove(product.id()).await.expect("removed");
    let (kind, version, key, mut facts) = stores.one_published().await;
    assert_eq!((kind.as_str(), version, &key), ("product.deleted", 1, &id));
    let at: DateTime<Utc> = facts["deleted_at"].as_str().expect("a time").parse().expect("RFC 3339");
    assert!(before <= at && at <= Utc::now(), "{at}");
    facts.as_object_mut().expect("an object").remove("deleted_at");
    assert_eq!(facts, json!({ "product_id": id, "sku": sku, "name": "Pot" }));
    assert!(matches!(store.remove(product.id()).await, Err(Error::NotFound)));
    assert_eq!(stores.published().await, []);
}

async fn nothing_happens_without_its_event(stores: &Store) {
    let store = &stores.sql();
    let run = async |sql: &'static str| {
        let mut conn = stores.db.writer().await.expect("connection");
        let _: u64 = on!(conn, |c| sqlx::query(sql).execute(c)).await.expect(sql);
    };
    let known = add(store, draft_in("silent", "Known")).await;
    let new = Product::create(details(draft_in("silent", "New")));
    stores.published().await;
    run("ALTER TABLE outbox RENAME TO outbox_away").await;
    assert!(matches!(store.add(&new).await, Err(Error::Storage(_))));
    assert!(matches!(store.replace(known.id(), 1, new.details()).await, Err(Error::Storage(_))));
    assert!(matches!(store.remove(known.id()).await, Err(Error::Storage(_))));
    run("ALTER TABLE outbox_away RENAME TO outbox").await;
    assert!(matches!(store.find(new.id()).await, Err(Error::NotFound)));
    assert_eq!(*store.find(known.id()).await.expect("found"), known);
    assert_eq!(stores.published().await, []);
}

async fn what_is_added_is_found(store: &dyn ProductStore) {
    let product = Product::create(details(draft_in("added", "Crème brûlée \u{1f36e}")));
    store.add(&product).await.expect("added");
    assert_eq!(*store.find(product.id()).await.expect("found"), product);
    assert_eq!(ids(store, in_category("added")).await, [product.id()]);
}

async fn what_is_not_there_is_not_found(store: &dyn ProductStore) {
    let nobody = ProductId::from(Uuid::now_v7());
    let details = details(draft_in("nobody", "Nobody"));
    assert!(matches!(store.find(nobody).await, Err(Error::NotFound)));
    assert!(matches!(store.replace(nobody, 1, &details).await, Err(Error::NotFound)));
    assert!(matches!(store.remove(nobody).await, Err(Error::NotFound)));
    assert!(ids(store, in_category("nobody")).await.is_empty());
}

async fn a_sku_belongs_to_one_product(store: &dyn ProductStore) {
    let first = add(store, draft_in("skus", "First")).await;
    let second = add(store, draft_in("skus", "Second")).await;
    let taken = Draft { sku: first.details().sku().to_owned(), ..draft_in("skus", "Third") };
    let third = Product::create(details(taken.clone()));
    assert!(matches!(store.add(&third).await, Err(Error::SkuTaken)));
    assert!(matches!(store.find(third.id()).await, Err(Error::NotFound)));
    assert!(matches!(store.replace(second.id(), 1, &details(taken)).await, Err(Error::SkuTaken)));
    assert_eq!(*store.find(second.id()).await.expect("found"), second);
    store.replace(first.id(), 1, first.details()).await.expect("its own SKU is free to it");
}

async fn a_replacement_counts_the_version_up(store: &dyn ProductStore) {
    let old = add(store, draft_in("replaced", "Old")).await;
    store.find(old.id()).await.expect("found before");
    let change = details(Draft { category: "replaced".into(), ..fixtures::other("New Words") });
    let new = store.replace(old.id(), 1, &change).await.expect("replaced");
    assert_eq!((new.id(), new.version(), new.created_at()), (old.id(), 2, old.created_at()));
    assert_eq!(new.details(), &change);
    assert!(new.updated_at() >= old.updated_at());
    assert_eq!(*store.find(old.id()).await.expect("found after"), new);
    assert_eq!(ids(store, SearchDraft { query: "words".into(), ..in_category("replaced") }).await, [old.id()]);
    assert!(ids(store, SearchDraft { query: "old".into(), ..in_category("replaced") }).await.is_empty());
    for stale in [1, 3] {
        let outcome = store.replace(old.id(), stale, &change).await;
        assert!(matches!(outcome, Err(Error::VersionConflict { current: 2 })), "{outcome:?}");
    }
}

async fn of_two_replacements_one_wins(store: &dyn ProductStore) {
    let product = add(store, draft_in("race", "Race")).await;
    let (left, right) = (details(draft_in("race", "Left")), details(draft_in("race", "Right")));
    let (a, b) = tokio::join!(store.replace(product.id(), 1, &left), store.replace(product.id(), 1, &right));
    let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
    assert!(matches!(lost, Err(Error::VersionConflict { current: 2 })), "{lost:?}");
    assert_eq!(*store.find(product.id()).await.expect("found"), won.expect("one wins"));
}

async fn what_is_removed_is_gone(store: &dyn ProductStore) {
    let product = add(store, draft_in("removed", "Removed")).await;
    assert_eq!(ids(store, in_category("removed")).await.len(), 1);
    store.find(product.id()).await.expect("found before");
    store.remove(product.id()).await.expect("removed");
    assert!(matches!(store.find(product.id()).await, Err(Error::NotFound)));
    assert!(ids(store, in_category("removed")).await.is_empty());
    assert!(matches!(store.remove(product.id()).await, Err(Error::NotFound)));
}

async fn words_are_found_whatever_their_case(store: &dyn ProductStore) {
    let description = "Glüht BLAU in der Nacht.".to_owned();
    let lamp = add(store, Draft { description, ..draft_in("words", "Große LAMPE") }).await;
    add(store, draft_in("words", "Große Vase")).await;
    for query in ["lampe", "LAMPE", "große lampe", "glüht GROß", "blau nacht lamp", "a e b l u n g t"] {
        let found = ids(store, SearchDraft { query: query.into(), ..in_category("words") }).await;
        assert_eq!(found, [lamp.id()], "{query}");
    }
    assert!(ids(store, SearchDraft { query: "lampe vase".into(), ..in_category("words") }).await.is_empty());
}

async fn patterns_are_taken_literally(store: &dyn ProductStore) {
    let percent = add(store, draft_in("patterns", r"100% c:\a_b 'quoted'")).await;
    add(store, draft_in("patterns", "1000 cxab quoted")).await;
    for query in ["100%", "a_b", r"c:\a", "%", "_", r"\", "'"] {
        let found = ids(store, SearchDraft { query: query.into(), ..in_category("patterns") }).await;
        assert_eq!(found, [percent.id()], "{query}");
    }
}

async fn filters_narrow(store: &dyn ProductStore) {
    let mut products = Vec::new();
    for (price, stock) in [(100, 0), (200, 1), (300, 2)] {
        products.push(add(store, Draft { amount_minor: price, stock, ..draft_in("filters", "Filtered") }).await.id());
    }
    let search = || SearchDraft { sort: Some(Sort::PriceAsc), ..in_category("filters") };
    assert_eq!(ids(store, search()).await, products);
    assert_eq!(ids(store, SearchDraft { min_price: Some(200), ..search() }).await, products[1..]);
    assert_eq!(ids(store, SearchDraft { max_price: Some(200), ..search() }).await, products[..2]);
    assert_eq!(
        ids(store, SearchDraft { min_price: Some(200), max_price: Some(200), ..search() }).await,
        products[1..2]
    );
    assert_eq!(ids(store, SearchDraft { in_stock: true, ..search() }).await, products[1..]);
    assert_eq!(ids(store, SearchDraft { in_stock: true, max_price: Some(200), ..search() }).await, products[1..2]);
    assert!(ids(store, SearchDraft { max_price: Some(0), ..search() }).await.is_empty());
}

/// Every order of products whose names, prices and times include ties, mixed case and different fractions of seconds.
async fn orders_are_total(store: &dyn ProductStore) {
    let mut products = Vec::new();
    let values = [("banana", 3, 0), ("Apple", 5, 500), ("apple", 3, 123), ("zebra", 0, 0), ("Éclair", 5, 500)];
    for (name, amount_minor, ms) in values {
        let details = details(Draft { amount_minor, ..draft_in("orders", name) });
        let at = DateTime::from_timestamp_millis(1_700_000_000_000 + ms).expect("in range");
        let product = Product::stored(Uuid::now_v7().into(), details, 1, (at, at));
        store.add(&product).await.expect("added");
        products.push(product);
    }
    for sort in SORTS {
        let found = ids(store, SearchDraft { sort: Some(sort), ..in_category("orders") }).await;
        assert_eq!(found, sorted(&products, sort), "{sort:?}");
    }
}

async fn pages_have_no_gaps(store: &dyn ProductStore) {
    let mut products = Vec::new();
    for n in 0..23 {
        let name = format!("Item {}", n % 5);
        products.push(add(store, Draft { amount_minor: n % 4, ..draft_in("pages", &name) }).await);
    }
    for sort in SORTS {
        for page_size in [1, 7, 23] {
            let search = SearchDraft { sort: Some(sort), page_size, ..in_category("pages") };
            assert_eq!(all_pages(store, search).await, sorted(&products, sort), "{sort:?} by {page_size}");
        }
    }
}

async fn seeds_once(stores: &Store) {
    let store = &stores.sql();
    let products = seed::products().expect("every line");
    let (first, others) = products.split_first().expect("products");
    // An admin has been faster with one of the SKUs.
    let own = Draft { sku: others[0].details().sku().to_owned(), ..draft_in("own", "Own") };
    let own = Product::create(details(own));
    store.add(&own).await.expect("added");
    let added = store.seed("test", &products).await.expect("seeded");
    assert_eq!(added, products.len() as u64 - 1);
    assert_eq!(*store.find(first.id()).await.expect("found"), *first);
    store.remove(first.id()).await.expect("removed");
    assert_eq!(store.seed("test", &products).await.expect("nothing to do"), 0);
    assert!(matches!(store.find(first.id()).await, Err(Error::NotFound)));
    let all = all_pages(store, SearchDraft { page_size: 100, ..search() }).await;
    assert_eq!(all.len(), products.len() - 1);
    let published: Vec<_> = stores.published().await.iter().map(|event| event.kind().to_owned()).collect();
    assert_eq!(published, ["product.created", "product.deleted"], "nothing of the two hundred that were seeded");
}

async fn two_replicas_seed_once(stores: &Store) {
    let products = seed::products().expect("every line");
    let (left, right) = (stores.sql(), stores.sql());
    let (a, b) = tokio::join!(left.seed("test", &products), right.seed("test", &products));
    let added = [a.expect("left"), b.expect("right")];
    assert_eq!(BTreeSet::from(added), BTreeSet::from([0, products.len() as u64]));
}

fn draft_in(category: &str, name: &str) -> Draft {
    Draft { category: category.to_owned(), ..fixtures::draft(name) }
}

fn details(draft: Draft) -> Details {
    Details::new(draft).expect("valid")
}

async fn add(store: &dyn ProductStore, draft: Draft) -> Product {
    let product = Product::create(details(draft));
    store.add(&product).await.expect("added");
    product
}

fn search() -> SearchDraft {
    SearchDraft { sort: Some(Sort::Name), ..SearchDraft::default() }
}

fn in_category(category: &str) -> SearchDraft {
    SearchDraft { category: category.to_owned(), ..search() }
}

async fn ids(store: &dyn ProductStore, draft: SearchDraft) -> Vec<ProductId> {
    let page = store.search(&Search::new(draft).expect("valid")).await.expect("page");
    assert_eq!(page.next_cursor(), "");
    page.products().iter().map(Product::id).collect()
}

async fn all_pages(store: &dyn ProductStore, mut draft: SearchDraft) -> Vec<ProductId> {
    let mut found = Vec::new();
    loop {
        let page = store.search(&Search::new(draft.clone()).expect("valid")).await.expect("page");
        assert!(page.products().len() <= usize::try_from(draft.page_size).expect("positive"));
        found.extend(page.products().iter().map(Product::id));
        if page.next_cursor().is_empty() {
            return found;
        }
        assert!(found.len() < 10_000, "pages go on for ever");
        draft.cursor = page.next_cursor().to_owned();
    }
}

/// The order as the contract has it, computed without a database.
fn sorted(products: &[Product], sort: Sort) -> Vec<ProductId> {
    let key = |product: &Product| -> (String, i64, DateTime<Utc>, ProductId) {
        let price = product.details().price().amount_minor();
        match sort {
            Sort::Name => (product.details().name_key(), 0, DateTime::UNIX_EPOCH, product.id()),
            Sort::PriceAsc | Sort::PriceDesc => (String::new(), price, DateTime::UNIX_EPOCH, product.id()),
            Sort::Newest => (String::new(), 0, product.created_at(), product.id()),
        }
    };
    let mut products: Vec<_> = products.iter().collect();
    products.sort_by_key(|product| key(product));
    if matches!(sort, Sort::PriceDesc | Sort::Newest) {
        products.reverse();
    }
    products.into_iter().map(Product::id).collect()
}
