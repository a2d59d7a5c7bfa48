//! A letter as the bytes that travel: headers, and text and HTML side by side. The same letter gives the same bytes, so
//! that a mail sent twice after a crash carries the same `Message-ID` and can be told to be one.

use std::str::FromStr;
use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::domain;
use crate::domain::{Letter, Recipient};
use crate::ports::SendError;

/// Whom mails come from.
#[derive(Clone, Debug)]
pub struct Origin(Mailbox);

/// A text that is no sender.
#[derive(Debug, thiserror::Error)]
#[error("is no sender such as `Shop <shop@example.com>`: {0}")]
pub struct BadOrigin(String);

impl FromStr for Origin {
    type Err = BadOrigin;

    /// Reads `Name <address>` or an address.
    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        if text.chars().any(char::is_control) {
            return Err(BadOrigin("it holds control characters".to_owned()));
        }
        text.parse().map(Self).map_err(|error: lettre::address::AddressError| BadOrigin(error.to_string()))
    }
}

impl Origin {
    /// The part of the address after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// The message of a letter.
///
/// # Errors
/// If the recipient's address cannot stand in a mail, or the message cannot be built; trying again does not help.
pub fn message(from: &Origin, letter: &Letter) -> Result<Message, SendError> {
    let id = letter.id;
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", id.simple()))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    head(from, letter)?.multipart(parts).map_err(|error| SendError::lasting("message", error.to_string()))
}

fn head(from: &Origin, letter: &Letter) -> Result<MessageBuilder, SendError> {
    let builder = Message::builder()
        .from(from.0.clone())
        .to(mailbox(&letter.to)?)
        .subject(letter.subject.clone())
        .date(SystemTime::from(letter.date))
        .message_id(Some(format!("<{}@{}>", letter.id, from.domain())));
    // Tells other programs not to answer: RFC 3834.
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    Ok(builder.raw_header(HeaderValue::new(name, "auto-generated".to_owned())))
}

fn mailbox(to: &Recipient) -> Result<Mailbox, SendError> {
    let address = address(&to.address)?;
    let name = Some(to.name.as_str().to_owned()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address))
}

/// The address as the library has it.
///
/// # Errors
/// If it is none in its eyes; the error does not repeat it.
pub fn address(address: &domain::Address) -> Result<Address, SendError> {
    let parsed: Result<Address, _> = address.as_str().parse();
    parsed.map_err(|error| SendError::lasting("address", error.to_string()))
}

#[cfg(test)]
#[path = "mime_tests.rs"]
mod tests;
