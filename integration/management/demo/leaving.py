"""Items 6 and 7 of the demo's security section: an erased person does not come back, and a tenant leaves nothing."""

from __future__ import annotations

import io
import zipfile

from django.db import DatabaseError, transaction

from integration.engine.privacy import closing, personal_data, tenant_export
from integration.engine.privacy.tenant_tables import tenant_tables
from integration.management.demo import pipedrive_maileon
from integration.management.demo.stage import NotSeen, Stage
from integration.models import RecordLink, SyncLog, VendorCall, WebhookEvent
from integration.reasons import Reason
from integration.recipes.registry import get_recipe
from tenants import audit
from tenants.audit import AuditEntry

TRACE = "zwickelbauer"


class Leaving(pipedrive_maileon.Story):
    """A tenant of whom first one person and then everything goes."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.save_settings(self.integration, contacts_enabled=True)

    def erased(self) -> str:
        """Somebody is erased while Pipedrive still has them, is edited there, and unsubscribes in Maileon."""
        person, email = self.subscribe_and_confirm("Ottoline Zwickelbauer")
        report = personal_data.erase(self.tenant, email, get_recipe)
        self.change(person, name="Ottoline Second")
        self.stage.logged(source_id=person, reason=Reason.ADDRESS_ERASED)
        told = [row for model in (SyncLog, WebhookEvent, VendorCall) for row in model.objects.values()
                if TRACE in str(row).lower() or "ottoline" in str(row).lower()]  # fmt: skip
        if told:
            raise NotSeen(f"{len(told)} rows still tell of the person: {told[0]}")
        self.leave(email)
        self.stage.until("status Unsubscribed", lambda: self.status_of(person) == "unsubscribed")
        return f"an erased person ({len(report)} lines of report) was edited and refused; their opt-out still arrived"

    def left(self) -> str:
        """The tenant takes everything along and closes."""
        content = b"".join(tenant_export.archive(self.tenant, get_recipe))
        files = zipfile.ZipFile(io.BytesIO(content)).namelist()
        closing.begin(self.tenant)
        self.stage.until("the closing", self._closed)  # by a worker, or by us: whoever is first
        left = [table.model.__name__ for table in tenant_tables() if table.rows(self.tenant).exists()]
        webhooks = self.stage.control("GET", "/pipedrive/acme/state")["webhooks"]
        if left or webhooks or RecordLink.objects.filter(integration__tenant=self.tenant).exists():
            raise NotSeen(f"left: {left}, webhooks {webhooks}")
        try:
            with transaction.atomic():
                AuditEntry.objects.filter(tenant_number=self.tenant.pk).delete()
        except DatabaseError:
            lines = audit.of_tenant(self.tenant).count()
            return f"{len(files)} files taken along, 0 rows and 0 webhooks left; {lines} lines of audit refuse to go"
        raise NotSeen("the audit was deleted")

    def _closed(self) -> bool:
        closing.work(get_recipe)
        self.tenant.refresh_from_db()
        return self.tenant.closed_at is not None
