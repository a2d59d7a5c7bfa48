"""Every process a run starts, each in a group of its own, so that nothing outlives the run: not a provider, not a moto server."""
import os
import signal
import subprocess
import threading
from pathlib import Path

live = set()
_lock = threading.Lock()
_stopped = False


class Stopped(Exception):
    """The run is being ended; no new process is started."""


def start(words, **more):
    """Popen for WORDS as the leader of a group of its own; end it with finish() or end()."""
    with _lock:
        if _stopped:
            raise Stopped()
        child = subprocess.Popen([str(w) for w in words], start_new_session=True, **more)
        live.add(child)
        return child


def finish(child, limit):
    """Waits for CHILD at most LIMIT seconds and gives its output; whatever happens, nothing of its group stays."""
    try:
        return child.communicate(timeout=limit)[0]
    finally:
        end(child)


def end(child):
    """Kills what is left of the group of CHILD. All of it is scratch on loopback, so nothing has to be put in order first."""
    if child.poll() is None:
        _kill(child)
        child.wait()
    if child.stdout:
        child.stdout.close()
    with _lock:
        live.discard(child)


def stop_all():
    global _stopped
    with _lock:
        _stopped = True
        for child in live:
            if child.poll() is None:
                _kill(child)


def stopped():
    return _stopped


def _kill(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended by itself in this moment


def environ(pid):
    """NAME=value of a process, as far as it may be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def marked(text):
    """(pid, command) of every other process with TEXT in its environment; nothing where there is no /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and any(text in value for value in environ(pid)):
            try:
                found.append((pid, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")))
            except OSError:
                continue  # it ended in this moment
    return found
