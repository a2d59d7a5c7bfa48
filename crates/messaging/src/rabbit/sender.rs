//! Sends batches of messages with publisher confirms.
//!
//! Confirms and returned messages are matched by message id and not by what the client library pairs up: one
//! acknowledgement may cover many messages, and then a returned message comes with any of them. Therefore also one
//! batch at a time per channel, and a channel whose batch was not awaited to its end is not used again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, PublisherConfirm};
use tokio::sync::Mutex;

use super::connector::Connector;
use super::message::{Outgoing, message_id, short_string};
use super::settings::RabbitSettings;
use super::topology::declare_exchange;
use crate::errors::{BrokerError, PublishError};
use crate::time::{TimedOut, timeout};

/// What became of one message.
type Outcome = Result<(), PublishError>;

/// See the module.
pub(super) struct Sender {
    connector: Arc<Connector>,
    /// The exchange to declare.
    exchange: Option<String>,
    connect_timeout: Duration,
    confirm_timeout: Duration,
    channel: Mutex<Option<Channel>>,
}

impl Sender {
    pub(super) fn new(connector: Arc<Connector>, exchange: Option<String>, settings: &RabbitSettings) -> Self {
        let (connect_timeout, confirm_timeout) = (settings.connect_timeout, settings.confirm_timeout);
        Self { connector, exchange, connect_timeout, confirm_timeout, channel: Mutex::new(None) }
    }

    /// Sends one message.
    pub(super) async fn send_one(&self, message: Outgoing) -> Outcome {
        let mut outcomes = self.send(&[message]).await;
        outcomes.pop().unwrap_or(Err(PublishError::Timeout))
    }

    /// Sends messages, whose ids differ, in order and without waiting in between. Answers one outcome for each.
    pub(super) async fn send(&self, batch: &[Outgoing]) -> Vec<Outcome> {
        let fail = |error: PublishError| batch.iter().map(|_| Err(error.clone())).collect();
        let mut slot = self.channel.lock().await;
        if let Err(error) = self.unblocked().await {
            return fail(error);
        }
        let channel = match slot.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => match self.open().await {
                Ok(channel) => channel,
                Err(error) => return fail(PublishError::Unavailable(error.to_string())),
            },
        };
        match self.limited(self.confirm_timeout, transmit(&channel, batch)).await {
            Ok(outcomes) => {
                *slot = Some(channel);
                outcomes
            }
            Err(_) => {
                let blocked = self.connector.blocked().borrow().clone();
                fail(blocked.map_or(PublishError::Timeout, PublishError::Blocked))
            }
        }
    }

    /// Waits while the broker takes no messages, for as long as a confirm may take.
    async fn unblocked(&self) -> Outcome {
        let mut blocked = self.connector.blocked();
        let reason = blocked.borrow().clone();
        let Some(reason) = reason else { return Ok(()) };
        let free = blocked.wait_for(Option::is_none);
        let free = self.limited(self.confirm_timeout, free).await;
        free.map_or(Err(PublishError::Blocked(reason)), |_| Ok(()))
    }

    async fn limited<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, TimedOut> {
        timeout(&*self.connector.ports().clock, limit, work).await
    }

    async fn open(&self) -> Result<Channel, BrokerError> {
        let channel = self.connector.channel().await?;
        let prepare = async {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            if let Some(exchange) = &self.exchange {
                declare_exchange(&channel, exchange).await?;
            }
            Ok::<_, BrokerError>(())
        };
        let prepared = self.limited(self.connect_timeout, prepare).await;
        prepared.map_err(|_| BrokerError::Failed("no answer in time".to_owned()))??;
        Ok(channel)
    }
}

async fn transmit(channel: &Channel, batch: &[Outgoing]) -> Vec<Outcome> {
    let mut sent = Vec::with_capacity(batch.len());
    for message in batch {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (short_string(&message.exchange), short_string(&message.routing_key));
        sent.push(channel.basic_publish(exchange, key, options, &message.body, message.properties()).await);
    }
    let confirm = |sent: lapin::Result<PublisherConfirm>| async { sent?.await };
    let confirms = join_all(sent.into_iter().map(confirm)).await;
    let (outcomes, returned): (Vec<_>, Vec<_>) = confirms.into_iter().map(outcome_of).unzip();
    let returned: Vec<_> = returned.into_iter().flatten().collect();
    apply_returns(batch, outcomes, &returned)
}

/// A message that came back: its id and the broker's words.
type Returned = (Option<String>, String);

fn outcome_of(confirm: lapin::Result<Confirmation>) -> (Outcome, Option<Returned>) {
    let outcome = match &confirm {
        Ok(Confirmation::Ack(_)) => Ok(()),
        Ok(Confirmation::Nack(_)) => Err(PublishError::Refused("the broker did not take it".to_owned())),
        Ok(Confirmation::NotRequested) => Err(PublishError::Unavailable("the broker does not confirm".to_owned())),
        Err(error) => Err(PublishError::Unavailable(error.to_string())),
    };
    let returned = confirm
        .ok()
        .and_then(Confirmation::take_message)
        .map(|message| (message_id(&message.delivery), message.reply_text.to_string()));
    (outcome, returned)
}

/// Turns the outcome of each returned message into a failure. One without an id is only known in a batch of one.
fn apply_returns(batch: &[Outgoing], outcomes: Vec<Outcome>, returned: &[Returned]) -> Vec<Outcome> {
    let ids: HashSet<&str> = returned.iter().filter_map(|(id, _)| id.as_deref()).collect();
    let is_returned = |message: &Outgoing| match &message.message_id {
        Some(id) => ids.contains(id.as_str()),
        None => batch.len() == 1 && !returned.is_empty(),
    };
    let apply = |(message, outcome): (&Outgoing, Outcome)| {
        if outcome.is_ok() && is_returned(message) {
            let words = returned.first().map(|(_, words)| words.clone()).unwrap_or_default();
            return Err(PublishError::Returned(format!(
                "{words}, exchange `{}`, routing key `{}`",
                message.exchange, message.routing_key
            )));
        }
        outcome
    };
    batch.iter().zip(outcomes).map(apply).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Headers;

    fn message(id: Option<&str>) -> Outgoing {
        let [exchange, routing_key] = ["user", "user.registered"].map(str::to_owned);
        let message_id = id.map(str::to_owned);
        Outgoing { exchange, routing_key, message_id, headers: Headers::new(), body: Vec::new() }
    }

    #[test]
    fn a_returned_message_fails_under_whichever_confirm_it_came() {
        let batch = [message(Some("a")), message(Some("b")), message(Some("c"))];
        let returned = [(Some("b".to_owned()), "NO_ROUTE".to_owned())];
        let outcomes = apply_returns(&batch, vec![Ok(()), Ok(()), Err(PublishError::Timeout)], &returned);
        assert!(outcomes[0].is_ok());
        assert!(matches!(&outcomes[1], Err(PublishError::Returned(words)) if words.contains("NO_ROUTE")));
        assert_eq!(outcomes[2], Err(PublishError::Timeout));
    }

    #[test]
    fn a_message_without_an_id_is_known_by_being_alone() {
        let returned = [(None, "NO_ROUTE".to_owned())];
        assert!(apply_returns(&[message(None)], vec![Ok(())], &returned)[0].is_err());
        assert!(apply_returns(&[message(None)], vec![Ok(())], &[])[0].is_ok());
    }
}
