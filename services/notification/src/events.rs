//! The face towards the broker: which events are wanted, what each means here, and what becomes of one that cannot be
//! handled. Reads tolerantly: fields it does not know are nobody's business.

mod facts;

use std::sync::Arc;

use async_trait::async_trait;
use messaging::{BadSubscription, Envelope, Failure, Handler, Subscription};
use tokio::sync::Notify;
use uuid::Uuid;

use self::facts::{Facts, Misfit};
use crate::domain::{Address, Applied, Draft, Effect, Error, Event, Kind, Line, Variables, variables};
use crate::metrics;
use crate::name::NAME;
use crate::ports::Store;

/// Types with the newest version that is read.
type Types = &'static [(&'static str, u16)];

/// What is read of which context.
const WANTED: [(&str, Types); 3] = [
    (USER, &[("user.registered", 1), ("user.role_changed", 1), ("user.deleted", 1)]),
    ("auth", &[("auth.refresh_token_reused", 1)]),
    ("product", &[("product.created", 1), ("product.updated", 1), ("product.deleted", 1)]),
];

/// The context whose events are told in their order, one instance at a time: role changes of a user make no sense in
/// another. For the rest order does not matter.
const USER: &str = "user";

/// What is wanted of the broker, one subscription a context.
///
/// # Errors
/// If a name breaks the broker's rules, which is a bug.
pub fn subscriptions() -> Result<Vec<Subscription>, BadSubscription> {
    let subscription = |(context, types): (&str, Types)| {
        let mut subscription = Subscription::new(context, NAME, types)?;
        subscription.ordered = context == USER;
        Ok(subscription)
    };
    WANTED.into_iter().map(subscription).collect()
}

/// Turns events into effects.
pub struct Events {
    store: Arc<dyn Store>,
    catalogue_to: Option<Address>,
    wake: Arc<Notify>,
}

impl Events {
    /// Effects go to `store`; mails about the catalogue to `catalogue_to`, if anybody wants them. `wake` is told of
    /// each queued mail.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, catalogue_to: Option<Address>, wake: Arc<Notify>) -> Self {
        Self { store, catalogue_to, wake }
    }

    /// What an event means; nothing, if nobody wants to hear of it.
    fn effect(&self, event: &Envelope) -> Result<Option<Effect>, Misfit> {
        let facts = Facts(event.payload());
        let effect = match event.kind() {
            "user.registered" => Effect::Register {
                user: facts.id("user_id")?,
                address: facts.address("email")?,
                name: Line::of(facts.text("name")?),
            },
            "user.deleted" => Effect::Forget { user: facts.id("user_id")? },
            "user.role_changed" => tell(&facts, Kind::RoleChanged, role_change(&facts)?)?,
            "auth.refresh_token_reused" => {
                let variables = variables([("detected_at", facts.time("detected_at")?)]);
                tell(&facts, Kind::SessionRevoked, variables)?
            }
            "product.created" => return self.announce(Kind::ProductCreated, &facts, "created_at"),
            "product.updated" => return self.announce(Kind::ProductUpdated, &facts, "updated_at"),
            "product.deleted" => return self.announce(Kind::ProductDeleted, &facts, "deleted_at"),
            _ => return Ok(None),
        };
        Ok(Some(effect))
    }

    fn announce(&self, kind: Kind, facts: &Facts<'_>, at: &'static str) -> Result<Option<Effect>, Misfit> {
        let Some(to) = self.catalogue_to.clone() else { return Ok(None) };
        let id: Uuid = facts.id("product_id")?;
        let mut variables = variables([
            ("product_id", Line::of(&id.to_string())),
            ("product", Line::of(facts.text("name")?)),
            ("sku", Line::of(facts.text("sku")?)),
            ("at", facts.time(at)?),
        ]);
        if kind != Kind::ProductDeleted {
            variables.insert("price".to_owned(), facts.price()?);
        }
        Ok(Some(Effect::Announce { to, draft: Draft { kind, variables } }))
    }

    async fn have(&self, event: &Envelope, effect: &Effect) -> Result<(), Failure> {
        let about = Event {
            id: event.id(),
            occurred_at: event.occurred_at(),
            traceparent: event.traceparent().map(str::to_owned),
        };
        match self.store.apply(&about, effect).await {
            Ok(Applied::Queued) => self.wake.notify_one(),
            Ok(Applied::Moot) => metrics::fresh(metrics::NO_MAIL, event.occurred_at()),
            Ok(Applied::Forgotten { cancelled }) => {
                for kind in cancelled {
                    metrics::outcome(kind, "cancelled");
                }
                metrics::fresh(metrics::NO_MAIL, event.occurred_at());
            }
            Ok(Applied::Repeated) => {}
            Err(error @ Error::Away(_)) => return Err(Failure::unavailable(error.to_string())),
            Err(error) => return Err(Failure::retry(error.to_string())),
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for Events {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        let effect = self.effect(event);
        let effect = effect.map_err(|misfit| Failure::reject(format!("event {}: {misfit}", event.id())))?;
        match effect {
            Some(effect) => self.have(event, &effect).await,
            None => Ok(()),
        }
    }
}

fn tell(facts: &Facts<'_>, kind: Kind, variables: Variables) -> Result<Effect, Misfit> {
    Ok(Effect::Tell { user: facts.id("user_id")?, draft: Draft { kind, variables } })
}

fn role_change(facts: &Facts<'_>) -> Result<Variables, Misfit> {
    Ok(variables([
        ("old_role", Line::of(facts.text("old_role")?)),
        ("new_role", Line::of(facts.text("new_role")?)),
        ("changed_at", facts.time("changed_at")?),
    ]))
}
