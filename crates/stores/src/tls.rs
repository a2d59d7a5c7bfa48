//! TLS to the stores, in builds with the feature `tls`: whether it is asked for, and whose signature makes a server's
//! certificate good.

use std::path::Path;

use chassis::StartError;

/// What the configuration says of the TLS to one store.
#[derive(Clone, Copy, Debug)]
pub struct TlsRequest<'a> {
    /// Section of the configuration: `database`, `redis` or `broker`.
    pub section: &'a str,
    /// Whether the section's `url` asks for TLS.
    pub encrypted: bool,
    /// Whether it also has the server's certificate checked.
    pub verified: bool,
    /// How a URL looks that does both, for messages.
    pub example_url: &'a str,
    /// The section's `ca_file`; none for the authorities of the system.
    pub ca_file: Option<&'a Path>,
}

impl TlsRequest<'_> {
    /// The text of `ca_file`, PEM with at least one certificate; `None` for the authorities of the system, or without
    /// TLS. To be called before the first connection.
    ///
    /// # Errors
    /// If TLS is wanted and not built in, or if `ca_file` cannot be used or is not asked for by the URL.
    pub fn authorities(self) -> Result<Option<String>, StartError> {
        self.check(cfg!(feature = "tls"))?;
        if self.encrypted {
            implementation::provide();
        }
        let Some(file) = self.ca_file else { return Ok(None) };
        let bad = |reason: &str| self.invalid("ca_file", &format!("the file {} {reason}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| bad(&format!("cannot be read: {error}")))?;
        implementation::check(&text).map_err(|reason| bad(&reason))?;
        Ok(Some(text))
    }

    fn check(self, built: bool) -> Result<(), StartError> {
        if self.encrypted && !built {
            let reason = "it asks for TLS, and this program was built without; build it with `--features tls`";
            return Err(self.invalid("url", reason));
        }
        if !self.verified && self.ca_file.is_some() {
            let reason = format!(
                "no certificate is checked with this `{}.url`; write that as {}",
                self.section, self.example_url
            );
            return Err(self.invalid("ca_file", &reason));
        }
        Ok(())
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

    const REDIS: TlsRequest<'_> = TlsRequest {
        section: "redis",
        encrypted: true,
        verified: true,
        example_url: "rediss://host:6379",
        ca_file: None,
    };

    const PLAIN: TlsRequest<'_> = TlsRequest { encrypted: false, verified: false, ..REDIS };

    fn refusal(request: TlsRequest<'_>, built: bool) -> String {
        request.check(built).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_program_without_tls_says_how_to_get_one() {
        let refusal = refusal(REDIS, false);
        assert!(refusal.starts_with("key `redis.url`: ") && refusal.contains("--features tls"), "{refusal}");
        assert!(REDIS.check(true).is_ok());
    }

    #[test]
    fn authorities_without_tls_are_a_mistake_in_any_build() {
        for built in [true, false] {
            let refusal = refusal(TlsRequest { ca_file: Some(Path::new("ca.pem")), ..PLAIN }, built);
            assert!(refusal.starts_with("key `redis.ca_file`: ") && refusal.contains("rediss://host"), "{refusal}");
            assert!(PLAIN.check(built).is_ok());
        }
    }
}
