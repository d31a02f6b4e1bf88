"""Refuse a function with more than twelve branches. Counted by radon, to which each `and` and `or` is a branch too.

Ruff's C901 counts statements only. Rooms that still have such functions are exempt; who has split the last one of a
room takes it out here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from radon.complexity import cc_visit

ROOT = Path(__file__).parents[1]
PROGRAMS = ("config", "tenants", "integration", "sandbox")
EXEMPT = ("sandbox", "integration/recipes")
MOST = 12


def main() -> int:
    """Print each such function; 1 when there is any."""
    found = [line for program in PROGRAMS for path in sorted((ROOT / program).rglob("*.py")) for line in too_many(path)]
    print("\n".join(found) or f"No function has more than {MOST} branches.")  # noqa: T201
    return 1 if found else 0


def too_many(path: Path) -> Iterator[str]:
    """Yield place and count of the functions of a module that have too many branches."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith(EXEMPT) or "migrations" in path.parts:
        return
    for block in cc_visit(path.read_text()):
        if block.letter in "FM" and block.complexity > MOST:
            yield f"{name}:{block.lineno}: {block.name} has {block.complexity} branches"


if __name__ == "__main__":
    sys.exit(main())
