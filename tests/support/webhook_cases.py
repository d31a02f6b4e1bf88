"""Proof of origin and hostile bodies: what every connector's `webhooks` must stand."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from integration.connectors.base import WebhookRequest
from integration.errors import ContractError

SECRET, OTHER = "lockstep:s3cret-of-this-endpoint", "lockstep:another-endpoint"
HOSTILE_BODIES = (
    b"", b"[]", b"null", b'"text"', b"{}", b"{not json", b"\xff\xfe\x00", b"[" * 20000, b'{"meta":' * 5000,
    b'{"email":NaN]', b'{"meta":[]}', b'{"meta":{}}', b'{"data":1}', b'{"email":"' + b"a" * 100_000,
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e400,
    1e308,
    "",
    "\ud800",
    "a\x00b",
    "x" * 3000,
    [],
    [None],
    [[]],
    {},
    {"id": None},
)


def check_proof(webhooks: ModuleType | Any, request_with: Callable[[str | None], WebhookRequest]) -> None:
    """Accept each valid secret during a rotation; refuse wrong, missing, cut and empty ones, and no secrets at all."""
    assert webhooks.verify(request_with(SECRET), [SECRET])
    assert webhooks.verify(request_with(SECRET), [OTHER, SECRET])
    assert webhooks.verify(request_with(OTHER), [OTHER, SECRET])
    assert not webhooks.verify(request_with(OTHER), [SECRET])
    assert not webhooks.verify(request_with(None), [SECRET])
    assert not webhooks.verify(request_with(SECRET[:-1]), [SECRET])
    assert not webhooks.verify(request_with(SECRET + "x"), [SECRET])
    assert not webhooks.verify(request_with(SECRET.upper()), [SECRET])
    assert not webhooks.verify(request_with("ü-not-ascii"), [SECRET])
    assert not webhooks.verify(request_with(SECRET), [])
    assert not webhooks.verify(request_with(""), [""])


def survives(webhooks: ModuleType | Any, request: WebhookRequest) -> bool:
    """Parse; True when it parsed, False when it was refused as it should be. Anything else propagates."""
    try:
        events: Sequence[Any] = webhooks.parse(request)
    except ContractError:
        return False
    for event in events:
        assert "\\u0000" not in json.dumps(event.payload)
        assert event.dedupe_key
    return True


def mutations(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the body once per value in it and per odd value, with the one replaced by the other."""
    for path in _paths(body):
        for odd in ODD_VALUES:
            changed = copy.deepcopy(dict(body))
            place: Any = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = odd
            yield changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from _paths(inner, (*path, key))
