//! Products in SQL, on SQLite and on Postgres. What others are told is appended to the outbox in the transaction that
//! makes it true.

use std::sync::Arc;

use async_trait::async_trait;
use messaging::{Envelope, Malformed, Outbox, schema};
use stores::db::{Db, Migrations, Parameter, Tx, is_duplicate, is_unavailable};
use stores::on;

use super::events;
use super::row::{Columns, ProductRow, columns};
use crate::domain::Error;
use crate::domain::details::Details;
use crate::domain::product::{Product, ProductId, now};
use crate::domain::search::{MAX_WORDS, Page, Search, Sort, SortKey};
use crate::ports::ProductStore;

/// The schema.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_products.sql", include_str!("../../migrations/sqlite/0001_products.sql")),
        ("0002_outbox.sql", schema::OUTBOX_SQLITE),
    ],
    postgres: &[
        ("0001_products.sql", include_str!("../../migrations/postgres/0001_products.sql")),
        ("0002_outbox.sql", schema::OUTBOX_POSTGRES),
    ],
};

const FIND: &str = concat!("SELECT ", columns!(), " FROM products WHERE id = $1");

/// The page after ($13, $14) in one order. The start is compared as a row and always given, so that it is a range of
/// the order's index; a filter that is NULL lets everything pass, and so does the pattern % of a word not given.
#[rustfmt::skip]
macro_rules! list {
    ($key:literal, $after:literal, $direction:literal) => {
        concat!(
            "SELECT ", columns!(), " FROM products",
            " WHERE (", $key, ", id) ", $after, " ($13, $14)",
            " AND ($1 IS NULL OR category = $1)",
            " AND ($2 IS NULL OR price_minor >= $2)",
            " AND ($3 IS NULL OR price_minor <= $3)",
            " AND (stock > 0 OR NOT $4)",
            r" AND search_text LIKE $5 ESCAPE '\' AND search_text LIKE $6 ESCAPE '\'",
            r" AND search_text LIKE $7 ESCAPE '\' AND search_text LIKE $8 ESCAPE '\'",
            r" AND search_text LIKE $9 ESCAPE '\' AND search_text LIKE $10 ESCAPE '\'",
            r" AND search_text LIKE $11 ESCAPE '\' AND search_text LIKE $12 ESCAPE '\'",
            " ORDER BY ", $key, " ", $direction, ", id ", $direction, " LIMIT $15",
        )
    };
}

const BY_NAME: &str = list!("name_key", ">", "ASC");
const BY_PRICE_ASC: &str = list!("price_minor", ">", "ASC");
const BY_PRICE_DESC: &str = list!("price_minor", "<", "DESC");
const BY_NEWEST: &str = list!("created_at", "<", "DESC");

const INSERT: &str = "
    INSERT INTO products (id, sku, name, name_key, description, search_text, category, price_minor, currency, stock,
        version, created_at, updated_at)
    VALUES ($1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $2, $12, $13)
    ON CONFLICT DO NOTHING";

const UPDATE: &str = concat!(
    "UPDATE products SET sku = $3, name = $4, name_key = $5, description = $6, search_text = $7, category = $8,",
    " price_minor = $9, currency = $10, stock = $11, updated_at = $12, version = version + 1",
    " WHERE id = $1 AND version = $2 RETURNING ",
    columns!(),
);

/// Binds an id, a version and details as the first eleven parameters of [`INSERT`] and [`UPDATE`].
macro_rules! bind_product {
    ($query:expr, $id:expr, $version:expr, $details:expr) => {{
        let details: &Details = $details;
        $query
            .bind($id.uuid())
            .bind($version)
            .bind(details.sku())
            .bind(details.name())
            .bind(details.name_key())
            .bind(details.description())
            .bind(details.search_text())
            .bind(details.category())
            .bind(details.price().amount_minor())
            .bind(details.price().currency().code())
            .bind(details.stock())
    }};
}

const VERSION: &str = "SELECT version FROM products WHERE id = $1";
const DELETE: &str = concat!("DELETE FROM products WHERE id = $1 RETURNING ", columns!());
const MARK_SEEDED: &str = "INSERT INTO catalogue_seeds (name, seeded_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// See the module.
pub struct SqlStore {
    db: Db,
    outbox: Outbox,
}

impl SqlStore {
    /// A store in `db`, whose schema is that of [`MIGRATIONS`], and its outbox.
    #[must_use]
    pub fn new(db: Db, outbox: Outbox) -> Self {
        Self { db, outbox }
    }

    /// Makes lasting what happened in `tx`, together with the event that tells of it.
    async fn commit(&self, mut tx: Tx, event: Result<Envelope, Malformed>) -> Result<(), Error> {
        let event = event.map_err(|malformed| Error::Storage(Arc::new(malformed)))?;
        self.outbox.append(&mut tx, &event).await.map_err(failed)?;
        self.outbox.commit(tx).await.map_err(failed)
    }

    /// Puts in `products` under that name, unless it has happened before, and tells nobody: they have always been
    /// there. Answers how many were put in; those whose
    /// SKU is taken are not.
    ///
    /// # Errors
    /// If the database fails; nothing has happened then.
    pub async fn seed(&self, name: &str, products: &[Product]) -> Result<u64, Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        // Taken first: another replica that starts now waits for this row, and then finds that all is done.
        let mark = on!(tx, |c| sqlx::query(MARK_SEEDED).bind(name).bind(now()).execute(c));
        if self.db.observe("INSERT catalogue_seeds", mark).await.map_err(failed)? == 0 {
            return Ok(0);
        }
        let inserts = async {
            let mut added = 0;
            for product in products {
                added += insert(&mut tx, product).await?;
            }
            Ok(added)
        };
        let added = self.db.observe("INSERT products seed", inserts).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(added)
    }

    async fn page<K: Parameter>(
        &self,
        sql: &'static str,
        search: &Search,
        key: K,
    ) -> Result<Vec<Columns>, sqlx::Error> {
        let filter = search.filter();
        let mut conn = self.db.reader().await?;
        let query = on!(conn, |c| {
            let mut query = sqlx::query_as::<_, Columns>(sql)
                .bind(filter.category())
                .bind(filter.min_price())
                .bind(filter.max_price())
                .bind(filter.in_stock());
            for pattern in patterns(filter.words()) {
                query = query.bind(pattern);
            }
            query.bind(key).bind(search.start().id()).bind(search.fetch_limit()).fetch_all(c)
        });
        self.db.observe("SELECT products page", query).await
    }
}

#[async_trait]
impl ProductStore for SqlStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        let mut conn = self.db.reader().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, Columns>(FIND).bind(id.uuid()).fetch_optional(c));
        let row = self.db.observe("SELECT products", query).await.map_err(failed)?;
        row.ok_or(Error::NotFound).and_then(product).map(Arc::new)
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        let rows = match (search.start().key().clone(), search.sort()) {
            (SortKey::Name(name), _) => self.page(BY_NAME, search, name).await,
            (SortKey::Price(price), Sort::PriceDesc) => self.page(BY_PRICE_DESC, search, price).await,
            (SortKey::Price(price), _) => self.page(BY_PRICE_ASC, search, price).await,
            (SortKey::Created(at), _) => self.page(BY_NEWEST, search, at).await,
        };
        let found = rows.map_err(failed)?.into_iter().map(product).collect::<Result<_, _>>()?;
        Ok(Arc::new(Page::of(search, found)))
    }

    async fn add(&self, product: &Product) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let added = self.db.observe("INSERT products", insert(&mut tx, product)).await.map_err(failed)?;
        // Ids are never used twice, so the conflict is one of SKUs.
        if added == 0 { Err(Error::SkuTaken) } else { self.commit(tx, events::created(product)).await }
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let update = on!(tx, |c| bind_product!(sqlx::query_as::<_, Columns>(UPDATE), id, version, details)
            .bind(now())
            .fetch_optional(c));
        match self.db.observe("UPDATE products", update).await {
            Ok(Some(row)) => {
                let product = product(row)?;
                self.commit(tx, events::updated(&product)).await?;
                return Ok(product);
            }
            Ok(None) => {}
            Err(error) if is_duplicate(&error) => return Err(Error::SkuTaken),
            Err(error) => return Err(failed(error)),
        }
        let query = on!(tx, |c| sqlx::query_as::<_, (i64,)>(VERSION).bind(id.uuid()).fetch_optional(c));
        match self.db.observe("SELECT products version", query).await.map_err(failed)? {
            Some((current,)) => Err(Error::VersionConflict { current }),
            None => Err(Error::NotFound),
        }
    }

    async fn remove(&self, id: ProductId) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let delete = on!(tx, |c| sqlx::query_as::<_, Columns>(DELETE).bind(id.uuid()).fetch_optional(c));
        let row = self.db.observe("DELETE products", delete).await.map_err(failed)?;
        let gone = product(row.ok_or(Error::NotFound)?)?;
        self.commit(tx, events::deleted(&gone, now())).await
    }
}

/// Answers how many rows were put in: none if the id or the SKU exists.
async fn insert(tx: &mut Tx, product: &Product) -> Result<u64, sqlx::Error> {
    let (id, version, details) = (product.id(), product.version(), product.details());
    on!(tx, |c| bind_product!(sqlx::query(INSERT), id, version, details)
        .bind(product.created_at())
        .bind(product.updated_at())
        .execute(c))
    .await
}

/// A pattern for each word, and for the rest one that everything matches.
fn patterns(words: &[String]) -> [String; MAX_WORDS] {
    std::array::from_fn(|n| match words.get(n) {
        Some(word) => format!("%{}%", word.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")),
        None => "%".to_owned(),
    })
}

fn product(columns: Columns) -> Result<Product, Error> {
    Product::try_from(ProductRow::from(columns)).map_err(|unknown| Error::Storage(Arc::new(unknown)))
}

fn failed(error: sqlx::Error) -> Error {
    if is_unavailable(&error) { Error::Unavailable(Arc::new(error)) } else { Error::Storage(Arc::new(error)) }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
