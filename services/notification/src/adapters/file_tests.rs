//! Tests of mails as files.

use std::os::unix::fs::PermissionsExt;

use chrono::DateTime;

use super::*;
use crate::domain::{Address, Recipient, SingleLine};

fn letter(text: &str) -> Letter {
    Letter {
        id: Uuid::from_u128(7),
        to: Recipient { address: Address::parse("ada@example.com").expect("valid"), name: SingleLine::of("Ada") },
        subject: "Welcome".to_owned(),
        text: text.to_owned(),
        html: "<p>Hello</p>".to_owned(),
        date: DateTime::UNIX_EPOCH,
    }
}

fn origin() -> Origin {
    "shop@example.com".parse::<Origin>().expect("valid")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable");
    entries.map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8")).collect()
}

#[tokio::test]
async fn a_mail_is_written_once_and_private() {
    let parent = tempfile::tempdir().expect("folder");
    let folder = parent.path().join("a/b");
    let mailer = FileMailer::open(&folder, origin()).expect("made");
    mailer.send(&letter("first")).await.expect("written");
    mailer.send(&letter("second")).await.expect("already there");
    assert_eq!(names(&folder), [format!("{}.eml", Uuid::from_u128(7))]);
    let path = folder.join(format!("{}.eml", Uuid::from_u128(7)));
    let text = fs::read_to_string(&path).expect("readable");
    assert!(text.contains("first") && !text.contains("second"), "{text}");
    assert_eq!(fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder).expect("folder").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_folder_that_vanishes_delays_the_mail_and_leaves_nothing_half_done() {
    let parent = tempfile::tempdir().expect("folder");
    let folder = parent.path().join("mail");
    let mailer = FileMailer::open(&folder, origin()).expect("made");
    fs::remove_dir(&folder).expect("removed");
    let error = mailer.send(&letter("x")).await.expect_err("no folder");
    assert!(!error.is_final && error.class == "io", "{error}");
    fs::create_dir(&folder).expect("made again");
    mailer.send(&letter("x")).await.expect("written");
    assert_eq!(names(&folder).len(), 1);
}

#[test]
fn what_a_dead_writer_left_is_removed_but_not_what_may_be_alive() {
    let folder = tempfile::tempdir().expect("folder");
    let (old, young) = (unfinished(folder.path()), unfinished(folder.path()));
    for path in [&old, &young] {
        fill(path, b"half a mail").expect("written");
    }
    let long_ago = std::time::SystemTime::now() - ABANDONED * 2;
    File::options().write(true).open(&old).expect("file").set_modified(long_ago).expect("set");
    FileMailer::open(folder.path(), origin()).expect("opened");
    assert!(!old.exists() && young.exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    assert!(FileMailer::open(Path::new("/proc/nowhere"), origin()).is_err());
}
