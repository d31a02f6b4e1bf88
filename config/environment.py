"""The environment that settings are read from: variables, `.env` beside manage.py, and files for what is secret."""

from __future__ import annotations

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class VariablesAndFiles(FileAwareMapping):  # type: ignore[misc]  # the library has no types
    """Variables of which each may stand in a file instead: `NAME_FILE` says in which one.

    Every reader of the environment of a process sees its variables; a file shows itself to its owner only.
    """

    def __getitem__(self, key: str) -> str:
        """Return the text of a variable or of its file, without line ends. Raises ImproperlyConfigured."""
        path = self.env.get(f"{key}_FILE")
        if not path:
            return str(self.env[key])
        if self.env.get(key):
            raise ImproperlyConfigured(f"{key} and {key}_FILE are both set. Take one of them out.")
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            problem = exc.strerror if isinstance(exc, OSError) else "it is no text"
            text = f"{key}_FILE={path} cannot be read: {problem}. Name a file that this process may read."
            raise ImproperlyConfigured(text) from exc


class Environment(environ.Env):  # type: ignore[misc]
    """The library's readers on top of it."""

    ENVIRON = VariablesAndFiles()
