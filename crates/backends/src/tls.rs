//! Servers that also take TLS, with a certificate that the caller has made.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::error::BackendError;
use crate::postgres::Postgres;
use crate::rabbitmq::RabbitMq;
use crate::redis::Redis;
use crate::server::{free_port, write_private};

/// What a server shows its clients, as PEM.
#[derive(Clone, Copy, Debug)]
pub struct ServerCertificate<'a> {
    /// Its certificate.
    pub certificate: &'a str,
    /// The private key of the certificate.
    pub key: &'a str,
}

impl ServerCertificate<'_> {
    /// Writes both into `folder` for its owner, who is the user that runs the server.
    fn write(self, folder: &Path) -> Result<[PathBuf; 2], BackendError> {
        let owner = fs::metadata(folder).map_err(BackendError::system("cannot look at the server's folder"))?;
        let paths = ["tls-certificate.pem", "tls-key.pem"].map(|name| folder.join(name));
        for (path, text) in paths.iter().zip([self.certificate, self.key]) {
            write_private(path, text)?;
            chown(path, Some(owner.uid()), Some(owner.gid()))
                .map_err(BackendError::system("cannot give a key away"))?;
        }
        Ok(paths)
    }
}

impl Postgres {
    /// Lets clients ask for TLS, at the same port. To be called again for another certificate.
    ///
    /// # Errors
    /// If Postgres does not do it.
    pub fn enable_tls(&self, certificate: ServerCertificate<'_>) -> Result<(), BackendError> {
        let [certificate, key] = certificate.write(&self.folder().join("data"))?;
        for (name, value) in [("ssl_cert_file", certificate), ("ssl_key_file", key), ("ssl", "on".into())] {
            self.execute("postgres", &format!("ALTER SYSTEM SET {name} = '{}'", value.display()))?;
        }
        self.execute("postgres", "SELECT pg_reload_conf()").map(drop)
    }
}

impl Redis {
    /// Starts it again with one more port, for TLS, and answers that.
    ///
    /// # Errors
    /// If Redis does not start so; some are built without TLS.
    pub fn enable_tls(&self, certificate: ServerCertificate<'_>) -> Result<u16, BackendError> {
        let [certificate, key] = certificate.write(self.folder())?;
        let port = free_port()?;
        let [certificate, key] =
            [("cert", certificate), ("key", key)].map(|(what, path)| format!("tls-{what}-file {}", path.display()));
        self.configure(&[&format!("tls-port {port}"), &certificate, &key, "tls-auth-clients no"])?;
        Ok(port)
    }
}

impl RabbitMq {
    /// Starts it again with one more port, for TLS, and answers that.
    ///
    /// # Errors
    /// If RabbitMQ does not start so.
    pub fn enable_tls(&self, certificate: ServerCertificate<'_>) -> Result<u16, BackendError> {
        let [certificate, key] = certificate.write(self.folder())?.map(|path| path.display().to_string());
        let port = free_port()?;
        self.configure(&[
            &format!("listeners.ssl.default = 127.0.0.1:{port}"),
            &format!("ssl_options.certfile = {certificate}"),
            &format!("ssl_options.keyfile = {key}"),
            "ssl_options.verify = verify_none",
        ])?;
        Ok(port)
    }
}
