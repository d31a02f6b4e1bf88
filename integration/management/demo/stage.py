"""What a story needs: the sandbox's controls, the hub's rows, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import requests
from django.conf import settings
from django.db.models import Model

from integration.engine.clients import connection_health
from integration.engine.setup import provisioning
from integration.management.processes import Processes
from integration.models import Connection, Integration, SyncLog
from integration.recipes.registry import get_recipe
from tenants.models import Tenant

PIPEDRIVE_TOKEN = "ace0ace0ace0ace0ace0ace0ace0ace0ace0ace0"  # noqa: S105 (the sandbox's made-up account)
BREVO_KEY = "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"
PLANHAT_TOKEN = "plan0hat0plan0hat0plan0hat0plan0hat0plan0hat0plan0hat0plan0hat01"  # noqa: S105 (likewise)
MAILEON_KEY = "5a4db0x0-5010-4acm-8e00-newsletter501"
PATIENCE = 25.0  # seconds

Found = TypeVar("Found")
Body: TypeAlias = Any  # what goes to the sandbox or comes from it: each vendor's own shape
Row: TypeAlias = dict[str, Body]  # a record as the vendor has it
Filter: TypeAlias = str | bool | Model


class NotSeen(AssertionError):
    """What the story expects did not happen."""


@dataclass
class Stage:
    """A running hub with sandbox vendors."""

    processes: Processes
    say: Callable[[str], None]
    session: requests.Session = field(default_factory=requests.Session)

    def control(self, method: str, path: str, json: Body = None) -> Body:
        """Act as a person at a vendor, or look at a vendor's state."""
        reply = self.session.request(method, f"{settings.SANDBOX_URL}/_control{path}", json=json, timeout=60)
        if reply.status_code >= 400:
            raise NotSeen(f"the sandbox refused {method} {path}: {reply.text}")
        return reply.json() if reply.content else None

    def until(self, what: str, look: Callable[[], Found | None], patience: float = PATIENCE) -> Found:
        """Check again and again until there is something. Raises NotSeen."""
        deadline = time.monotonic() + patience
        while True:
            if found := look():
                return found
            if time.monotonic() > deadline:
                raise NotSeen(f"waited {patience:.0f} seconds for: {what}")
            time.sleep(0.1)

    # The tenant's side

    def connect(self, tenant: Tenant, vendor: str, path: str, **secrets: str) -> Connection:
        """Connect an account of the sandbox and check it."""
        connection = Connection(
            tenant=tenant, vendor=vendor, base_url=f"{settings.SANDBOX_URL}/{path}", auth_kind=next(iter(secrets)),
        )  # fmt: skip
        connection.store_credentials(secrets, next(iter(secrets.values())))
        connection.save()
        if not connection_health.check(connection):
            raise NotSeen(f"{vendor} does not accept the demo credentials: {connection.health_detail}")
        return connection

    def save_settings(self, integration: Integration, **changes: Body) -> list[provisioning.StepResult]:
        """What the settings form does on Save."""
        integration.refresh_from_db()
        integration.settings = {**integration.settings, **changes}
        integration.save(update_fields=["settings"])
        results = provisioning.provision(integration, get_recipe)
        integration.refresh_from_db()
        return results

    # What the log says

    def logged(self, **filters: Filter) -> SyncLog:
        """Wait for a log row."""
        words = ", ".join(f"{key}={value}" for key, value in filters.items())
        return self.until(f"a log row with {words}", lambda: SyncLog.objects.filter(**filters).order_by("-id").first())
