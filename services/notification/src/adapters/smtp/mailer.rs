//! Mails over SMTP to the relay of the house.
//!
//! A connection is kept for the next mail only after a mail went through it from beginning to end. One whose mail was
//! refused, timed out or was cut off is closed: answers that are still under way on it must not be taken for those to
//! the next mail.
//!
//! A mail may arrive twice: if this process dies after the server took it and before that was noted, or if the server's
//! last answer gets lost. Both copies carry the same `Message-ID`, by which mailboxes can tell.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;

use super::secure::Security;
use super::settings::SmtpSettings;
use crate::adapters::mime::{self, Origin};
use crate::domain::Letter;
use crate::ports::{Mailer, SendError};

/// Connections idle for longer are closed; servers do so after a few minutes.
const IDLE: Duration = Duration::from_secs(60);

/// Replies that ask for a sign-in or refuse it. They are about us and not about the mail.
const AUTHENTICATION: [u16; 4] = [530, 534, 535, 538];

/// Sends mails to an SMTP server.
pub struct SmtpMailer {
    settings: SmtpSettings,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Origin,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl SmtpMailer {
    /// Prepares; connects with the first mail.
    ///
    /// # Errors
    /// If protection is wanted that this program was built without, or its certificates cannot be read.
    pub fn new(settings: SmtpSettings, from: Origin) -> Result<Self, String> {
        let security = Security::new(settings.tls, &settings.host)?;
        let hello = if settings.hello.is_empty() { from.domain() } else { settings.hello.as_str() };
        let hello = ClientId::Domain(hello.to_owned());
        let credentials = (!settings.username.is_empty())
            .then(|| Credentials::new(settings.username.clone(), settings.password.expose_secret().to_owned()));
        Ok(Self { settings, security, hello, credentials, from, idle: Mutex::default() })
    }

    /// A connection that answers: a kept one, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match kept {
                Some((mut connection, since)) if since.elapsed() < IDLE => {
                    if connection.test_connected().await {
                        return Ok(connection);
                    }
                }
                Some(_) => {}
                None => return self.connect().await,
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let connection = self.security.connect(server, self.settings.connect_timeout, &self.hello).await;
        // Also a refusal for good is about us here: the mail has not been spoken of yet.
        let mut connection = connection.map_err(|error| SendError::passing(class(&error), detail(&error)))?;
        if let Some(credentials) = &self.credentials {
            let answer = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            answer.map_err(|error| SendError::passing("authentication", detail(&error)))?;
        }
        Ok(connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = mime::message(&self.from, letter)?;
        let mut connection = self.connection().await?;
        connection.send(message.envelope(), &message.formatted()).await.map_err(|error| refusal(&error))?;
        self.keep(connection);
        Ok(())
    }
}

/// What an answer to the mail itself means for it.
fn refusal(error: &Error) -> SendError {
    let about_us = error.status().is_some_and(|code| AUTHENTICATION.contains(&code.into()));
    if about_us {
        return SendError::passing("authentication", detail(error));
    }
    SendError { class: class(error), detail: detail(error), is_final: error.is_permanent() || error.is_client() }
}

fn class(error: &Error) -> &'static str {
    if error.is_permanent() {
        "refused"
    } else if error.is_transient() {
        "deferred"
    } else if error.is_client() {
        "unsupported"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_response() {
        "protocol"
    } else {
        "connection"
    }
}

/// What happened, without the server's words: they often repeat the recipient's address.
fn detail(error: &Error) -> String {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) => {
            let enhanced = source.split_whitespace().next().filter(|word| is_enhanced(word)).unwrap_or_default();
            format!("the server answered {code} {enhanced}").trim_end().to_owned()
        }
        None => source,
    }
}

/// Whether `word` is an enhanced status code such as `5.1.1`: RFC 3463.
fn is_enhanced(word: &str) -> bool {
    let mut parts = word.split('.');
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.by_ref().take(3).filter(|part| number(part)).count() == 3 && parts.next().is_none()
}
