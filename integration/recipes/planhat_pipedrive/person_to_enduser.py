"""Flow person → End User: the people of a company go with its deals. A change of a person alone triggers nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Comparison,
    Decision,
    Flow,
    Item,
    MappingRow,
    Page,
    Record,
    Result,
    Skip,
    Sync,
    Write,
)
from integration.models import LinkState
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import company, people, scope, sweeps, writing
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.planhat_pipedrive.state import EnduserState
from integration.recipes.shared.pipedrive_pages import gather

PERSON_MAPPING = (
    MappingRow("first_name", "firstName"),
    MappingRow("last_name", "lastName"),
    MappingRow("phone", "phone"),
)


class PersonToEnduser(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Pipedrive person → Planhat End User."""

    key = company.PERSONS
    label = _("Person → End User")
    source_object = "person"
    target_object = "enduser"
    link_type = "person"
    runs = frozenset({"fetch_all"})
    runs_after = (company.LICENSES,)
    batch_size = 500
    mapping = PERSON_MAPPING
    comparison = Comparison("enduser", own_key="sourceId", clears=False, by_links=True)
    own_targets = frozenset({"email", "companyId"})

    def enabled(self, settings: Settings) -> bool:
        """On when persons are received."""
        return settings["person_direction"] == "receive"

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """A hundred people per call."""
        return people.records(ctx, ctx.left.get_persons([item.external_id for item in items]))

    def page(self, ctx: Session, kind: str, cursor: str | None, since: datetime | None) -> Page:
        """The people of organizations that are in; the others are passed over in silence."""
        inside = scope.organizations(ctx)
        page = gather(ctx.left.persons_page, cursor, sweeps.PAGES)
        found = people.records(ctx, [row for row in page.records if row.org_id in inside], inside=True)
        return Page([Item(key) for key in found], found, page.next_cursor, page.unreadable)

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """A person needs a company that is in Planhat; an address belongs to one of them only."""
        if record is None:
            return Skip(Reason.DELETED_AT_SOURCE)
        org_id = record.values["org_id"]
        if not org_id:
            return Skip(PlanhatReason.PERSON_WITHOUT_ORGANIZATION)
        if not record.values[people.INSIDE]:
            return Skip(PlanhatReason.COMPANY_NOT_SYNCED)
        if record.email and batch.owner(record.email_hash, item.external_id) != item.external_id:
            return Skip(Reason.DUPLICATE_EMAIL)
        link = batch.links.get(item.external_id)
        active = link is not None and link.state == LinkState.ACTIVE
        extra = {"companyId": f"srcid-{org_id}", "email": record.email or None, "otherEmails": _others(record)}
        return Sync(
            "update" if active else "create_enduser", creating=not active, extra=extra, notes=_state(record).stored
        )

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """One upsert for all of them."""
        return writing.upsert(ctx, "enduser", writes, state=_state)


def _state(record: Record) -> EnduserState:
    return EnduserState(organization=record.values["org_id"])


def _others(record: Record) -> list[str] | None:
    """Further addresses, the first one aside."""
    return list(record.values["emails"])[1:] or None
