//! The face towards the broker: which events are wanted, what each means here, and what becomes of one that cannot be
//! handled. Reads tolerantly: fields it does not know are nobody's business.

mod payload;

use std::sync::Arc;

use async_trait::async_trait;
use messaging::{BadSubscription, Envelope, Failure, Handler, Subscription};
use tokio::sync::Notify;
use uuid::Uuid;

use self::payload::{InvalidPayload, Payload};
use crate::domain::{Address, Applied, Draft, Effect, Error, Event, Kind, SingleLine, Variables, variables};
use crate::metrics;
use crate::name::NAME;
use crate::ports::Store;

/// Types with the newest version that is read.
type Types = &'static [(&'static str, u16)];

/// What is read of which context.
const SUBSCRIPTIONS: [(&str, Types); 3] = [
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
    SUBSCRIPTIONS.into_iter().map(subscription).collect()
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
    fn effect(&self, event: &Envelope) -> Result<Option<Effect>, InvalidPayload> {
        let payload = Payload(event.payload());
        let effect = match event.kind() {
            "user.registered" => Effect::Register {
                user: payload.id("user_id")?,
                address: payload.address("email")?,
                name: SingleLine::of(payload.text("name")?),
            },
            "user.deleted" => Effect::Forget { user: payload.id("user_id")? },
            "user.role_changed" => mail_to_user(&payload, Kind::RoleChanged, role_change(&payload)?)?,
            "auth.refresh_token_reused" => {
                let variables = variables([("detected_at", payload.time("detected_at")?)]);
                mail_to_user(&payload, Kind::SessionRevoked, variables)?
            }
            "product.created" => return self.mail_about_catalogue(Kind::ProductCreated, &payload, "created_at"),
            "product.updated" => return self.mail_about_catalogue(Kind::ProductUpdated, &payload, "updated_at"),
            "product.deleted" => return self.mail_about_catalogue(Kind::ProductDeleted, &payload, "deleted_at"),
            _ => return Ok(None),
        };
        Ok(Some(effect))
    }

    fn mail_about_catalogue(
        &self,
        kind: Kind,
        payload: &Payload<'_>,
        at: &'static str,
    ) -> Result<Option<Effect>, InvalidPayload> {
        let Some(to) = self.catalogue_to.clone() else { return Ok(None) };
        let id: Uuid = payload.id("product_id")?;
        let mut variables = variables([
            ("product_id", SingleLine::of(&id.to_string())),
            ("product", SingleLine::of(payload.text("name")?)),
            ("sku", SingleLine::of(payload.text("sku")?)),
            ("at", payload.time(at)?),
        ]);
        if kind != Kind::ProductDeleted {
            variables.insert("price".to_owned(), payload.price()?);
        }
        Ok(Some(Effect::MailAddress { to, draft: Draft { kind, variables } }))
    }

    async fn apply(&self, event: &Envelope, effect: &Effect) -> Result<(), Failure> {
        let about = Event {
            id: event.id(),
            occurred_at: event.occurred_at(),
            traceparent: event.traceparent().map(str::to_owned),
        };
        match self.store.apply(&about, effect).await {
            Ok(Applied::Queued) => self.wake.notify_one(),
            Ok(Applied::Obsolete) => metrics::observe_freshness(metrics::NO_MAIL, event.occurred_at()),
            Ok(Applied::Forgotten { cancelled }) => {
                for kind in cancelled {
                    metrics::count_outcome(kind, "cancelled");
                }
                metrics::observe_freshness(metrics::NO_MAIL, event.occurred_at());
            }
            Ok(Applied::Repeated) => {}
            Err(error @ Error::Unavailable(_)) => return Err(Failure::dependency_down(error.to_string())),
            Err(error) => return Err(Failure::transient(error.to_string())),
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for Events {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        let effect = self.effect(event);
        let effect = effect.map_err(|problem| Failure::permanent(format!("event {}: {problem}", event.id())))?;
        match effect {
            Some(effect) => self.apply(event, &effect).await,
            None => Ok(()),
        }
    }
}

fn mail_to_user(payload: &Payload<'_>, kind: Kind, variables: Variables) -> Result<Effect, InvalidPayload> {
    Ok(Effect::MailUser { user: payload.id("user_id")?, draft: Draft { kind, variables } })
}

fn role_change(payload: &Payload<'_>) -> Result<Variables, InvalidPayload> {
    Ok(variables([
        ("old_role", SingleLine::of(payload.text("old_role")?)),
        ("new_role", SingleLine::of(payload.text("new_role")?)),
        ("changed_at", payload.time("changed_at")?),
    ]))
}
