//! The degradation matrix: every dependency, every way it fails, what users and operators see of it, and that it is over
//! when it is over. The table is the one of `docs/degradation.md`; each of its rows is a cell here, and each cell a row
//! there.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that tells how far it is")]

mod auth;
mod collector;
mod gateway;
mod mail;
mod notification;
mod postgres;
mod product;
mod rabbitmq;
mod redis;
mod user;
mod world;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use topology::Topology;

use crate::world::World;

type Play = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A failure of a dependency.
struct Cell {
    name: &'static str,
    play: fn(Arc<World>) -> Play,
}

/// `dependency: failure, ...;` is the function `dependency::failure` as the cell `dependency_failure`.
macro_rules! cells {
    ($($dependency:ident: $($failure:ident),+;)+) => {
        &[$($(Cell {
            name: concat!(stringify!($dependency), "_", stringify!($failure)),
            play: |world| Box::pin(async move { $dependency::$failure(&world).await }),
        }),+),+]
    };
}

const CELLS: &[Cell] = cells! {
    redis: dead, hung, emptied;
    rabbitmq: dead, hung;
    postgres: dead, hung;
    auth: dead, hung;
    user: dead, hung;
    product: dead, hung;
    notification: dead, hung;
    gateway: dead;
    mail: unwritable;
    collector: dead, hung;
};

/// One set for all cells, one after the other: it takes a while to start. A cell that fails does not keep the next ones
/// from being tried.
#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_every_dependency_does_what_the_matrix_says() {
    let start = Instant::now();
    let world = World::start().await;
    world.is_well().await;
    println!("started in {:.1} s", start.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    for cell in CELLS {
        let start = Instant::now();
        let play = (cell.play)(Arc::clone(&world));
        let mended = Arc::clone(&world);
        let outcome = match tokio::spawn(play).await {
            Ok(()) => tokio::spawn(async move { mended.is_well().await }).await,
            failure => failure,
        };
        println!(
            "{}: {} in {:.1} s",
            cell.name,
            if outcome.is_ok() { "ok" } else { "FAILED" },
            start.elapsed().as_secs_f64()
        );
        if outcome.is_err() {
            failed.push(cell.name);
            world.mend().await;
        }
    }
    assert!(failed.is_empty(), "{failed:?}; {} cells", CELLS.len());
}

#[test]
fn the_page_has_a_row_for_each_cell_and_no_other() {
    let page = include_str!("../../../../docs/degradation.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let rows: Vec<_> = rows.map(|(name, _)| name).collect();
    let (known, cells): (BTreeSet<_>, BTreeSet<_>) =
        (rows.iter().copied().collect(), CELLS.iter().map(|cell| cell.name).collect());
    assert_eq!(known, cells);
    assert_eq!(rows.len(), cells.len(), "a row stands twice: {rows:?}");
}

/// A new service has its cells as soon as another one calls it.
#[test]
fn every_service_that_others_call_is_killed_here() {
    let topology = Topology::ours();
    for service in topology.services().iter().filter(|service| topology.callers(service).next().is_some()) {
        let cell = format!("{}_dead", service.module());
        assert!(CELLS.iter().any(|known| known.name == cell), "there is no cell {cell}");
    }
}
