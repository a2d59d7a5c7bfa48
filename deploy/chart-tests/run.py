"""Runs the tests: what each counted, what was skipped and why, and one closing line. Used by scripts/chart test."""
import contextlib
import io
import os
import pathlib
import sys
import time
import unittest

started = time.monotonic()
counted, log = io.StringIO(), io.StringIO()
names = sys.argv[1:]
loader = unittest.defaultTestLoader
suite = loader.loadTestsFromNames(names) if names else loader.discover(str(pathlib.Path(__file__).parent))
with contextlib.redirect_stdout(counted):
    result = unittest.TextTestRunner(stream=log, verbosity=0).run(suite)
print("\n".join(line for line in counted.getvalue().splitlines() if line.strip()))
for test, why in result.skipped:
    print(f"skipped: {test.id()}: {why}")
strict = os.environ.get("STRICT") == "1"
good = result.wasSuccessful() and result.testsRun and not (strict and result.skipped)
if not result.wasSuccessful():
    print(log.getvalue())
print(f"chart-test: {result.testsRun} tests in {time.monotonic() - started:.0f} s, {len(result.failures) + len(result.errors)} failed, "
      f"{len(result.skipped)} skipped{', which STRICT=1 does not allow' if strict and result.skipped else ''}")
sys.exit(0 if good else 1)
