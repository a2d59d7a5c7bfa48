//! Installation with an apt-get that only pretends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// A folder with a program named `apt-get` that does as `script` says. It writes its arguments, and whether services
/// may be started, to the file `calls`.
fn fake(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let policy = format!("{path}/policy-rc.d invoke; echo \"$? $*\" >>{path}/calls");
    let program = folder.path().join("apt-get");
    fs::write(&program, format!("#!/bin/sh\ncd {path}\n{policy}\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn installed(folder: &Path) -> (Result<(), String>, String) {
    let path = std::env::join_paths(std::iter::once(folder.to_owned()).chain(path())).unwrap();
    let mut command = installer("redis-server", &folder.join("policy-rc.d"));
    let outcome = finish(command.env("PATH", path));
    (outcome, fs::read_to_string(folder.join("calls")).unwrap())
}

const INSTALL: &str = "101 -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends redis-server\n";
const UPDATE: &str = "101 -q -y -o DPkg::Lock::Timeout=600 update\n";

#[test]
fn a_package_is_installed_and_its_service_forbidden_meanwhile() {
    let folder = fake("exit 0");
    assert_eq!(installed(folder.path()), (Ok(()), INSTALL.to_owned()));
    assert!(!folder.path().join("policy-rc.d").exists(), "only meanwhile");
}

#[test]
fn old_lists_of_packages_are_fetched_again() {
    let folder = fake("case $* in *update) touch lists ;; esac; [ -e lists ]");
    assert_eq!(installed(folder.path()), (Ok(()), format!("{INSTALL}{UPDATE}{INSTALL}")));
}

#[test]
fn the_error_has_the_words_of_apt_get() {
    let folder = fake("echo out; echo err >&2; exit 100");
    let (outcome, calls) = installed(folder.path());
    assert_eq!(outcome.unwrap_err(), "apt-get failed: out\nout\nerr\nerr");
    assert_eq!(calls, format!("{INSTALL}{UPDATE}"));
    assert!(!folder.path().join("policy-rc.d").exists());
}

#[test]
fn the_policy_of_the_machine_stays() {
    let folder = fake("exit 0");
    let policy = folder.path().join("policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 104\n").unwrap();
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(installed(folder.path()), (Ok(()), INSTALL.replace("101", "104")));
    assert!(policy.exists());
}

const THING: Package = Package { server: "Thing", program: "thingd", debian: "thing-server" };

#[test]
fn what_is_there_is_not_installed_and_what_is_missing_is() {
    let never = |_: &str| panic!("nothing is missing");
    assert_eq!(provide_by(never, &THING, || Some(7)).unwrap(), 7);
    let there = std::cell::Cell::new(None);
    let install = |debian: &str| {
        assert_eq!(debian, "thing-server");
        there.set(Some(8));
        Ok(())
    };
    assert_eq!(provide_by(install, &THING, || there.get()).unwrap(), 8);
}

#[test]
fn one_installation_serves_all_who_wait_for_it() {
    let (there, installations) = (AtomicBool::new(false), AtomicUsize::new(0));
    let install = |_: &str| {
        installations.fetch_add(1, Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(50));
        there.store(true, Ordering::SeqCst);
        Ok(())
    };
    let find = || there.load(Ordering::SeqCst).then_some(());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| provide_by(install, &THING, find).unwrap());
        }
    });
    assert_eq!(installations.load(Ordering::SeqCst), 1);
}

#[test]
fn what_cannot_be_installed_is_named_with_its_remedy() {
    let error = provide_by(|_| Err("only root may".to_owned()), &THING, || None::<()>).unwrap_err();
    let remedy = "Thing is not installed (only root may). On Debian or Ubuntu, as root: \
                  apt-get install -y --no-install-recommends thing-server . \
                  Elsewhere install Thing so that `thingd` is found in PATH";
    assert_eq!(error.to_string(), remedy);
    let error = provide_by(|_| Ok(()), &THING, || None::<()>).unwrap_err().to_string();
    assert!(error.contains("(the package thing-server does not bring it)"), "{error}");
}
