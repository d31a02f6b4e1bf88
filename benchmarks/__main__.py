"""`python -m benchmarks [NAME …] [--json] [--rows N] [--short]`: answer the questions, exit 1 if one misses its reach.

Each question runs in a process of its own, once per stack: embedded (SQLite, queue in the database) or postgres (with
Redis). DATABASE_URL and REDIS_URL say where those are; the databases used have the question's name behind it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib import import_module

from benchmarks.compare import FLOWS as COMPARED
from benchmarks.fetch import SUBJECTS

BOTH = ("embedded", "postgres")
# Question → the stacks it is asked on.
QUESTIONS = {
    "start": ("embedded",),  # `make demo` has no other stack
    "intake": BOTH,
    "latency": BOTH,
    "burst": BOTH,
    **{f"fetch:{recipe}": BOTH for recipe in SUBJECTS},
    **{f"forecast:{way}": ("embedded",) for way in ("bulk", "single")},  # it does not depend on the stack
    **{f"compare:{recipe}": BOTH for recipe in COMPARED},
    "fairness": BOTH,
    "flood": BOTH,
    "workers": BOTH,
    "console": ("postgres",),  # over millions of rows, which nobody keeps in SQLite
}


def main() -> int:
    """Run the questions that were asked for, or all of them."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="What we measure, with its baseline of the same run."
    )
    words = sorted({*QUESTIONS, *(name.partition(":")[0] for name in QUESTIONS)})
    parser.add_argument(
        "names", nargs="*", choices=[*words, []],
        help="questions; all of them when none is named, all that begin so when a part before the colon is",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object per figure and line")
    parser.add_argument("--rows", type=int, default=0, help="how much to work on; each question has its own default")
    parser.add_argument(
        "--short", action="store_true", help="less of it, and only half of the reach: finds what is far off"
    )
    parser.add_argument("--stack", choices=("embedded", "postgres"), help="only on this stack")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOCKSTEP_DEVELOPMENT", "1")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    runs = [
        (name, stack)
        for word in asked.names or QUESTIONS
        for name in QUESTIONS
        if word in (name, name.partition(":")[0])
        for stack in QUESTIONS[name]
        if asked.stack in (None, stack)
    ]
    if len(runs) == 1:
        name, stack = runs[0]
        module, _, recipe = name.partition(":")
        more = {"recipe": recipe} if recipe else {}
        question = import_module(f"benchmarks.{module}")
        return 0 if question.run(stack=stack, rows=asked.rows, as_json=asked.json, short=asked.short, **more) else 1
    options = [flag for flag, given in (("--json", asked.json), ("--short", asked.short)) if given]
    codes = [
        subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-m", "benchmarks", name, "--stack", stack, "--rows", str(asked.rows), *options],
            check=False,
        ).returncode
        for name, stack in runs
    ]
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
