//! The visitor: looks through the catalogue without an account.

use goose::prelude::*;

use super::catalogue::{self, Filter};
use super::client::connect;

/// Visitors among five users.
const WEIGHT: usize = 3;

/// One round in this many, the first included, also lists in version 2 of the API.
const V2_EVERY: u32 = 3;

/// What a visitor remembers.
#[derive(Clone, Debug, Default)]
struct Visitor {
    round: u32,
    filter: Filter,
    listed: Vec<String>,
    next_cursor: Option<String>,
}

/// The journey: list products, turn the page, view two products, sometimes list in version 2.
pub(crate) fn scenario() -> Result<Scenario, GooseError> {
    Ok(scenario!("Visitor")
        .set_weight(WEIGHT)?
        .register_transaction(transaction!(arrive).set_name("arrive").set_on_start())
        .register_transaction(transaction!(list).set_name("list products").set_sequence(1))
        .register_transaction(transaction!(turn_page).set_name("turn the page").set_sequence(2))
        .register_transaction(transaction!(view).set_name("view a product").set_sequence(3).set_weight(2)?)
        .register_transaction(transaction!(list_v2).set_name("list in version 2").set_sequence(4)))
}

async fn arrive(user: &mut GooseUser) -> TransactionResult {
    user.set_session_data(Visitor::default());
    connect(user).await
}

async fn list(user: &mut GooseUser) -> TransactionResult {
    let Some(visitor) = user.get_session_data_mut::<Visitor>() else { return Ok(()) };
    visitor.round += 1;
    // All products first, so that there is something to view whatever the filters find later.
    visitor.filter = if visitor.round == 1 { Filter::default() } else { Filter::random() };
    visitor.next_cursor = None;
    fetch_page(user).await
}

async fn turn_page(user: &mut GooseUser) -> TransactionResult {
    match user.get_session_data::<Visitor>() {
        Some(Visitor { next_cursor: Some(_), .. }) => fetch_page(user).await,
        _ => Ok(()),
    }
}

async fn view(user: &mut GooseUser) -> TransactionResult {
    let Some(visitor) = user.get_session_data::<Visitor>() else { return Ok(()) };
    let listed = visitor.listed.clone();
    catalogue::view_one_of(user, &listed).await
}

async fn list_v2(user: &mut GooseUser) -> TransactionResult {
    match user.get_session_data::<Visitor>() {
        Some(visitor) if visitor.round % V2_EVERY == 1 => catalogue::list_v2(user).await,
        _ => Ok(()),
    }
}

/// Fetch the page the visitor is at and remember what is on it and what comes next.
async fn fetch_page(user: &mut GooseUser) -> TransactionResult {
    let Some(visitor) = user.get_session_data::<Visitor>() else { return Ok(()) };
    let (filter, cursor) = (visitor.filter.clone(), visitor.next_cursor.clone());
    let page = catalogue::list(user, &filter, cursor.as_deref()).await?;
    let Some(visitor) = user.get_session_data_mut::<Visitor>() else { return Ok(()) };
    visitor.next_cursor = page.next_cursor;
    if !page.items.is_empty() {
        visitor.listed = page.items.into_iter().map(|product| product.id).collect();
    }
    Ok(())
}
