//! Bringing a schema up to date, or making sure that it is.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::error::DbError;
use super::migrations::{Migrations, version};
use super::pools::Pools;
use crate::settings;

/// Made by the migrator. The name of a table cannot be a parameter, so the text names it.
const APPLIED: &str = "SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version";

/// How a schema stands to a program that knows versions up to some number.
#[derive(Debug, PartialEq)]
enum Standing {
    Same,
    /// Something is missing.
    Older,
    /// There is more than the program knows, and nothing it needs is gone.
    Newer,
    /// Something the program needs is gone: it has to know this version at least.
    Without(i64),
}

/// Applies what is missing, one process at a time.
pub(super) async fn migrate(
    pools: &Pools,
    settings: &settings::Database,
    migrations: Migrations,
) -> Result<(), DbError> {
    let result = match pools {
        Pools::Lite { writer, .. } => migrator(migrations.sqlite).run(writer).await,
        #[cfg(feature = "postgres")]
        Pools::Pg(pool) => {
            let pool = super::postgres::for_migration(pool, settings).await?;
            let outcome = migrator(migrations.postgres).run(&pool).await;
            pool.close().await;
            outcome
        }
    };
    result.map_err(|source| DbError::Migrate { target: settings.url.to_string(), source })
}

/// The version of the schema, once it is sure that the program can work with it. One that is newer than the program only
/// has more, unless the names of its migrations say otherwise; so the program of the last release still runs on it.
pub(super) async fn check(
    pools: &Pools,
    settings: &settings::Database,
    migrations: Migrations,
) -> Result<i64, DbError> {
    let target = settings.url.to_string();
    let applied = match applied(pools).await {
        Ok(applied) => applied,
        Err(source) => return Err(DbError::Open { target, source }),
    };
    let (found, known) = (applied.last().map_or(0, |(version, _)| *version), migrations.latest());
    match standing(&applied, known) {
        Standing::Older => Err(DbError::Older { target, found, known }),
        Standing::Without(needed) => Err(DbError::Newer { target, found, known, needed }),
        Standing::Newer => {
            tracing::warn!(found, known, "schema is newer than this program");
            Ok(found)
        }
        Standing::Same => Ok(found),
    }
}

/// Version and description of what was applied, in order; none if nothing ever was.
async fn applied(pools: &Pools) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let rows = match pools {
        Pools::Lite { writer, .. } => sqlx::query_as(APPLIED).fetch_all(writer).await,
        #[cfg(feature = "postgres")]
        Pools::Pg(pool) => sqlx::query_as(APPLIED).fetch_all(pool).await,
    };
    rows.or_else(|error| if is_undefined_table(&error) { Ok(Vec::new()) } else { Err(error) })
}

fn standing(applied: &[(i64, String)], known: i64) -> Standing {
    let unknown = applied.iter().filter(|(version, _)| *version > known);
    match unknown.map(|(_, description)| needed(description)).max() {
        None if applied.last().is_some_and(|(version, _)| *version == known) => Standing::Same,
        None if known == 0 => Standing::Same,
        None => Standing::Older,
        Some(needed) if needed > known => Standing::Without(needed),
        Some(_) => Standing::Newer,
    }
}

/// The version a program has to know for a migration not to harm it: 7 of `since 0007 drop nickname`, 0 of one that only
/// adds.
fn needed(description: &str) -> i64 {
    let number = description.strip_prefix("since ").and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    // SQLSTATE undefined_table; SQLite has only its general error, and a query of one table that fails at once.
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "42P01" | "1"))
}

/// The migrator of a list of `(file name, text)`.
fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(file, text)| migration(file, text)).collect();
    // What is applied and not among them is of a later program; whether that matters is for `check` to say.
    Migrator { migrations: Cow::Owned(migrations), ignore_missing: true, ..Migrator::DEFAULT }
}

fn migration(file: &'static str, text: &'static str) -> Migration {
    let rest = file.split_once('_').map_or("", |(_, rest)| rest);
    let description = rest.trim_end_matches(".sql").replace('_', " ");
    let sql = sqlx::AssertSqlSafe(text);
    let sql = sqlx::SqlSafeStr::into_sql_str(sql);
    Migration::new(version(file), description.into(), MigrationType::Simple, sql, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(known: i64, descriptions: &[&str]) -> Standing {
        let applied: Vec<_> = (1..).zip(descriptions.iter().map(|text| (*text).to_owned())).collect();
        standing(&applied, known)
    }

    #[test]
    fn a_schema_may_have_more_but_not_less_than_a_program_knows() {
        assert_eq!(stands(0, &[]), Standing::Same);
        assert_eq!(stands(1, &[]), Standing::Older);
        assert_eq!(stands(2, &["users"]), Standing::Older);
        assert_eq!(stands(2, &["users", "roles"]), Standing::Same);
        assert_eq!(stands(2, &["users", "roles", "add nickname", "since then"]), Standing::Newer);
    }

    #[test]
    fn a_migration_that_takes_away_names_the_version_that_does_without() {
        let applied = ["users", "nickname", "handle", "since 0003 drop nickname", "add colour"];
        assert_eq!(stands(2, &applied), Standing::Without(3));
        assert_eq!(stands(3, &applied), Standing::Newer);
        // Whoever knows the migration itself was written for it.
        assert_eq!(stands(5, &applied), Standing::Same);
        let more = [&applied[..], &["since 0005 drop colour"]].concat();
        assert_eq!(stands(4, &more), Standing::Without(5));
    }
}
