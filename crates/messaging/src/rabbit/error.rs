//! Translates the client library's errors into [`BrokerError`], in words that say what to do.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::AMQPUri;
use lapin::{Error, ErrorKind};

use crate::errors::BrokerError;

/// What came of connecting to `uri`.
pub(super) fn connecting(uri: &AMQPUri, error: &Error) -> BrokerError {
    let address = address(uri);
    let user = uri.authority.userinfo.username.clone();
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => BrokerError::Credentials { address, user },
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                BrokerError::VirtualHost { address, user, vhost: uri.vhost.clone() }
            }
            _ => BrokerError::Unreachable { address, reason: error.to_string() },
        },
        ErrorKind::IOError(error) => BrokerError::Unreachable { address, reason: error.to_string() },
        _ => BrokerError::Unreachable { address, reason: error.to_string() },
    }
}

/// Connecting to `uri` took too long.
pub(super) fn connect_timed_out(uri: &AMQPUri) -> BrokerError {
    BrokerError::Unreachable { address: address(uri), reason: "no answer in time".to_owned() }
}

fn address(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

impl From<Error> for BrokerError {
    fn from(error: Error) -> Self {
        if let ErrorKind::ProtocolError(protocol) = error.kind()
            && matches!(protocol.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED))
        {
            return Self::Topology(protocol.get_message().to_string());
        }
        Self::Failed(error.to_string())
    }
}
