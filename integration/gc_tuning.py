"""Spare Python's collector what a process has loaded: it stays for the life of the process.

Each full pass of the collector looks at every object there is, and a page of a thousand records makes enough new ones
to bring several about: a fifth of Fetch All went into finding nothing (benchmarks/RESULTS.md, fetch).
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 5_000  # after so many the collector looks at the newest; Python's own 700 is for small programs


def freeze_startup_objects() -> None:
    """Take all objects there are now for permanent. Called once, when a process is about to begin its work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
