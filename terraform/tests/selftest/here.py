"""Lets the checks find the harness, wherever they are started from: python3 -m unittest discover -s terraform/tests/selftest."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))
