"""Flow company → sync: "Sync with Pipedrive" from Planhat, by an automation somebody starts there.

Planhat's own integration has this in the company's menu (seed 004). The call only names the company; what follows is
the same as when somebody asks for it here: the organization is read afresh, with all that belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.planhat.client import PlanhatClient
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    EventContext,
    Flow,
    Item,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    links,
)
from integration.models import Outcome, WebhookEvent
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive import scope
from integration.recipes.planhat_pipedrive.organization_to_company import OrganizationToCompany
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings


class SyncCompany(Flow[PipedriveClient, PlanhatClient, Settings]):
    """Planhat company → its Pipedrive organization, asked for."""

    key = "sync_company"
    label = _("Company → Sync with Pipedrive")
    side = "right"
    source_object = "company"
    target_object = "organization"
    link_type = "sync_company"
    events = frozenset({"company.sync"})
    batch_size = 100
    urgent = True  # somebody waits for it

    def enabled(self, settings: Settings) -> bool:
        """On when organizations are received."""
        return OrganizationToCompany().enabled(settings)

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The organization of the company."""
        rows = links.of_targets(ctx.integration, scope.COMPANY, [event.external_id])
        return [Route(key) for key in rows.values_list("source_id", flat=True)] or Skip(Reason.NOT_LINKED)

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """The organization is read by the flow that syncs it."""
        return {item.external_id: Record(item.external_id, {"name": ""}) for item in items}

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """It was asked for."""
        return Sync("ask_for_sync", mapped=False)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Nothing to send; the organization goes next."""
        return [
            Result(Outcome.SYNCED, link_state=None, follow_ups=(
                Enqueue(OrganizationToCompany.key, write.item.external_id, EventContext(resync=True).stored),
            ))
            for write in writes
        ]  # fmt: skip
