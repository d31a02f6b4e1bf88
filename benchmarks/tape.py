"""What a pass said to the two clients, kept in a file, and the same said again by a bare loop.

That loop reads the same pages and writes the same records through the same clients, and does nothing else: it maps
nothing, decides nothing, stores nothing, keeps no budget and no record of its calls.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock


class Tape:
    """Calls of client methods in their order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write down each call that flows make meanwhile."""
        from integration.engine.clients.session import OpenSession

        real = OpenSession.client
        with self.path.open("wb") as file:

            def client(ctx: OpenSession, side: str) -> Any:
                return _Recorded(real(ctx, side), lambda *call: pickle.dump((side, *call), file))

            with mock.patch.object(OpenSession, "client", client):
                yield

    def seconds(self, integration: Any) -> float:
        """Say it all again, and how long that took."""
        from integration.http import Instrumentation

        clients = {
            side: connection.connector.open(connection.plain_credentials, Instrumentation())
            for side, connection in (("left", integration.left), ("right", integration.right))
        }
        took = 0.0
        with self.path.open("rb") as file:
            while file.peek(1):  # reading the tape does not count
                side, name, args, named, items = pickle.load(file)  # noqa: S301 (we wrote it ourselves)
                started = time.monotonic()
                answer = getattr(clients[side], name)(*args, **named)
                if items is not None:
                    list(islice(answer, items))
                took += time.monotonic() - started
        return took


class _Recorded:
    """A client that notes what it is asked."""

    def __init__(self, client: Any, note: Callable[..., None]) -> None:
        self._client = client
        self._note = note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **named: Any) -> Any:
            answer = found(*args, **named)
            if isinstance(answer, Iterator):
                return self._counted(answer, name, args, named)
            self._note(name, args, named, None)
            return answer

        return call

    def _counted(self, answer: Iterator[Any], name: str, args: Any, named: Any) -> Iterator[Any]:
        """A list that is read as far as somebody wants it; that many items are on the tape."""
        taken = 0
        try:
            for item in answer:
                taken += 1
                yield item
        finally:
            self._note(name, args, named, taken)
