"""Persons and notes of Pipedrive as records for Planhat."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from config.json_value import JSONValue
from integration.connectors.pipedrive.records import Note, Person, record_values
from integration.engine.api import Record
from integration.recipes.planhat_pipedrive import scope
from integration.recipes.planhat_pipedrive.session import Session

INSIDE = "inside"  # among the values: whether the person's company is in Planhat


def records(ctx: Session, persons: Iterable[Person], *, inside: bool | None = None) -> dict[str, Record]:
    """Persons as records. `inside` says that their company is in Planhat; None looks it up."""
    rows = list(persons)
    known = scope.organizations(ctx, {row.org_id for row in rows}) if inside is None else frozenset()
    return {
        row.id: Record(
            row.id,
            {**record_values(row), INSIDE: bool(row.org_id) and (bool(inside) or row.org_id in known)},
            version=row.update_time,
            email=row.primary_email.strip(),
        )
        for row in rows
        if not row.is_deleted
    }


def note_records(notes: Iterable[Note], company_of: Callable[[Note], str | None]) -> dict[str, Record]:
    """Notes as records with the organization they belong to; one that hangs on several things comes once."""
    return {row.id: Record(row.id, _note(row, company_of(row)), version=row.update_time)
            for row in notes if not row.is_deleted}  # fmt: skip


def _note(row: Note, org_id: str | None) -> dict[str, JSONValue]:
    day = row.add_time.isoformat().replace("+00:00", "Z") if row.add_time else None
    content = {"companyId": f"srcid-{org_id}", "type": "note", "description": row.content, "date": day}
    return {"content": content, "organization": org_id or "", "name": row.content[:60]}
