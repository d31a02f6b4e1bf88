"""What the hub writes on this machine is its own user's to read: the database, the cache, logs."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
BESIDE = ("", "-wal", "-shm", "-journal")  # what SQLite writes beside its file


def keep_private(var: Path, database: Path | None) -> None:
    """Create files for our user only from now on, whatever umask we were started with, and close those that are open.

    What belongs to somebody else stays as it is; `open_to_others` tells of it.
    """
    os.umask(0o077)
    for path in open_to_others(var, database):
        with contextlib.suppress(OSError):  # gone, somebody else's, or on a disk that is read only
            path.chmod(FOLDER if path.is_dir() else FILE)


def open_to_others(var: Path, database: Path | None) -> list[Path]:
    """The folder and files of ours that others on this machine may read or write."""
    files = [Path(f"{database}{suffix}") for suffix in BESIDE] if database is not None else []
    return [path for path in (var, *files) if _mode(path) & 0o077]


def _mode(path: Path) -> int:
    """The permissions of a file; 0 for one that is not there, which a journal may be from one moment to the next."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0
