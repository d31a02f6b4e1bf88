"""What a handler gets and gives: the call, its query, and the one way errors look (sheet §1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from starlette.responses import Response

from sandbox.http import Incoming, Refused, reply
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
        return self.get(name) or error(400, "Bad Request", f"Required parameter '{name}' is not present")

    def number(self, name: str, default: int) -> int:
        raw = self.get(name)
        if raw and not raw.isdigit():
            error(400, "Bad Request", f"Parameter '{name}' must be a number")
        return int(raw) if raw else default

    def dataset(self, name: str) -> Dataset:
        """The dataset a parameter names; of another account counts as unknown."""
        found = self.account.datasets.get(self.need(name))
        return found or error(403, "Forbidden", "No access to this dataset")

    def user(self) -> str:
        """The login whose rights count; somebody else's is refused."""
        email = self.need("email")
        return email if email.lower() == self.account.email else error(403, "Forbidden", "Unknown user")


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Handler


def error(status: int, what: str, message: str) -> NoReturn:
    raise Refused(reply({"error": what, "message": message}, status))


def now_ms(sandbox: Sandbox) -> int:
    return int(sandbox.clock.now().timestamp() * 1000)
