//! Protection of the connection to the mail server, as far as the program was built with it.

#[cfg(feature = "tls")]
pub(super) use with_tls::Security;
#[cfg(not(feature = "tls"))]
pub(super) use without_tls::Security;

#[cfg(not(feature = "tls"))]
mod without_tls {
    use std::time::Duration;

    use lettre::transport::smtp::Error;
    use lettre::transport::smtp::client::AsyncSmtpConnection;
    use lettre::transport::smtp::extension::ClientId;

    use crate::adapters::smtp::settings::Tls;

    /// None.
    pub(in crate::adapters::smtp) struct Security;

    impl Security {
        pub(in crate::adapters::smtp) fn new(tls: Tls, _: &str) -> Result<Self, String> {
            if tls == Tls::None {
                return Ok(Self);
            }
            let reason = "this program was built without TLS; build it with `--features tls`, or set \
                          \"none\" and send through a relay on this machine";
            Err(reason.to_owned())
        }

        pub(in crate::adapters::smtp) async fn connect(
            &self,
            server: (&str, u16),
            limit: Duration,
            hello: &ClientId,
        ) -> Result<AsyncSmtpConnection, Error> {
            AsyncSmtpConnection::connect_tokio1(server, Some(limit), hello, None, None).await
        }
    }
}

#[cfg(feature = "tls")]
mod with_tls {
    use std::time::Duration;

    use lettre::transport::smtp::Error;
    use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
    use lettre::transport::smtp::extension::ClientId;

    use crate::adapters::smtp::settings::Tls;

    /// Which, and the certificates it trusts: those of the system.
    pub(in crate::adapters::smtp) struct Security {
        tls: Tls,
        parameters: Option<TlsParameters>,
    }

    impl Security {
        pub(in crate::adapters::smtp) fn new(tls: Tls, host: &str) -> Result<Self, String> {
            let parameters = (tls != Tls::None).then(|| TlsParameters::new(host.to_owned()));
            let parameters = parameters.transpose().map_err(|error| error.to_string())?;
            Ok(Self { tls, parameters })
        }

        pub(in crate::adapters::smtp) async fn connect(
            &self,
            server: (&str, u16),
            limit: Duration,
            hello: &ClientId,
        ) -> Result<AsyncSmtpConnection, Error> {
            let at_once = self.parameters.clone().filter(|_| self.tls == Tls::Implicit);
            let upgrade = self.parameters.clone().filter(|_| self.tls == Tls::Starttls);
            let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(limit), hello, at_once, None).await?;
            if let Some(parameters) = upgrade {
                connection.starttls(parameters, hello).await?;
            }
            Ok(connection)
        }
    }
}
