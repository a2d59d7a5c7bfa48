//! Tests of what the SQL promises beyond the contract of the store.

use sqlx::AssertSqlSafe;
use stores::settings::Database;

use super::*;

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |files: &[(&'static str, &str)]| files.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let folder = |database: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let files = std::fs::read_dir(path).expect("folder").map(|file| file.expect("file").file_name());
        let mut files: Vec<_> = files.map(|name| name.into_string().expect("UTF-8")).collect();
        files.sort();
        files
    };
    assert_eq!(names(MIGRATIONS.sqlite), names(MIGRATIONS.postgres));
    assert!(MIGRATIONS.sqlite.is_sorted() && MIGRATIONS.sqlite.len() == folder("sqlite").len() + 1);
    // The outbox's text stands in messaging.
    let own = |files: &[(&'static str, &'static str)], shared: &str| {
        names(&files.iter().filter(|(_, text)| *text != shared).copied().collect::<Vec<_>>())
    };
    assert_eq!(folder("sqlite"), own(MIGRATIONS.sqlite, schema::OUTBOX_SQLITE));
    assert_eq!(folder("postgres"), own(MIGRATIONS.postgres, schema::OUTBOX_POSTGRES));
}

#[test]
fn words_mean_what_they_say() {
    let patterns = patterns(&["50%".into(), r"a_b\c".into()]);
    assert_eq!(patterns[..3], [r"%50\%%", r"%a\_b\\c%", "%"]);
}

#[tokio::test]
async fn every_order_is_read_from_its_index() {
    let folder = tempfile::tempdir().expect("folder");
    let url = format!("sqlite:{}", folder.path().join("product.db").display());
    let settings = Database::new(&url).expect("a URL");
    let db = Db::open("product", &settings, MIGRATIONS).await.expect("database");
    for (sql, index) in [
        (BY_NAME, "products_by_name ((name_key,id)>(?,?))"),
        (BY_PRICE_ASC, "products_by_price ((price_minor,id)>(?,?))"),
        (BY_PRICE_DESC, "products_by_price ((price_minor,id)<(?,?))"),
        (BY_NEWEST, "products_by_age ((created_at,id)<(?,?))"),
    ] {
        let mut conn = db.reader().await.expect("connection");
        let explain = || AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let plan = on!(conn, |c| sqlx::query_as::<_, (i64, i64, i64, String)>(explain()).fetch_all(c));
        let steps: Vec<_> = plan.await.expect("plan").into_iter().map(|step| step.3).collect();
        assert_eq!(steps, [format!("SEARCH products USING INDEX {index}")], "{sql}");
    }
}
