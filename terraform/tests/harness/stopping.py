"""A run that is stopped while it applies: whatever it started must end with it, and its folder must go."""
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import children
import tf

# What must be running before the signal: otherwise the stop would prove nothing.
AT_WORK = {"terraform": "apply", "moto": "moto.server", "provider": "-debug"}


def can_look():
    """Whether this system shows the environment of processes, by which those of a run are known."""
    return Path("/proc/self/environ").exists()


def stop_while_applying(area="key"):
    """Starts a run of one AREA, sends SIGINT while it applies; gives the seconds it took to end."""
    mark = f"PLAN_TEST_MARK={secrets.token_hex(8)}"
    env = tf.environment(PLAN_TEST_MARK=mark.split("=")[1], PLAN_TEST_AREA_JOBS="1")
    run = children.start([sys.executable, Path(__file__).with_name("main.py"), "--only", "moto", "--area", area], env=env, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: run.poll() is not None or at_work(mark), 180)
        if not at_work(mark):
            raise tf.Failure(f"no apply was at work within 180 s: {children.finish(run, 10)[-2000:]}")
        (folder,) = folders(mark)
        run.send_signal(signal.SIGINT)
        began = time.monotonic()
        text = children.finish(run, 60)
        took = time.monotonic() - began
        wait_for(lambda: not children.marked(mark), 5)
        left = [command for _, command in children.marked(mark)]
        if left or folder.exists() or run.returncode != 130 or "stopped by SIGINT" not in text:
            raise tf.Failure(f"stopped by SIGINT: exit {run.returncode} (wanted 130), still running {left}, "
                             f"folder {folder} {'is still there' if folder.exists() else 'is gone'}\n{text[-1500:]}")
        return took
    finally:
        children.end(run)
        for pid, _ in children.marked(mark):
            os.kill(pid, signal.SIGKILL)


def at_work(mark):
    commands = [command for _, command in children.marked(mark)]
    return all(any(word in command for command in commands) for word in AT_WORK.values())


def folders(mark):
    """The folders of the runs whose processes carry MARK: TMPDIR of theirs is tmp in it."""
    places = {value.removeprefix("TMPDIR=") for pid, _ in children.marked(mark) for value in children.environ(pid) if value.startswith("TMPDIR=")}
    return {Path(place).parent for place in places} - {tf.RUN}


def wait_for(what, limit):
    deadline = time.monotonic() + limit
    while not what() and time.monotonic() < deadline:
        time.sleep(0.1)
