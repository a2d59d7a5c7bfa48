"""No process outlives its step or the run, nor do its children."""
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

import here
import children

HARNESS = str(Path(here.__file__).resolve().parents[1] / "harness")
FAMILY = ["sh", "-c", "sleep 300 & echo $!; wait"]


def runs(pid):
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)  # a system without /proc
            return not Path("/proc").exists()
        except ProcessLookupError:
            return False


def gone(pid):
    deadline = time.monotonic() + 10
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


class Children(unittest.TestCase):
    def test_time_limit_ends_the_whole_family(self):
        child = children.start(FAMILY, stdout=subprocess.PIPE, text=True)
        with self.assertRaises(subprocess.TimeoutExpired) as late:
            children.finish(child, 0.5)
        self.assertTrue(gone(int(late.exception.stdout)))
        self.assertNotIn(child, children.live)

    def test_output_and_code_of_one_that_ends_by_itself(self):
        child = children.start(["sh", "-c", "echo yes; exit 3"], stdout=subprocess.PIPE, text=True)
        self.assertEqual((children.finish(child, 10), child.returncode), ("yes\n", 3))

    def test_stop_all_ends_the_family_and_refuses_new_ones(self):
        program = (f"import sys; sys.path.insert(0, {HARNESS!r})\nimport children, subprocess\n"
                   f"child = children.start({FAMILY!r}, stdout=subprocess.PIPE, text=True)\n"
                   "print(child.stdout.readline(), flush=True)\nchildren.stop_all()\n"
                   "try:\n    children.start(['true'])\nexcept children.Stopped:\n    print('refused')\n")
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=60)
        grandchild, refusal = done.stdout.split()
        self.assertEqual(refusal, "refused")
        self.assertTrue(gone(int(grandchild)))


if __name__ == "__main__":
    unittest.main()
