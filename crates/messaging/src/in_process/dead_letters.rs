//! The dead letters of the in-process broker.

use async_trait::async_trait;

use super::queues::{Message, Queues, State};
use crate::dead_letter::{DeadLetter, DeadLetterError};
use crate::headers;
use crate::ports::DeadLetters;

fn letter(message: &Message) -> DeadLetter {
    DeadLetter::new(message.id.as_deref(), message.headers.clone(), &message.body)
}

/// Position and content of the first dead letter of that id.
fn find(state: &State, id: &str) -> Result<(usize, DeadLetter), DeadLetterError> {
    let letters = state.dead.iter().map(letter).enumerate();
    letters.into_iter().find(|(_, letter)| letter.id == id).ok_or_else(|| DeadLetterError::Unknown(id.to_owned()))
}

#[async_trait]
impl DeadLetters for Queues {
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        Ok(self.lock().dead.iter().take(limit).map(letter).collect())
    }

    async fn show(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        find(&self.lock(), id).map(|(_, letter)| letter)
    }

    async fn replay(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut state = self.lock();
        let (position, letter) = find(&state, id)?;
        let Some(message) = state.dead.remove(position) else { return Err(DeadLetterError::Unknown(id.to_owned())) };
        let fresh = Message::new(message.id.clone(), headers::for_replay(&message.headers), message.body.clone());
        if let Err(source) = self.put_locked(&mut state, &letter.queue, fresh) {
            state.dead.insert(position, message);
            return Err(DeadLetterError::Replay { id: id.to_owned(), source });
        }
        Ok(letter)
    }

    async fn discard(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut state = self.lock();
        let (position, letter) = find(&state, id)?;
        state.dead.remove(position);
        Ok(letter)
    }
}
