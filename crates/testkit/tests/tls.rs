//! TLS to Postgres, Redis and RabbitMQ: the whole stack over it, and certificates and settings that are refused.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use backends::{Postgres, RabbitMq, Redis, ServerCertificate};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use stores::db::{Db, Migrations};
use stores::settings;
use tempfile::TempDir;
use testkit::{TestStack, eventually, value_of};
use toml::toml;

const NONE: Migrations = Migrations { sqlite: &[], postgres: &[] };

/// Somebody who signs certificates, and the file by which others know them.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// What a server shows.
struct Shown {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    fn signs(&self, host: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        Shown { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Shown {
    fn certificate(&self) -> ServerCertificate<'_> {
        ServerCertificate { certificate: &self.certificate, key: &self.key }
    }
}

/// The three servers, and the URLs by which they take TLS.
struct Stores {
    postgres: Postgres,
    redis: Redis,
    rabbitmq: RabbitMq,
    redis_url: String,
    broker_url: String,
}

impl Stores {
    fn showing(shown: &Shown) -> Self {
        let (postgres, redis, rabbitmq) =
            (Postgres::start().unwrap(), Redis::start().unwrap(), RabbitMq::start().unwrap());
        postgres.enable_tls(shown.certificate()).unwrap();
        let port = redis.enable_tls(shown.certificate()).unwrap();
        let redis_url = redis
            .url()
            .replace("redis://", "rediss://")
            .replace(&format!("127.0.0.1:{}", redis.port()), &format!("localhost:{port}"));
        let port = rabbitmq.enable_tls(shown.certificate()).unwrap();
        let broker_url = format!("amqps://guest:guest@localhost:{port}/%2f");
        Self { postgres, redis, rabbitmq, redis_url, broker_url }
    }

    fn database(&self) -> String {
        self.postgres.database().unwrap().replace("127.0.0.1", "localhost") + "?sslmode=verify-full"
    }
}

fn database(url: &str, ca_file: &str) -> settings::Database {
    let settings = settings::Database::new(url).unwrap();
    settings::Database { ca_file: Some(ca_file.into()), migrate: false, ..settings }
}

/// Why each of the three refuses to work with a file of authorities, by the name of its section.
async fn refusals(urls: [&str; 3], ca_file: &str) -> [String; 3] {
    let [database_url, redis_url, broker_url] = urls;
    let opened = Db::open("test", &database(database_url, ca_file), NONE).await;
    let settings = settings::Redis::new(redis_url).unwrap();
    let redis = match stores::redis::Redis::open(&settings::Redis { ca_file: Some(ca_file.into()), ..settings }) {
        Ok(redis) => redis.unwrap().check().await.unwrap_err(),
        Err(error) => error.to_string(),
    };
    let settings = messaging::settings::Broker::new(broker_url).unwrap();
    let settings = messaging::settings::Broker { ca_file: Some(ca_file.into()), ..settings };
    let broker = match messaging::connect("test", &settings) {
        Ok(broker) => broker.check().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    [opened.err().unwrap().to_string(), redis, broker]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_stack_runs_over_tls() {
    let authority = Authority::new("ours");
    let stores = Stores::showing(&authority.signs("localhost"));
    let (ca, redis, broker) = (authority.file(), stores.redis_url.as_str(), stores.broker_url.as_str());
    let [auth, user, product, notification] = [(); 4].map(|()| stores.database());
    let stack = TestStack::builder()
        .configure(toml! {
            gateway.redis = { url = (redis), ca_file = (ca.as_str()) }
            auth.database = { url = (auth), ca_file = (ca.as_str()) }
            auth.redis = { url = (redis), ca_file = (ca.as_str()) }
            auth.broker = { url = (broker), ca_file = (ca.as_str()) }
            user.database = { url = (user), ca_file = (ca.as_str()) }
            user.broker = { url = (broker), ca_file = (ca.as_str()) }
            product.database = { url = (product), ca_file = (ca.as_str()) }
            product.redis = { url = (redis), ca_file = (ca.as_str()) }
            product.broker = { url = (broker), ca_file = (ca.as_str()) }
            notification.database = { url = (notification), ca_file = (ca.as_str()) }
            notification.broker = { url = (broker), ca_file = (ca.as_str()) }
        })
        .start()
        .await;
    let (person, _) = stack.client.sign_up("safe@example.com", "correct horse battery").await;
    let _ = person.get("/v1/users/me").await.expect(200);
    eventually("the welcome mail", || async {
        let sent = value_of(&stack.metrics("notification"), "mails_total", &[("kind", "welcome"), ("outcome", "sent")]);
        (sent >= 1.0).then_some(())
    })
    .await;
    let plain = "SELECT count(*) FILTER (WHERE ssl) > 3, count(*) FILTER (WHERE NOT ssl)
                 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname LIKE 'test_%'";
    assert_eq!(stores.postgres.execute("postgres", plain).unwrap().trim(), "t|0");
    let connections = stores.rabbitmq.ctl(&["-q", "list_connections", "ssl"]).unwrap();
    assert!(connections.matches("true").count() >= 4 && !connections.contains("false"), "{connections}");
    let clients = stores.redis.command("CLIENT LIST TYPE normal").unwrap();
    let port = stores.redis_url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let secured = clients.matches(&format!("laddr=127.0.0.1:{port}")).count();
    // The one that asks is not one of theirs.
    assert!(secured >= 3 && clients.matches("laddr=").count() == secured + 1, "{clients}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_stranger_or_for_another_host_is_refused() {
    let (known, stranger) = (Authority::new("known"), Authority::new("stranger"));
    let stores = Stores::showing(&known.signs("elsewhere.example"));
    let database_url = stores.database();
    let urls = [database_url.as_str(), &stores.redis_url, &stores.broker_url];
    for (authority, reason) in [(&stranger, "UnknownIssuer"), (&known, "not valid for name")] {
        for (refusal, section) in refusals(urls, &authority.file()).await.iter().zip(["postgres", "redis", "broker"]) {
            assert!(refusal.contains("invalid peer certificate") && refusal.contains(reason), "{section}: {refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_authorities_are_refused_with_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let urls =
        ["postgres://u:hush@localhost/d?sslmode=verify-full", "rediss://:hush@localhost", "amqps://u:hush@localhost"];
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let broken = "-----BEGIN CERTIFICATE-----\nTm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    for (path, reason) in [
        (folder.path().join("missing.pem"), "cannot be read: No such file"),
        (file("empty.pem", "no certificate"), "holds no certificate; it has to be PEM"),
        (file("broken.pem", broken), "holds a certificate that cannot be used"),
    ] {
        let path = path.display().to_string();
        for (refusal, section) in refusals(urls, &path).await.iter().zip(["database", "redis", "broker"]) {
            assert!(refusal.starts_with(&format!("key `{section}.ca_file`: the file {path} {reason}")), "{refusal}");
            assert!(!refusal.contains("hush"), "{refusal}");
        }
    }
    let urls = ["postgres://u:hush@localhost/d?sslmode=require", "redis://:hush@localhost", "amqp://u:hush@localhost"];
    let likes = ["sslmode=verify-full", "rediss://", "amqps://"];
    for ((refusal, section), like) in
        refusals(urls, "ca.pem").await.iter().zip(["database", "redis", "broker"]).zip(likes)
    {
        assert!(refusal.starts_with(&format!("key `{section}.ca_file`: no certificate is checked")), "{refusal}");
        assert!(refusal.contains(like) && !refusal.contains("hush"), "{refusal}");
    }
}
