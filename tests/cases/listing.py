"""Print the id of every collected case, and whether it is marked as failing. A plugin of `--collect-only` runs."""

from __future__ import annotations

import sys
from typing import Any


def pytest_collection_finish(session: Any) -> None:
    """Write one line per case."""
    for item in session.items:
        marked = item.get_closest_marker("xfail") is not None
        sys.stdout.write(f"case\t{item.path.name}::{item.name}\t{'marked' if marked else 'passes'}\n")
