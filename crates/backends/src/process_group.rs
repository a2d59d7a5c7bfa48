//! The processes of one server: started as a group, signalled as a group, and gone when this process is gone.
//!
//! A watchdog, which is a shell in a process group of its own, reads a pipe from this process. However this process
//! ends, the pipe closes, and the watchdog kills the group and removes the folder. Dropping a [`ProcessGroup`] takes the same
//! way. The watchdog is apart from what it watches because that may be stopped, and because a Ctrl-C reaches everybody
//! in the terminal's group.

use std::io::{Error, Result, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("process_group.sh");

/// Holds a program back until its group is known to the watchdog.
const GATE: &str = "read -r line && exec \"$0\" \"$@\" </dev/null";

/// The time between two looks at a condition.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A command that runs `program` as the leader of a group; for [`ProcessGroup::launch`].
pub(crate) fn leader_command(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", GATE]).arg(program);
    command
}

/// See the file.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    watchdog: Child,
    leader: Option<Child>,
}

impl ProcessGroup {
    /// A group without processes. In the end `cleanup` runs, a command of the shell to which `$2` is the folder, and
    /// then the folder is removed if it is `temporary`.
    pub(crate) fn new(folder: &Path, temporary: bool, cleanup: &str) -> Result<Self> {
        let mut command = script(&["watch", if temporary { "remove" } else { "keep" }]);
        command.arg(folder).arg(cleanup);
        let watchdog = command.current_dir("/").stdin(Stdio::piped()).spawn()?;
        Ok(Self { watchdog, leader: None })
    }

    /// Starts the group with a command made by [`leader_command`].
    pub(crate) fn launch(&mut self, mut command: Command) -> Result<()> {
        let leader = self.leader.insert(command.process_group(0).stdin(Stdio::piped()).spawn()?);
        let gate = leader.stdin.take();
        let id = leader.id().to_string();
        self.watch(&id)?;
        gate.map_or(Ok(()), |mut gate| gate.write_all(b"go\n"))
    }

    fn watch(&mut self, group: &str) -> Result<()> {
        let lifeline = self.watchdog.stdin.as_mut();
        lifeline.map_or(Ok(()), |lifeline| lifeline.write_all(format!("{group}\n").as_bytes()))
    }

    /// How the leader ended, `None` while it runs or if there is none.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.leader.as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// Whether it was launched and its leader runs.
    pub(crate) fn runs(&mut self) -> Result<bool> {
        Ok(self.leader.is_some() && self.ended()?.is_none())
    }

    /// Sends a signal (`STOP`, `CONT`) to every process of the group.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let Some(leader) = &self.leader else { return Ok(()) };
        done(script(&["signal", name, &leader.id().to_string()]).stdin(Stdio::null()).status()?)
    }

    /// Kills the group and returns when it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.signal("KILL")?;
        if let Some(mut leader) = self.leader.take() {
            leader.wait()?;
        }
        self.watch("")
    }

    /// Asks the leader to end by a signal (`INT`, `TERM`), then kills what is left. Answers whether it ended in time.
    pub(crate) fn stop(&mut self, name: &str, timeout: Duration) -> Result<bool> {
        self.signal("CONT")?;
        let Some(leader) = &self.leader else { return Ok(true) };
        let id = leader.id().to_string();
        done(Command::new("sh").args(["-c", "kill \"-$0\" \"$1\"", name, &id]).status()?)?;
        let deadline = Instant::now() + timeout;
        while self.runs()? && Instant::now() < deadline {
            std::thread::park_timeout(POLL_INTERVAL);
        }
        let ended = !self.runs()?;
        self.kill()?;
        Ok(ended)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // A failure could be told to nobody, and what the watchdog did not kill is not waited for.
        let _ = self.watchdog.wait();
        if let Some(leader) = &mut self.leader {
            let _ = leader.kill();
            let _ = leader.wait();
        }
    }
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "backends"]).args(arguments);
    // Whoever reads our output to its end does not wait for this.
    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn done(status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(Error::other(format!("a signal could not be sent: {status}"))) }
}
