"""What an alert says in a mail's subject, its text and the outgoing webhook. No secrets, no personal data."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from config.json_value import Json
from integration.engine.diagnose.faults import FAULTS
from integration.engine.flow.general_reasons import general_text
from integration.engine.flow.recipe import Recipes
from integration.models import Alert, AlertKind, AlertNotice, Connection, Integration, Moment
from integration.reasons import Reason
from integration.redact import mask_addresses

CAP = 10_000
REFUSALS: dict[str, str] = {
    Reason.CREDENTIALS_REFUSED: "{vendor} refuses the {key} of {tenant}",
    Reason.PERMISSION_MISSING: "{vendor} does not permit the {key} of {tenant} what is needed",
    Reason.ACCOUNT_CLOSED: "The {vendor} account of {tenant} is not open",
    Reason.ADDRESS_REFUSED: "The {vendor} address of {tenant} is not accepted",
    Reason.SECRET_UNREADABLE: "The {vendor} credentials of {tenant} cannot be decrypted",
}
# What the tenant's owners can do themselves; other reasons are the operators' alone.
OWNERS_DO: dict[str, str] = {
    Reason.CREDENTIALS_REFUSED: "Enter a new {key} on the settings page, or connect {vendor} again. "
    "The waiting changes then go on by themselves.",
    Reason.PERMISSION_MISSING: "Allow it at {vendor} for the {key}, then press Test on the settings page.",
    Reason.ACCOUNT_CLOSED: "Reopen the account at {vendor}. The waiting changes then go on by themselves.",
    Reason.MASS_DELETE: "Look at the source, then decide on the page this mail links to.",
    Reason.OPT_IN_LIMIT: "Make sure these people really asked for it, then decide on the page this mail links to.",
}
ENDS = {
    AlertKind.CONNECTION: "{vendor} works again for {tenant}",
    AlertKind.WAITING: "Changes of {tenant} move again",
    AlertKind.FAILURES: "Records of {tenant} go through again",
    AlertKind.WORKER: "A worker is alive again",
    AlertKind.SILENT: "{vendor} sends events of {tenant} again",
    AlertKind.BRAKE: "Somebody decided about the records of {tenant} that were held",
    AlertKind.CLAIM: "Somebody decided who connects the claimed account",
}
FAILURES_FIX = (
    "Several records failed for one reason: a mapping, a field at the vendor, or a fault of ours.",
    "Open the log, filter by Failed, and read the reason with its fix; then release the dead jobs.",
)
CLAIM_FIX = (
    "An administrator of an account at a vendor wants to connect it here, and another customer's consent stands "
    "against it.",
    "Open Claims, ask both customers whose account it is, then press Grant or Refuse.",
)


def plain(name: str) -> str:
    """A name that came from outside as one line without addresses: it goes into a mail's subject."""
    return mask_addresses(" ".join(name.split()))[:80]


def named(row: Integration, recipes: Recipes) -> str:
    """An integration by its tenant and recipe."""
    return f"{plain(row.tenant.name)} ({recipes(row.recipe).label})"


def refusal(row: Connection, waiting: int) -> str:
    """The sentence about a connection that needs a person: "Maileon refuses the key of ACME, 12 changes waiting"."""
    text = REFUSALS.get(row.health_reason, "{vendor} needs somebody at {tenant}")
    shown = f"{CAP:,}+" if waiting > CAP else f"{waiting:,}"
    tail = f", {shown} change{'' if waiting == 1 else 's'} waiting" if waiting else ""
    return text.format(**_names(row)) + tail


def _names(row: Connection | None, tenant: str = "") -> dict[str, str]:
    if row is None:
        return {"vendor": "The vendor", "tenant": tenant or "the hub", "key": "key"}
    key = "sign-in" if row.auth_kind == "oauth" else "key"
    return {"vendor": row.connector.label, "tenant": plain(row.tenant.name), "key": key}


def headline(alert: Alert, moment: str) -> str:
    """One line: what is wrong, that it still is, or that it is over."""
    if moment == Moment.RESOLVED:
        tenant = plain(alert.tenant.name) if alert.tenant else ""
        return ENDS[AlertKind(alert.kind)].format(**_names(alert.connection, tenant))
    return alert.what


def subject(alert: Alert, moment: str) -> str:
    """The mail's subject says the state."""
    still = " (still)" if moment == Moment.REMINDER else ""
    return f"Lockstep: {headline(alert, moment)}{still}"


def mail(notice: AlertNotice, recipes: Recipes, *, to_owners: bool) -> tuple[str, str, str]:
    """Subject, text and HTML of one mail."""
    alert, over = notice.alert, notice.moment == Moment.RESOLVED
    cause, fix = why(alert, recipes, to_owners=to_owners)
    context = {
        "headline": headline(alert, notice.moment), "over": over, "cause": cause, "fix": fix, "owners": to_owners,
        "since": _moment(alert, alert.opened_at), "until": _moment(alert, alert.resolved_at),
        "link": owners_link(alert) if to_owners else operators_link(alert),
        "button": _button(alert, over=over) if to_owners else "Open the alert",
        "tenant": plain(alert.tenant.name) if alert.tenant else "",
    }  # fmt: skip
    text, html = (render_to_string(f"mail/alert.{kind}", context) for kind in ("txt", "html"))
    return subject(alert, notice.moment), text.strip() + "\n", html


def _button(alert: Alert, *, over: bool) -> str:
    if over:
        return "Open Lockstep"
    return "Decide" if alert.kind == AlertKind.BRAKE else "Open the settings"


def why(alert: Alert, recipes: Recipes, *, to_owners: bool) -> tuple[str, str]:
    """Likely cause and fix, of the closed lists."""
    if alert.kind == AlertKind.FAILURES:
        return FAILURES_FIX
    if alert.kind == AlertKind.CLAIM:
        return CLAIM_FIX
    names = {**_names(alert.connection), "since": ""}
    if fault := FAULTS.get(alert.reason):
        return fault.cause.format(**names), fault.fix.format(**names)
    recipe = recipes(alert.integration.recipe) if alert.integration else None
    text = recipe.reason_text(alert.reason) if recipe else general_text(alert.reason)
    if text is None:
        return "", ""
    if to_owners and alert.reason in OWNERS_DO:
        return text.cause, OWNERS_DO[alert.reason].format(**names)
    return text.cause, text.fix


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
    return _address("portal:settings", alert.tenant_id, alert.integration_id)


def operators_link(alert: Alert) -> str:
    """The alert's page in the console."""
    return _address("admin:integration_alert_change", alert.pk)


def _address(name: str, *args: UUID | int | None) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse(name, args=args)}"


def payload(notice: AlertNotice) -> dict[str, Json]:
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
