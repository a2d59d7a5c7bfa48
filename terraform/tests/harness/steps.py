"""Progress: one line per step, failures kept for the end; two pools, so that areas that mostly wait take no processor's place."""
import concurrent.futures
import os
import threading
import time

import children
import tf

START = time.monotonic()
JOBS = int(os.environ.get("PLAN_TEST_JOBS", min(4, os.cpu_count() or 1)))
AREA_JOBS = int(os.environ.get("PLAN_TEST_AREA_JOBS", JOBS + 3))
problems = []
_lock = threading.Lock()


def say(text):
    with _lock:
        print(f"[{time.monotonic() - START:6.1f} s] {text}", flush=True)


def step(name, work, *args):
    """Runs one step (it gives a note and a value), says how it went, keeps its failure. Gives the value, None after a failure."""
    began = time.monotonic()
    try:
        note, value = work(*args)
        say(f"ok    {name}: {note} ({time.monotonic() - began:.1f} s)")
        return value
    except children.Stopped:
        return None
    except Exception as wrong:  # a check that breaks is a check that did not hold; the others still run
        if children.stopped():
            return None
        text = str(wrong) if isinstance(wrong, tf.Failure) else f"{type(wrong).__name__}: {wrong}"
        say(f"FAIL  {name} ({time.monotonic() - began:.1f} s)\n{text}")
        with _lock:
            problems.append(f"{name}: " + "\n  ".join(text.splitlines()[:3]))
        return None


class Pools:
    """`busy` for what needs a processor all the time, `waiting` for areas."""

    def __enter__(self):
        self.busy = concurrent.futures.ThreadPoolExecutor(JOBS)
        self.waiting = concurrent.futures.ThreadPoolExecutor(AREA_JOBS)
        return self

    def __exit__(self, kind, *_):
        if kind:
            children.stop_all()
        for pool in (self.waiting, self.busy):
            pool.shutdown(wait=True, cancel_futures=bool(kind))
