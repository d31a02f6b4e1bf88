"""What the cache keeps is JSON: whoever can write into Redis or the cache's folder runs nothing by that.

Django's own backends keep pickles, and opening one runs what stands in it.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, is_dataclass
from typing import IO, TYPE_CHECKING

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.files import locks
from django.utils.functional import Promise

from config.json_value import JSONObject, JSONValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class JSONSerializer:
    """For the `serializer` of Django's Redis cache. What is not JSON is not ours, and as good as nothing."""

    def dumps(self, value: JSONValue) -> bytes:
        """Write plain objects as their fields. Raises TypeError for what is no JSON otherwise."""
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()

    def loads(self, data: bytes) -> JSONValue:
        """Return None for what is no JSON."""
        try:
            found: JSONValue = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return found


def _plain(value: DataclassInstance | Promise) -> JSONObject | str:
    """What libraries keep beside JSON: dataclasses, which pages read as well by their keys, and translated texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in the cache.")


class JSONFileCache(FileBasedCache):
    """Django's file cache with another content: until when an entry counts and its value, as one JSON list."""

    cache_suffix = ".json"

    def get(self, key: str, default: JSONValue = None, version: int | None = None) -> JSONValue:
        """Return the default for what is gone, too old, or no entry."""
        try:
            with open(self._path(key, version), "rb") as file:
                entry = self._entry(file)
        except FileNotFoundError:
            return default
        return default if entry is None else entry[1]

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give an entry another time. Returns whether there is one."""
        try:
            with open(self._path(key, version), "r+b") as file:
                locks.lock(file, locks.LOCK_EX)
                entry = self._entry(file)
                if entry is None:
                    return False
                file.seek(0)
                self._write_content(file, timeout, entry[1])
                file.truncate()
                return True
        except FileNotFoundError:
            return False

    def _write_content(self, file: IO[bytes], timeout: float | None, value: JSONValue) -> None:
        file.write(JSONSerializer().dumps([self.get_backend_timeout(timeout), value]))

    def _is_expired(self, file: IO[bytes]) -> bool:
        return self._entry(file) is None

    def _entry(self, file: IO[bytes]) -> tuple[float | None, JSONValue] | None:
        """The entry of a file; what is none, or too old, is deleted."""
        match JSONSerializer().loads(file.read()):
            case [None, value]:
                return None, value
            case [int() | float() as until, value] if until >= time.time():
                return until, value
        self._delete(file.name)  # type: ignore[attr-defined]  # Django's own; the stubs leave it out
        return None

    def _path(self, key: str, version: int | None) -> str:
        return str(self._key_to_file(key, version))  # type: ignore[attr-defined]  # likewise
