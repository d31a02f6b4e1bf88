"""What a handler gets and gives: the call, its answers, and the refusals HubSpot words in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import uuid4

from starlette.responses import Response

from sandbox.http import Incoming, Record, Refused, reply
from sandbox.hubspot.model import App, Portal
from sandbox.state import Sandbox

CONTACTS_READ = "crm.objects.contacts.read"
CONTACTS_WRITE = "crm.objects.contacts.write"
SCHEMAS_READ = "crm.schemas.contacts.read"
SCHEMAS_WRITE = "crm.schemas.contacts.write"
TIMELINE = "timeline"
MOST_IN_BATCH = 100


@dataclass(frozen=True)
class Actor:
    """Who changes something: an app through the API, or a person in HubSpot's pages (no app)."""

    app: App | None
    user_id: int = 0

    @property
    def source(self) -> tuple[str, str]:
        if self.app is not None:
            return "INTEGRATION", str(self.app.app_id)
        return "CRM_UI", f"userId:{self.user_id}"


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    portal: Portal
    actor: Actor
    incoming: Incoming
    params: dict[str, str]
    version: str = "2026-09"

    def body(self) -> Record:
        """Return the JSON object sent; anything else is refused."""
        try:
            value = self.incoming.json()
        except ValueError:
            refuse(400, "Invalid input JSON: unable to parse the request body")
        return value if isinstance(value, dict) else refuse(400, "Invalid input JSON: an object is expected")

    def inputs(self) -> list[Record]:
        """The inputs of a batch call, at most a hundred."""
        found = self.body().get("inputs")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            refuse(400, "Invalid input JSON: inputs must be a list of objects")
        if len(found) > MOST_IN_BATCH:
            refuse(400, f"The maximum number of inputs is {MOST_IN_BATCH}, got {len(found)}")
        return found

    def now(self) -> datetime:
        return self.sandbox.clock.now()

    @property
    def seconds(self) -> float:
        return self.sandbox.clock.seconds()


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Callable[[Call], Response]
    scope: str = "oauth"
    search: bool = False


def problem(message: str, category: str = "VALIDATION_ERROR", **more: Any) -> Record:
    return {"status": "error", "message": message, "correlationId": str(uuid4()), "category": category, **more}


def refuse(status: int, message: str, category: str = "VALIDATION_ERROR", **more: Any) -> NoReturn:
    raise Refused(reply(problem(message, category, **more), status))


def not_found() -> NoReturn:
    refuse(404, "resource not found", "OBJECT_NOT_FOUND")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def invalid(errors: list[Record]) -> NoReturn:
    """Refuse property values: the detail is JSON inside the message text."""
    refuse(400, words_for(errors))


def words_for(errors: list[Record]) -> str:
    return f"Property values were not valid: {json.dumps(errors)}"


def _unnamed(error: Record) -> Record:
    """An error whose record is not named; what the caller called it itself comes back."""
    known = {key: value for key, value in error.get("context", {}).items() if key != "ids"}
    rest = {key: value for key, value in error.items() if key != "context"}
    return {**rest, "context": known} if known else rest


def batch(call: Call, results: list[Record], errors: list[Record], status: int = 200) -> Response:
    """The answer of a batch call; with errors it is 207, unless the portal answers as the newest file says."""
    now = iso(call.now())
    body: Record = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        told = errors if "hubspot.error_context" in call.sandbox.thrown else [_unnamed(row) for row in errors]
        body |= {"numErrors": len(errors), "errors": told}
        status = status if "hubspot.batch_status" in call.sandbox.thrown else 207
    return reply(body, status)
