//! The shopper: registers, logs in, looks around, keeps an account, and logs out at the end.

use goose::prelude::*;

use super::account::{self, Credentials, Session};
use super::call::StepError;
use super::catalogue::{self, Filter};
use super::client::connect;

/// Shoppers among five users.
const WEIGHT: usize = 2;

/// One round in this many, the first included, also changes the name.
const RENAME_EVERY: u32 = 4;

/// One round in this many, the first included, also renews the log-in.
const RENEW_EVERY: u32 = 5;

/// What a shopper remembers.
#[derive(Clone, Debug)]
struct Shopper {
    who: Credentials,
    registered: bool,
    session: Option<Session>,
    round: u32,
    listed: Vec<String>,
}

/// The journey: sign up, then list, view, read the profile, sometimes rename and renew; log out when the load ends.
pub(crate) fn scenario() -> Result<Scenario, GooseError> {
    Ok(scenario!("Shopper")
        .set_weight(WEIGHT)?
        .register_transaction(transaction!(arrive).set_name("sign up and log in").set_on_start())
        .register_transaction(transaction!(list).set_name("list products").set_sequence(1))
        .register_transaction(transaction!(view).set_name("view a product").set_sequence(2))
        .register_transaction(transaction!(profile).set_name("read the profile").set_sequence(3))
        .register_transaction(transaction!(rename).set_name("change the name").set_sequence(4))
        .register_transaction(transaction!(renew).set_name("renew the log-in").set_sequence(5))
        .register_transaction(transaction!(leave).set_name("log out").set_on_stop()))
}

async fn arrive(user: &mut GooseUser) -> TransactionResult {
    user.set_session_data(Shopper {
        who: Credentials::fresh(),
        registered: false,
        session: None,
        round: 0,
        listed: Vec::new(),
    });
    connect(user).await?;
    logged_in(user).await.map(|_| ())
}

async fn list(user: &mut GooseUser) -> TransactionResult {
    let Some(shopper) = user.get_session_data_mut::<Shopper>() else { return Ok(()) };
    shopper.round += 1;
    let filter = if shopper.round == 1 { Filter::default() } else { Filter::random() };
    let page = catalogue::list(user, &filter, None).await?;
    let Some(shopper) = user.get_session_data_mut::<Shopper>() else { return Ok(()) };
    if !page.items.is_empty() {
        shopper.listed = page.items.into_iter().map(|product| product.id).collect();
    }
    Ok(())
}

async fn view(user: &mut GooseUser) -> TransactionResult {
    let Some(shopper) = user.get_session_data::<Shopper>() else { return Ok(()) };
    let listed = shopper.listed.clone();
    catalogue::view_one_of(user, &listed).await
}

async fn profile(user: &mut GooseUser) -> TransactionResult {
    let (shopper, session) = logged_in(user).await?;
    account::read_profile(user, &session, &shopper.who).await
}

async fn rename(user: &mut GooseUser) -> TransactionResult {
    let (shopper, session) = logged_in(user).await?;
    if shopper.round % RENAME_EVERY != 1 {
        return Ok(());
    }
    account::rename(user, &session, &format!("Load Shopper {}", shopper.round)).await
}

async fn renew(user: &mut GooseUser) -> TransactionResult {
    let (shopper, session) = logged_in(user).await?;
    if shopper.round % RENEW_EVERY != 1 && !session.is_old() {
        return Ok(());
    }
    let renewed = account::renew(user, &session).await;
    // The old refresh token is spent either way: without a new one, the next step logs in again.
    keep_session(user, renewed.as_ref().ok().cloned());
    renewed.map(|_| ())
}

async fn leave(user: &mut GooseUser) -> TransactionResult {
    let session = user.get_session_data::<Shopper>().and_then(|shopper| shopper.session.clone());
    let Some(session) = session else { return Ok(()) };
    keep_session(user, None);
    account::log_out(user, &session).await
}

/// The shopper and its session; registers and logs in first where that has not worked yet.
async fn logged_in(user: &mut GooseUser) -> Result<(Shopper, Session), StepError> {
    let Some(shopper) = user.get_session_data::<Shopper>().cloned() else {
        return Err("a shopper that never arrived".into());
    };
    if let Some(session) = shopper.session.clone() {
        return Ok((shopper, session));
    }
    if !shopper.registered {
        account::register(user, &shopper.who).await?;
        if let Some(shopper) = user.get_session_data_mut::<Shopper>() {
            shopper.registered = true;
        }
    }
    let session = account::log_in(user, &shopper.who).await?;
    keep_session(user, Some(session.clone()));
    Ok((shopper, session))
}

fn keep_session(user: &mut GooseUser, session: Option<Session>) {
    if let Some(shopper) = user.get_session_data_mut::<Shopper>() {
        shopper.session = session;
    }
}
