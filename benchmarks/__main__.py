"""`python -m benchmarks [NAME …] [--json] [--rows N]`: answer the questions, exit 1 when a figure misses its reach."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

QUESTIONS = {"console": "benchmarks.console"}


def main() -> int:
    """Run the questions that were asked for, or all of them."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="What we measure, with its baseline of the same run."
    )
    parser.add_argument("names", nargs="*", choices=[*QUESTIONS, []], help="questions; all of them when none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure and line")
    parser.add_argument(
        "--rows", type=int, default=0, help="rows to fill large tables with; each question has its own default"
    )
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOCKSTEP_DEVELOPMENT", "1")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    fine = True
    for name in asked.names or QUESTIONS:
        fine = import_module(QUESTIONS[name]).run(rows=asked.rows, as_json=asked.json) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
