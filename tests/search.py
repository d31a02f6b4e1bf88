"""`python -m tests.search --minutes 10`: run the property tests on new examples until the time is up or one fails.

What is found is printed with the line that repeats it; it becomes a fixed example (`@example`, a seed) of its test.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "pytest", "-m", "property or hypothesis", "--dist", "worksteal", "--timeout", "1800"]


def main() -> int:
    """Search round by round, each with a seed of its own."""
    parser = argparse.ArgumentParser(description="Look for histories that break a promise.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--jobs", default="auto", help="processes at once")
    asked = parser.parse_args()
    ends = time.monotonic() + asked.minutes * 60
    rounds = 0
    while time.monotonic() < ends:
        seed = str(int.from_bytes(os.urandom(3), "big"))
        left = max(ends - time.monotonic(), 1)
        command = [*COMMAND, "-n", asked.jobs, f"--hypothesis-seed={seed}", "-p", "no:randomly"]
        searching = {**os.environ, "HYPOTHESIS_PROFILE": "search", "SEARCH_SEED": seed}
        try:
            code = subprocess.run(command, env=searching, timeout=left).returncode
        except subprocess.TimeoutExpired:
            break
        if code:
            print(f"search: round {rounds + 1} found something, SEARCH_SEED={seed} --hypothesis-seed={seed}")
            return 1
        rounds += 1
    print(f"search: {rounds} whole rounds in {asked.minutes:g} minutes found nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
