//! The list of this repository is correct, everything that repeats it is current, and a wrong list is refused with a
//! reason that names the entry and the key.
#![allow(missing_docs, reason = "tests")]

use std::path::Path;

use topology::{FILE, Topology, drift, outputs};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn names<'a>(services: impl IntoIterator<Item = &'a topology::Service>) -> Vec<&'a str> {
    services.into_iter().map(|service| service.name.as_str()).collect()
}

#[test]
fn generated_files_are_up_to_date() {
    let text = std::fs::read_to_string(root().join(FILE)).expect("the list");
    let topology = Topology::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let outputs = outputs(root(), &topology).unwrap_or_else(|error| panic!("{error}"));
    assert!(outputs.len() >= 10, "only {} files are generated", outputs.len());
    let stale = drift(root(), &outputs);
    assert!(stale.is_empty(), "not as {FILE} says: run `make services` and commit the result: {stale:#?}");
}

#[test]
fn every_service_of_the_list_has_a_folder_and_every_folder_is_on_the_list() {
    let entries = std::fs::read_dir(root().join("services")).expect("the folder of the services");
    let mut folders: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    folders.retain(|name| name != "all-in-one");
    folders.sort_unstable();
    let mut listed = names(Topology::ours().services());
    listed.sort_unstable();
    assert_eq!(folders, listed);
}

#[test]
fn callees_start_before_their_callers_and_listeners_first() {
    let order = names(Topology::ours().start_order());
    for (position, name) in order.iter().enumerate() {
        let service = Topology::ours().service(name).expect("a service");
        for callee in names(Topology::ours().callees(service)) {
            assert!(order[..position].contains(&callee), "{name} starts before {callee}");
        }
    }
    assert_eq!(order.first(), Some(&"notification"), "the first event finds somebody");
    let user = Topology::ours().service("user").expect("a service");
    assert_eq!(names(Topology::ours().callers(user)), ["gateway", "auth"]);
}

const GOOD: &str = "\
services:
  front: {http: 80, admin: 81, calls: [back, mail], stores: [redis], image: front}
  back: {grpc: 90, api: back.v1.Back, admin: 91, stores: [postgres], publishes: back, image: back}
  ear: {admin: 92, consumes: [back], stores: [postgres], image: ear}
parts:
  postgres: {port: 1}
  redis: {port: 2}
  mail: {port: 3}
  silent: {metrics: 4, calls: [postgres]}
";

#[test]
fn a_small_list_says_what_follows_from_it() {
    let topology = Topology::parse(GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(names(topology.start_order()), ["ear", "back", "front"]);
    assert_eq!(names(topology.databases()), ["back", "ear"]);
    let ear = topology.service("ear").expect("a service");
    assert_eq!(ear.queues().collect::<Vec<_>>(), ["ear.back"]);
    assert_eq!((ear.served(), ear.has_broker(), ear.has_cache()), (None, true, false));
    assert_eq!(topology.part("silent").and_then(|part| part.metrics), Some(4));
}

/// What is changed in the good list, the new text, and what the error has to say.
const WRONG: [(&str, &str, &str); 22] = [
    ("admin: 81", "amin: 81", "service `front`: unknown field `amin`, expected one of `http`"),
    ("admin: 91, ", "", "service `back`: missing field `admin`"),
    ("admin: 81", "admin: 123456", "service `front`: "),
    ("admin: 81", "admin: 91", "service `back`: key `admin`: 91 is taken by service `front`: key `admin`"),
    ("http: 80", "http: 3", "service `front`: key `http`: 3 is taken by part `mail`: key `port`"),
    ("http: 80", "http: 0", "service `front`: key `http`: 0 is no port"),
    ("[back, mail]", "[bakc]", "service `front`: key `calls`: there is no service and no part `bakc`"),
    ("[back, mail]", "[back, back]", "service `front`: key `calls`: `back` is named twice"),
    ("[back, mail]", "[ear]", "service `front`: key `calls`: nobody can call `ear`: it has neither"),
    ("[back, mail]", "[silent]", "service `front`: key `calls`: nobody can call `silent`: it has no `port`"),
    ("[back, mail]", "[redis]", "service `front`: key `calls`: `redis` is a store: name it in `stores`"),
    ("stores: [redis]", "stores: [mysql]", "service `front`: unknown variant `mysql`"),
    ("stores: [redis]", "stores: [redis, redis]", "service `front`: key `stores`: a store is named twice"),
    ("consumes: [back]", "consumes: [user]", "service `ear`: key `consumes`: no service publishes `user`"),
    ("consumes: [back]", "publishes: back", "service `back`: key `publishes`: `back` is also the context of `ear`"),
    ("api: back.v1.Back, ", "", "service `back`: key `api`: is missing"),
    ("grpc: 90, ", "", "service `back`: key `grpc`: is missing"),
    ("http: 80", "http: 80, grpc: 82", "service `front`: key `http`: a service serves http or grpc, not both"),
    ("image: ear", "image: back", "service `back`: key `image`: `back` is also the image of `ear`"),
    ("  ear:", "  Ear:", "service `Ear`: key `name`: a name has small letters"),
    ("  ear:", "  mail:", "service `mail`: key `name`: a part has the same name"),
    ("admin: 91", "admin: 91, calls: [front]", "key `calls`: is a circle: front calls back calls front"),
];

#[test]
fn a_wrong_list_is_refused_with_the_entry_and_the_key() {
    for (from, to, expected) in WRONG {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let error = Topology::parse(&text).map(|_| ()).expect_err(to).to_string();
        assert!(error.starts_with("services.yaml: ") && error.contains(expected), "{to}: {error}");
    }
    let twice = GOOD.replace("  ear:", "  back:");
    assert!(Topology::parse(&twice).is_err_and(|error| error.to_string().contains("back")), "a name twice");
    assert!(Topology::parse("services: {}\n").is_err_and(|error| error.to_string().contains("missing field `parts`")));
}
