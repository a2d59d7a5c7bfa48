//! Prometheus, Alertmanager and the exporters: started, scraped, killed, started again, and on loopback only.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use backends::{Account, BackendError, Monitor, MonitorOptions, RabbitMq, Redis, answers};

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Every address that the processes working in `folder` listen on, in the kernel's notation.
fn listeners(folder: &Path) -> Vec<String> {
    let mut sockets = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
        if std::fs::read_link(process.join("cwd")).is_ok_and(|options| options.starts_with(folder)) {
            let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            sockets.extend(files.filter_map(|file| std::fs::read_link(file.path()).ok()));
        }
    }
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own = rows.filter(|row| {
            let socket = format!("socket:[{}]", row[9]);
            row[3] == "0A" && sockets.iter().any(|path| path.to_str() == Some(&socket))
        });
        found.extend(own.map(|row| row[1].to_owned()));
    }
    found
}

fn only_on_loopback(monitor: &Monitor) {
    let found = listeners(monitor.folder());
    assert!(!found.is_empty() && found.iter().all(|address| address.starts_with("0100007F:")), "{found:?}");
}

fn comes_back(monitor: &Monitor, path: &str) {
    monitor.kill().unwrap();
    answers(monitor.address(), path).unwrap_err();
    monitor.launch().unwrap();
    answers(monitor.address(), path).unwrap();
    monitor.stop().unwrap();
    answers(monitor.address(), path).unwrap_err();
}

#[test]
fn exporters_read_their_servers() {
    let (postgres, redis) = (backends::postgres(), Redis::start().unwrap());
    let sql = "CREATE ROLE metrics LOGIN PASSWORD 'secret'; GRANT pg_monitor TO metrics";
    postgres.execute("postgres", sql).unwrap();
    redis
        .configure(&["user metrics on >secret -@all +ping +info +config|get +client|setname +slowlog +latency"])
        .unwrap();
    let account = |port| Account { port, user: "metrics".to_owned(), password: "secret".to_owned() };
    let options = MonitorOptions::default();
    for (monitor, up) in [
        (Monitor::postgres_exporter(&options, &account(postgres.port())).unwrap(), "\npg_up"),
        (Monitor::redis_exporter(&options, &account(redis.port())).unwrap(), "\nredis_up 1\n"),
        (Monitor::node_exporter(&options).unwrap(), "\nnode_memory_MemTotal_bytes "),
    ] {
        let metrics = get(monitor.address(), "/metrics");
        assert!(metrics.contains(up), "{up} {metrics}");
        only_on_loopback(&monitor);
        comes_back(&monitor, "/metrics");
    }
    let wrong = Account { password: "wrong".to_owned(), ..account(postgres.port()) };
    let monitor = Monitor::postgres_exporter(&options, &wrong).unwrap();
    assert!(get(monitor.address(), "/metrics").contains("\npg_up 0\n"), "nobody gets in with a wrong password");
}

#[test]
fn prometheus_and_alertmanager_take_their_configuration_and_refuse_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let options = MonitorOptions::default();
    let config = write("prometheus.yml", "scrape_configs: [{job_name: probe}]\n");
    let prometheus = Monitor::prometheus(&options, &config, "1m").unwrap();
    assert!(get(prometheus.address(), "/api/v1/status/config").contains("probe"));
    assert!(get(prometheus.address(), "/api/v1/status/flags").contains("exemplar-storage"));
    only_on_loopback(&prometheus);
    comes_back(&prometheus, "/-/ready");
    let config = write("alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
    let alertmanager = Monitor::alertmanager(&options, &config).unwrap();
    assert!(get(alertmanager.address(), "/api/v2/status").contains("nobody"));
    only_on_loopback(&alertmanager);
    comes_back(&alertmanager, "/-/ready");
    let config = write("alertmanager.yml", "route: {receiver: somebody}\nreceivers: [{name: nobody}]\n");
    let error = Monitor::alertmanager(&options, &config).unwrap_err();
    assert!(matches!(error, BackendError::Server { .. }) && error.to_string().contains("somebody"), "{error}");
}

#[test]
fn the_broker_serves_its_metrics() {
    let broker: &RabbitMq = backends::rabbitmq();
    let address = SocketAddr::from(([127, 0, 0, 1], broker.metrics_port()));
    assert!(get(address, "/metrics").contains("\nrabbitmq_connections "));
    let queues = get(address, "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count");
    assert!(queues.contains("rabbitmq_detailed_queue_messages_ready"), "{queues}");
}

#[test]
fn a_folder_of_somebody_else_stays_and_a_temporary_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("node");
    let options = MonitorOptions { folder: Some(kept.clone()), port: Some(backends::free_port().unwrap()) };
    let monitor = Monitor::node_exporter(&options).unwrap();
    assert_eq!(monitor.address().port(), options.port.unwrap());
    drop(monitor);
    assert!(kept.join("output").is_file());
    let monitor = Monitor::node_exporter(&MonitorOptions::default()).unwrap();
    let (temporary, address) = (monitor.folder().to_owned(), monitor.address());
    drop(monitor);
    assert!(!temporary.exists());
    answers(address, "/").unwrap_err();
    let taken = MonitorOptions { port: Some(backends::redis().port()), folder: None };
    let error = Monitor::node_exporter(&taken).unwrap_err().to_string();
    assert!(error.contains("address already in use"), "{error}");
}
