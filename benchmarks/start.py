"""From `make demo` (everything installed) to the first person in step: how long?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, at_most, show

FIRST = re.compile("said yes in Pipedrive, got the mail, clicked")


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """Start the demo, wait for the line that speaks of the first person, end it."""
    return show(_figures(short), as_json=as_json)


def _figures(short: bool) -> Iterator[Figure]:
    root = Path(__file__).resolve().parents[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOG_")}
    started = time.monotonic()
    child = subprocess.Popen(
        ["make", "demo"], cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,  # noqa: S607
        start_new_session=True,
    )  # fmt: skip
    said: list[str] = []
    try:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line)
            if FIRST.search(line):
                break
        else:
            sys.exit("The demo ended before anybody was in step:\n" + "".join(said[-10:]))
        seconds = time.monotonic() - started
    finally:
        os.killpg(child.pid, 2)
        child.wait(timeout=60)
    yield at_most("start: make demo to the first person", seconds, "s", 10 * (2 if short else 1))
