"""What every vendor shares of HTTP: the request as received, a route table, JSON answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

T = TypeVar("T")
Record = dict[str, Any]


class Refused(Exception):
    """Carries the answer a handler wants to give instead of going on."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Incoming:
    method: str
    path: str
    segments: tuple[str, ...]
    query: QueryParams
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """Return the parsed body; raises ValueError where it is no JSON."""
        return json.loads(self.body)


async def receive(request: Request, skip: int = 0) -> Incoming:
    """Read a request; percent-encoded slashes stay inside their segment. `skip` drops leading segments."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.split(b"?", 1)[0].decode("ascii", "replace")
    segments = tuple(unquote(part) for part in path.strip("/").split("/"))[skip:]
    return Incoming(request.method, path, segments, request.query_params, request.headers, await request.body())


def reply(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, headers, "application/json; charset=utf-8")


class NotRouted(Exception):
    def __init__(self, allowed: set[str]) -> None:
        super().__init__(f"allowed: {sorted(allowed)}")
        self.allowed = allowed


class RouteTable(Generic[T]):
    """Finds the target of a path; literal segments win over `{names}`."""

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        entries = [(method, tuple(pattern.strip("/").split("/")), target) for method, pattern, target in routes]
        self._entries = sorted(entries, key=lambda entry: sum(part.startswith("{") for part in entry[1]))

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[T, dict[str, str]]:
        allowed: set[str] = set()
        for verb, pattern, target in self._entries:
            params = _match(pattern, segments)
            if params is None:
                continue
            if verb == method:
                return target, params
            allowed.add(verb)
        raise NotRouted(allowed)


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    params: dict[str, str] = {}
    for expected, actual in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            params[expected[1:-1]] = actual
        elif expected != actual:
            return None
    return params
