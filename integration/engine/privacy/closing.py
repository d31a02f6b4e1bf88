"""A tenant leaves: everything is undone at the vendors and deleted here, in portions, with a report of what went where.

The work can be interrupted at any moment and goes on with the next sweep. What stays is the tenant's name, the report
and the audit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from integration.engine.dispatch import wakeups
from integration.engine.flow.recipe import Recipes
from integration.engine.privacy.tenant_tables import TenantTable, tenant_tables
from integration.engine.setup import lifecycle
from integration.errors import IntegrationError
from integration.models import Connection, Health, Integration, State
from integration.secrets import DecryptionFailed
from tenants import audit
from tenants.models import Member, Role, Tenant

log = logging.getLogger(__name__)

PORTION = 1000  # rows per transaction
SLICE = 100.0  # seconds of one piece of work; the next one goes on
LEASE = timedelta(minutes=5)


def begin(tenant: Tenant) -> bool:
    """Switch the tenant off for good. Returns whether it was not closing yet; `work` does the rest."""
    rows = Tenant.objects.filter(pk=tenant.pk, closing_since__isnull=True)
    begun = bool(rows.update(closing_since=timezone.now(), is_active=False))
    if begun:
        audit.record("Began to close the tenant", tenant)
        wakeups.wake(wakeups.CLOSING)
    return begun


def report_goes_to(tenant: Tenant) -> list[str]:
    """The owners' addresses the report is sent to; none where the hub sends no mail."""
    owners = Member.objects.filter(tenant=tenant, role=Role.OWNER, user__is_active=True).select_related("user")
    return [owner.user.email for owner in owners if owner.user.email] if settings.EMAIL_URL else []


def pending() -> QuerySet[Tenant]:
    """Tenants whose closing waits for somebody to work on it."""
    free = Q(closing_busy_until__isnull=True) | Q(closing_busy_until__lt=timezone.now())
    return Tenant.objects.filter(free, closing_since__isnull=False, closed_at__isnull=True)


def work(recipes: Recipes, seconds: float = SLICE) -> int:
    """Go on with closings for so long. Returns how many were finished. One that fails keeps no other from its turn."""
    wakeups.acknowledge(wakeups.CLOSING)
    until = time.monotonic() + seconds
    finished = 0
    for tenant in list(pending()):
        if not _take(tenant):
            continue
        try:
            finished += _close(tenant, recipes, until)
        except Exception:  # the next sweep tries again
            log.exception("Closing tenant %s failed.", tenant.pk)
        finally:
            Tenant.objects.filter(pk=tenant.pk).update(closing_busy_until=None)
    return finished


def _take(tenant: Tenant) -> bool:
    return bool(pending().filter(pk=tenant.pk).update(closing_busy_until=timezone.now() + LEASE))


def _stay_busy(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(closing_busy_until=timezone.now() + LEASE)


def _close(tenant: Tenant, recipes: Recipes, until: float) -> bool:
    """One tenant, until it is done or the time is over."""
    _undo_at_vendors(tenant, recipes)
    for table in tenant_tables():
        if table.model is not Member and not _delete(tenant, table, until):
            return False
    _tell_owners(tenant)
    _let_people_go(tenant)
    Tenant.objects.filter(pk=tenant.pk).update(closed_at=timezone.now())
    audit.record("Closed the tenant", tenant)
    return True


def _undo_at_vendors(tenant: Tenant, recipes: Recipes) -> None:
    """Uninstall what is installed; then leave every account, also where that was interrupted before."""
    live = Integration.objects.select_related("left", "right", "tenant").filter(tenant=tenant)
    for integration in live.exclude(state=State.UNINSTALLED):
        _stay_busy(tenant)
        results = lifecycle.uninstall(integration, recipes)
        _add_steps(tenant, [f"{integration}: {result.label}: {result.detail}" for result in results])
    for connection in Connection.objects.filter(tenant=tenant).exclude(health=Health.DISCONNECTED):
        _stay_busy(tenant)
        said = [f"{connection}: webhooks: {_said(connection, lifecycle.remove_webhooks)}",
                f"{connection}: credentials: {_said(connection, lifecycle.disconnect)}"]  # fmt: skip
        _add_steps(tenant, said)


def _said(connection: Connection, step: Callable[[Connection], str]) -> str:
    """What became of a step; a vendor that does not answer stops nothing, and the report says what is left to do."""
    try:
        return step(connection)
    except IntegrationError as exc:
        return f"not done: {exc.public}"
    except DecryptionFailed:
        return "not done: the stored credentials cannot be read"


def _add_steps(tenant: Tenant, steps: list[str]) -> None:
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        row.closing_report = {**row.closing_report, "steps": [*row.closing_report.get("steps", []), *steps]}
        row.save(update_fields=["closing_report"])


def _delete(tenant: Tenant, table: TenantTable, until: float) -> bool:
    """Delete the tenant's rows of one table. Returns whether none is left; else the time is over."""
    name = str(table.model._meta.label_lower)
    while keys := list(table.rows(tenant).values_list("pk", flat=True)[:PORTION]):
        if time.monotonic() > until:
            return False
        with transaction.atomic():
            table.model._default_manager.filter(pk__in=keys).delete()
            row = Tenant.objects.select_for_update().get(pk=tenant.pk)
            counts = row.closing_report.get("rows", {})
            row.closing_report = {**row.closing_report, "rows": {**counts, name: counts.get(name, 0) + len(keys)}}
            row.closing_busy_until = timezone.now() + LEASE
            row.save(update_fields=["closing_report", "closing_busy_until"])
    return True


def _let_people_go(tenant: Tenant) -> None:
    """End the memberships, and delete the sign-ins of people who are in no other team and no operators."""
    with transaction.atomic():
        members = Member.objects.filter(tenant=tenant)
        users = User.objects.filter(pk__in=members.values("user"), is_staff=False, is_superuser=False)
        elsewhere = Member.objects.exclude(tenant=tenant).values("user")
        only_here = list(users.exclude(pk__in=elsewhere).values_list("pk", flat=True))
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        counts = {"tenants.member": members.count(), "auth.user": len(only_here)}
        row.closing_report = {**row.closing_report, "rows": {**row.closing_report.get("rows", {}), **counts}}
        row.save(update_fields=["closing_report"])
        members.delete()
        User.objects.filter(pk__in=only_here).delete()


def _tell_owners(tenant: Tenant) -> None:
    """Send the owners the report, while we still know them."""
    if addresses := report_goes_to(tenant):
        subject = gettext("Lockstep: {tenant} is closed").format(tenant=tenant.name)
        first = gettext("Everything stored for {tenant} was removed:").format(tenant=tenant.name)
        EmailMessage(subject, "\n".join([first, *told(tenant)]), bcc=addresses).send(fail_silently=True)


def told(tenant: Tenant) -> list[str]:
    """The report in sentences: what was undone at the vendors, and how many rows went from which table."""
    tenant.refresh_from_db(fields=["closing_report"])
    lines = [str(step) for step in tenant.closing_report.get("steps", [])]
    for name, count in sorted(tenant.closing_report.get("rows", {}).items()):
        text = ngettext("{name}: {count} row deleted", "{name}: {count} rows deleted", count)
        kind = apps.get_model(name)._meta.verbose_name_plural
        lines.append(text.format(name=str(kind).capitalize(), count=f"{count:,}"))
    return lines
