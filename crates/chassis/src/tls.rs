//! TLS to the stores, in builds with the feature `tls`: whether it is asked for, and whose signature makes a server's
//! certificate good.

use crate::StartError;

/// What the configuration says of the TLS to one store.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Section of the configuration: `database`, `redis` or `broker`.
    pub section: &'a str,
    /// Whether the section's `url` asks for TLS.
    pub asked: bool,
    /// Whether it also has the server's certificate checked.
    pub checked: bool,
    /// How a URL looks that does both, for messages.
    pub like: &'a str,
    /// The section's `ca_file`; empty for the authorities of the system.
    pub ca_file: &'a str,
}

impl Wanted<'_> {
    /// The text of `ca_file`, PEM with at least one certificate; `None` for the authorities of the system, or without
    /// TLS. To be called before the first connection.
    ///
    /// # Errors
    /// If TLS is wanted and not built in, or if `ca_file` cannot be used or is not asked for by the URL.
    pub fn authorities(self) -> Result<Option<String>, StartError> {
        self.judge(cfg!(feature = "tls"))?;
        if self.asked {
            implementation::provide();
        }
        if self.ca_file.is_empty() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(self.ca_file)
            .map_err(|error| self.bad_file(&format!("cannot be read: {error}")))?;
        implementation::check(&text).map_err(|reason| self.bad_file(&reason))?;
        Ok(Some(text))
    }

    fn judge(self, built: bool) -> Result<(), StartError> {
        if self.asked && !built {
            let reason = "it asks for TLS, and this program was built without; build it with `--features tls`";
            return Err(self.invalid("url", reason));
        }
        if !self.checked && !self.ca_file.is_empty() {
            let reason =
                format!("no certificate is checked with this `{}.url`; write that as {}", self.section, self.like);
            return Err(self.invalid("ca_file", &reason));
        }
        Ok(())
    }

    fn bad_file(self, reason: &str) -> StartError {
        self.invalid("ca_file", &format!("the file {} {reason}", self.ca_file))
    }

    fn invalid(self, key: &str, reason: &str) -> StartError {
        StartError::Invalid { key: format!("{}.{key}", self.section), reason: reason.to_owned() }
    }
}

#[cfg(feature = "tls")]
mod implementation {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    /// Says whose cryptography it is. Clients that do not say so themselves take the process's.
    pub(super) fn provide() {
        // Somebody else has said so already; the first word counts, and either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    pub(super) fn check(text: &str) -> Result<(), String> {
        let mut certificates = CertificateDer::pem_slice_iter(text.as_bytes()).peekable();
        if certificates.peek().is_none() {
            return Err("holds no certificate; it has to be PEM (-----BEGIN CERTIFICATE-----)".to_owned());
        }
        let mut store = rustls::RootCertStore::empty();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| format!("is not PEM: {error:?}"))?;
            store.add(certificate).map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
        }
        Ok(())
    }
}

#[cfg(not(feature = "tls"))]
mod implementation {
    pub(super) fn provide() {}

    pub(super) fn check(_: &str) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIS: Wanted<'_> =
        Wanted { section: "redis", asked: true, checked: true, like: "rediss://host:6379", ca_file: "" };

    const PLAIN: Wanted<'_> = Wanted { asked: false, checked: false, ..REDIS };

    fn refusal(wanted: Wanted<'_>, built: bool) -> String {
        wanted.judge(built).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_program_without_tls_says_how_to_get_one() {
        let refusal = refusal(REDIS, false);
        assert!(refusal.starts_with("key `redis.url`: ") && refusal.contains("--features tls"), "{refusal}");
        assert!(REDIS.judge(true).is_ok());
    }

    #[test]
    fn authorities_without_tls_are_a_mistake_in_any_build() {
        for built in [true, false] {
            let refusal = refusal(Wanted { ca_file: "ca.pem", ..PLAIN }, built);
            assert!(refusal.starts_with("key `redis.ca_file`: ") && refusal.contains("rediss://host"), "{refusal}");
            assert!(PLAIN.judge(built).is_ok());
        }
    }
}
