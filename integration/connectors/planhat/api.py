"""The plumbing under Planhat's client: the token, the quota, error words, lists. Knows no nouns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from django.conf import settings

from config.json_value import JSONValue
from integration import retry
from integration.connectors.base import Credentials
from integration.errors import ContractError, RateLimited, RecordError
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, Reply, Transport

POLICY = HostPolicy((".planhat.com", "api.planhatdemo.com"))
BASE_URL = "https://api.planhat.com"
MINUTE = "minute"
TIMEOUT = (10.0, 55.0)  # seconds to connect and to answer: thousands of records take their time
Row = dict[str, JSONValue]
_APP = re.compile(r"(?:app|api|ws)(-[a-z0-9]+)?\.(planhat(?:demo)?\.com)")
_SHARD = re.compile(r"[a-z]{2}\d?")


def normalise_base_url(typed: str) -> str:
    """The API's address from what a tenant knows: nothing, its shard (`us1`), or the address of the app.

    Tenants on regional hosts have a suffix in both (planhat sheet §1). Whatever else is typed is left to the host
    policy to judge.
    """
    text = typed.strip().rstrip("/")
    if settings.SANDBOX_URL and text.startswith(f"{settings.SANDBOX_URL.rstrip('/')}/"):
        return text
    if not text:
        return BASE_URL
    if _SHARD.fullmatch(text.lower()):
        return f"https://api-{text.lower()}.planhat.com"
    try:
        host = (urlsplit(text if "://" in text else f"https://{text}").hostname or "").lower()
    except ValueError:
        return typed
    found = _APP.fullmatch(host)
    return f"https://api{found.group(1) or ''}.{found.group(2)}" if found else (f"https://{host}" if host else typed)


def explain(reply: Reply) -> str:
    """The vendor's words: plain text, or a message in JSON (planhat sheet §2)."""
    try:
        body = reply.json()
    except ContractError:
        text = reply.text.strip()
        return "" if text.startswith("<") else text[:300]
    if isinstance(body, dict):
        return str(body.get("message") or body.get("error") or "")
    return body if isinstance(body, str) else ""


class Api:
    """Calls to one Planhat account. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        token = credentials.values["api_token"].strip()
        self._transport = Transport(
            "Planhat", credentials.base_url, POLICY, headers={"Accept": "application/json",
                                                              "Authorization": f"Bearer {token}"},
            secrets=(token,), wire=wire, explain=explain, timeout=TIMEOUT,
        )  # fmt: skip

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        effect: Effect = Effect.WRITE,  # what declares nothing counts as a write, which a dry run refuses
        accepted: bytes | None = None,
        looks: str = "",
        json: JSONValue = None,
        answers: Callable[[Reply], bool] = lambda reply: False,
    ) -> Reply:
        """Make one call on the quota of 200 a minute (planhat sheet §2). `answers`: see Transport.request."""
        try:
            return self._transport.request(
                method, path, effect=effect, accepted=accepted, looks=looks, params=params or {},
                json=json, windows=(MINUTE,),
                answers=answers,
            )  # fmt: skip
        except RateLimited as exc:
            # No answer tells when the quota is full again; once it was 60 to 120 seconds (planhat sheet §2).
            exc.retry_after = retry.next_delay(retry.MINUTE_LIMIT, asked=exc.retry_after)
            raise

    def get(self, path: str) -> Row:
        """Return the object one GET answers with. Raises NotFound."""
        return checked_object(self.call("GET", path, effect=Effect.READ).json(), path)

    def rows(self, path: str, **params: str | int) -> list[Row]:
        """Return the plain array one GET answers with."""
        found = self.call("GET", path, effect=Effect.READ, params=params).json()
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise ContractError("Planhat sent a list in an unknown form.", detail=path)
        return found

    def all_rows(self, path: str, limit: int, **params: str | int) -> list[Row]:
        """Return the rows of every page of a short list; a page that is not full is the last (planhat sheet §3)."""
        found: list[Row] = []
        while True:
            rows = self.rows(path, limit=limit, offset=len(found), **params)
            found += rows
            if len(rows) < limit:
                return found


def checked_object(value: JSONValue, what: str) -> Row:
    if not isinstance(value, dict):
        raise ContractError("Planhat answered in an unknown form.", detail=what)
    return value


def segment(value: str) -> str:
    """Quote one path segment. Nothing that comes from outside may lead to another path."""
    text = str(value)
    if text in ("", ".", ".."):
        raise RecordError("This is not an id.", detail=repr(text))
    return quote(text, safe="")
