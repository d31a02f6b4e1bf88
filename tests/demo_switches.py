"""Prove every line of `make demo-check` with open questions answered the other way: `make demo-switches`.

Sixteen sets of switches: all, none, and for each bit of a switch's number those that have it and those that have not.
So every two switches meet in all four ways. A set that has passed on this commit is not run again: a run may be cut.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.assumptions import SWITCHES

ROOT = Path(__file__).resolve().parents[1]
PASSED = "passed"


def sets(keys: list[str]) -> Mapping[str, list[str]]:
    """The sets by their names. Of any two keys each of the four combinations is in one of them."""
    found = {"all": keys, "none": []}
    for bit in range(max(len(keys) - 1, 1).bit_length()):
        having = [key for number, key in enumerate(keys) if number >> bit & 1]
        found[f"bit-{bit}"] = having
        found[f"not-bit-{bit}"] = [key for key in keys if key not in having]
    return found


def run(name: str, thrown: list[str], folder: Path) -> bool:
    """Run the demo's checks once and keep what they said. Returns whether all lines were fine."""
    kept = folder / f"{name}.txt"
    if kept.is_file() and kept.read_text().rstrip().endswith(PASSED):
        return True
    started = time.monotonic()
    command = [sys.executable, "manage.py", "demo", "--check", *(f"--throw={key}" for key in thrown)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    word = PASSED if ended.returncode == 0 else "failed"
    kept.write_text(
        f"{ended.stdout}\n{len(thrown)} switches thrown, {time.monotonic() - started:.0f} seconds\n{word}\n"
    )
    return word == PASSED


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.demo_switches", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", nargs="*", metavar="SET", help="only these sets")
    only = parser.parse_args().only
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    folder = ROOT / "var" / "demo-switches" / commit
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name, thrown in sets(sorted(SWITCHES)).items():
        if only and name not in only:
            continue
        fine = run(name, thrown, folder)
        failed += not fine
        sys.stdout.write(
            f"{'ok     ' if fine else 'FAILED '} {name:<10} {len(thrown):>3} switches  {folder / name}.txt\n"
        )
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
