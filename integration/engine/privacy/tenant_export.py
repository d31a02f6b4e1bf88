"""Everything the hub holds for one tenant, as a ZIP archive of plain files, made while it is sent.

Secrets are not in it: the configuration has variables in their places.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

import yaml
from django.db.models import Model, QuerySet
from django.utils import timezone

from config.json_value import JSONValue
from integration.engine.flow.recipe import Recipes
from integration.engine.setup import configuration
from integration.models import ConsentEntry, Drift, RecordLink, SyncLog, SyncRun, WebhookEvent
from tenants import audit, audit_export
from tenants.models import Invitation, Member, Tenant

PORTION = 2000  # rows read at a time
SENT_AT = 256 * 1024  # bytes that are gathered before they are sent

README = """Export of {tenant}, made on {at} (UTC) by Lockstep.

configuration.yaml  integrations with their settings and field mappings; ${{NAME}} stands for a secret
people.jsonl        each record that is linked between two apps, with the values written last
consent.jsonl       each change of a person's consent: before, after, when, said in which app
log.jsonl           what was done to each record, and why
events.jsonl        what the apps told us
runs.jsonl          Fetch All, polls, comparisons
differences.jsonl   what comparisons found
team.json           members and invitations
audit.jsonl         who did what; each line is signed, check it with this public key: {key}

One JSON object per line. Times are ISO 8601 in UTC.
"""

NAMES = {"integration_id": "integration", "connection_id": "connection"}
COLUMNS: Mapping[str, tuple[type[Model], tuple[str, ...]]] = {
    "people.jsonl": (RecordLink, ("integration_id", "link_type", "source_id", "target_id", "state", "written", "notes",
                                  "created_at", "updated_at")),
    "consent.jsonl": (ConsentEntry, ("integration_id", "source_id", "email_hash", "was", "became", "vendor", "cause",
                                     "at")),
    "log.jsonl": (SyncLog, ("integration_id", "created_at", "flow", "source_id", "target_id", "outcome", "action",
                            "reason", "detail", "changes")),
    "events.jsonl": (WebhookEvent, ("connection_id", "received_at", "vendor_event", "object_type", "external_id",
                                    "occurred_at", "state", "reason", "payload")),
    "runs.jsonl": (SyncRun, ("integration_id", "kind", "flow", "state", "dry_run", "options", "counts", "created_at",
                             "started_at", "finished_at")),
    "differences.jsonl": (Drift, ("integration_id", "flow", "kind", "source_id", "target_id", "field", "ours", "theirs",
                                  "state", "since")),
}  # fmt: skip


def archive(tenant: Tenant, recipes: Recipes) -> Iterator[bytes]:
    """Yield the archive. Nothing is kept in memory but a portion of rows."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        for name, lines in _files(tenant, recipes):
            with made.open(name, "w") as file:
                for line in lines:
                    file.write(line.encode())
                    if pipe.size >= SENT_AT:
                        yield pipe.take()
    yield pipe.take()


def _files(tenant: Tenant, recipes: Recipes) -> Iterator[tuple[str, Iterable[str]]]:
    said = README.format(tenant=tenant.name, at=f"{timezone.now():%Y-%m-%d %H:%M}", key=audit_export.public_key())
    yield "README.txt", [said]
    document = configuration.export(tenant, recipes)
    yield "configuration.yaml", [yaml.safe_dump(document, sort_keys=False, allow_unicode=True)]
    for name, (model, columns) in COLUMNS.items():
        way = "connection__tenant" if model is WebhookEvent else "integration__tenant"
        yield name, _lines(model._default_manager.filter(**{way: tenant}), columns)
    yield "team.json", [json.dumps(_team(tenant), indent=2, ensure_ascii=False)]
    yield "audit.jsonl", audit_export.lines(audit.of_tenant(tenant).order_by("pk").iterator(chunk_size=PORTION))


def _lines(rows: QuerySet[Model], columns: tuple[str, ...]) -> Iterator[str]:
    for row in rows.order_by("pk").values(*columns).iterator(chunk_size=PORTION):
        told = {NAMES.get(name, name): _plain(value) for name, value in row.items()}
        yield json.dumps(told, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _team(tenant: Tenant) -> dict[str, JSONValue]:
    members = Member.objects.filter(tenant=tenant).select_related("user").order_by("created_at")
    offers = Invitation.objects.filter(tenant=tenant).order_by("created_at")
    return {
        "members": [
            {"name": row.user.get_username(), "email": row.user.email, "role": row.role,
             "since": row.created_at.isoformat()}
            for row in members
        ],
        "invitations": [
            {"email": row.email, "role": row.role, "made": row.created_at.isoformat(),
             "accepted": row.accepted_at.isoformat() if row.accepted_at else None}
            for row in offers
        ],
    }  # fmt: skip


class _Pipe(io.RawIOBase):
    """What the archive is written to: bytes gathered until they are taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes
        """Gather."""
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        """Return what was gathered, and forget it."""
        taken, self._parts, self.size = b"".join(self._parts), [], 0
        return taken
