//! The transport of mails: the folder they are written to.

use std::fs;
use std::path::PathBuf;

use crate::world::{Readiness, World};

/// Where the folder is meanwhile.
fn aside(world: &World) -> PathBuf {
    world.processes.mail().with_extension("aside")
}

/// A file in the place of the folder: nobody can write there, root neither.
pub(crate) async fn unwritable(world: &World) {
    let folder = world.processes.mail();
    let retried = [("kind", "welcome"), ("outcome", "retried")];
    let before = world.metric("notification", "mails_total", &retried).await;
    fs::rename(&folder, aside(world)).unwrap();
    fs::write(&folder, "").unwrap();
    let emails = [world.email(), world.email()];
    for email in &emails {
        let _ = world.register(email).await.expect(201);
        let _ = world.login(email).await.expect(200);
    }
    world.measures("notification", "mails_pending", &[], |value| value == 2.0).await;
    world.measures("notification", "mails_oldest_pending_age_seconds", &[], |value| value > 0.0).await;
    world.measures("notification", "mails_total", &retried, |value| value >= before + 2.0).await;
    world.shows(&["notification", "gateway"], &Readiness::Ready(Vec::new())).await;
    mend(world);
    world.measures("notification", "mails_pending", &[], |value| value == 0.0).await;
    let mails = world.welcomes();
    assert!(emails.iter().all(|email| mails.get(email) == Some(&1)), "{mails:?}");
}

/// Puts the folder back if it is away.
pub(crate) fn mend(world: &World) {
    let (folder, aside) = (world.processes.mail(), aside(world));
    if aside.exists() {
        fs::remove_file(&folder).unwrap();
        fs::rename(aside, folder).unwrap();
    }
}
