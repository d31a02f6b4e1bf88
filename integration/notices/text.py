"""The text of a notice: a mail with subject and HTML, or the body of the outgoing webhook. Each leads to a page."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext

from config.json_value import JSONValue
from integration.engine.alerts.words import headline, plain, why
from integration.engine.flow.recipe import Recipes
from integration.models import Alert, AlertKind, AlertNotice, Moment


def subject(alert: Alert, moment: str) -> str:
    """The mail's subject says the state."""
    text = gettext("Lockstep: {what} (still)") if moment == Moment.REMINDER else "Lockstep: {what}"
    return text.format(what=headline(alert, moment))


def mail_text(notice: AlertNotice, recipes: Recipes, *, to_owners: bool) -> tuple[str, str, str]:
    """Subject, text and HTML of one mail."""
    alert, over = notice.alert, notice.moment == Moment.RESOLVED
    cause, fix = why(alert, recipes, to_owners=to_owners)
    context = {
        "headline": headline(alert, notice.moment), "over": over, "cause": cause, "fix": fix, "owners": to_owners,
        "since": _moment(alert, alert.opened_at), "until": _moment(alert, alert.resolved_at),
        "link": owners_link(alert) if to_owners else operators_link(alert),
        "button": _button(alert, over=over) if to_owners else gettext("Open the alert"),
        "tenant": plain(alert.tenant.name) if alert.tenant else "",
    }  # fmt: skip
    text, html = (render_to_string(f"mail/alert.{kind}", context) for kind in ("txt", "html"))
    return subject(alert, notice.moment), text.strip() + "\n", html


def _button(alert: Alert, *, over: bool) -> str:
    if over:
        return gettext("Open Lockstep")
    if alert.kind == AlertKind.SCHEMA:
        return gettext("Open Fields")
    return gettext("Decide") if alert.kind == AlertKind.BRAKE else gettext("Open the settings")


def _moment(alert: Alert, moment: datetime | None) -> str:
    """In the tenant's own zone; the hub's alerts in UTC."""
    if moment is None:
        return ""
    zone = zoneinfo.ZoneInfo(alert.tenant.timezone if alert.tenant else "UTC")
    local = moment.astimezone(zone)
    return f"{local:%-d %b %Y, %H:%M} {local.tzname()}"


def owners_link(alert: Alert) -> str:
    """The page of the integration it is about where they can mend it."""
    if alert.integration_id is None:
        return _address("portal:home")
    if alert.kind == AlertKind.BRAKE:
        return _address("portal:brakes", alert.tenant_id, alert.integration_id)
    if alert.kind == AlertKind.SCHEMA:
        return _address("portal:fields", alert.tenant_id, alert.integration_id)
    return _address("portal:settings", alert.tenant_id, alert.integration_id)


def operators_link(alert: Alert) -> str:
    """The alert's page in the console."""
    return _address("admin:integration_alert_change", alert.pk)


def _address(name: str, *args: UUID | int | None) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse(name, args=args)}"


def payload(notice: AlertNotice) -> dict[str, JSONValue]:
    """The outgoing webhook's body."""
    alert = notice.alert
    vendor = alert.connection.vendor if alert.connection else None
    return {
        "type": f"alert.{notice.moment}",
        "timestamp": notice.created_at.isoformat(),
        "data": {
            "id": alert.pk, "kind": alert.kind, "what": headline(alert, notice.moment), "reason": alert.reason or None,
            "tenant": {"id": str(alert.tenant_id), "name": plain(alert.tenant.name)} if alert.tenant else None,
            "integration": str(alert.integration_id) if alert.integration_id else None,
            "recipe": alert.integration.recipe if alert.integration else None,
            "vendor": vendor, "opened_at": alert.opened_at.isoformat(),
            "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
            "url": operators_link(alert),
        },
    }  # fmt: skip
