"""What a handler gets and gives: the call, its query, and the one way errors look (sheet §1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from starlette.responses import Response

from sandbox.http import Incoming, Record, Refused, reply
from sandbox.leadboxer.model import Account, Dataset
from sandbox.state import Sandbox


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    account: Account
    incoming: Incoming
    params: dict[str, str]

    def get(self, name: str, default: str = "") -> str:
        return self.incoming.query.get(name, default)

    def need(self, name: str) -> str:
        return self.get(name) or self.error(400, "Bad Request", f"Required parameter '{name}' is not present")

    def number(self, name: str, default: int) -> int:
        raw = self.get(name)
        if raw and not raw.isdigit():
            self.error(400, "Bad Request", f"Parameter '{name}' must be a number")
        return int(raw) if raw else default

    def dataset(self, name: str) -> Dataset:
        """The dataset a parameter names; of another account counts as unknown."""
        found = self.account.datasets.get(self.need(name))
        return found or self.foreign("No access to this dataset")

    def user(self) -> str:
        """The login whose rights count; somebody else's is refused."""
        email = self.need("email")
        return email if email.lower() == self.account.email else self.foreign("Unknown user")

    def foreign(self, words: str) -> NoReturn:
        """Refuse what belongs to somebody else."""
        if "leadboxer.foreign_dataset" in self.sandbox.thrown:
            self.error(403, "Forbidden", words)
        self.error(404, "Not Found", words)

    def error(self, status: int, title: str, words: str) -> NoReturn:
        raise Refused(problem(self.sandbox, status, title, words))

    def rows(self, rows: list[Record]) -> Response:
        """The answer of a list that is not the list of leads."""
        return reply({"data": rows} if "leadboxer.envelope" in self.sandbox.thrown else rows)


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Handler


def problem(sandbox: Sandbox, status: int, title: str, words: str, **more: int) -> Response:
    """An error as a problem document (RFC 9457), or in the older form."""
    if "leadboxer.error_form" in sandbox.thrown:
        return reply({"error": title, "message": words, **more}, status)
    body = {"type": f"https://api.leadboxer.com/problems/{status}", "title": title, "status": status,
            "detail": words, "instance": "/v1", **more}  # fmt: skip
    return reply(body, status, {"content-type": "application/problem+json"})


def now_ms(sandbox: Sandbox) -> int:
    return int(sandbox.clock.now().timestamp() * 1000)
