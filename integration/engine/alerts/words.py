"""What an alert says: what is wrong, why, and what mends it. No secrets, no personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.diagnose.faults import FAULTS
from integration.engine.flow.general_reasons import general_text
from integration.engine.flow.recipe import Recipes
from integration.models import Alert, AlertKind, ChangeKind, Connection, Integration, Moment, SchemaChange
from integration.reasons import Reason
from integration.redact import mask_addresses

CAP = 10_000
REFUSALS: dict[str, str] = {  # stored with the alert
    Reason.CREDENTIALS_REFUSED: "{vendor} refuses the {key} of {tenant}",
    Reason.PERMISSION_MISSING: "{vendor} does not permit the {key} of {tenant} what is needed",
    Reason.ACCOUNT_CLOSED: "The {vendor} account of {tenant} is not open",
    Reason.ADDRESS_REFUSED: "The {vendor} address of {tenant} is not accepted",
    Reason.SECRET_UNREADABLE: "The {vendor} credentials of {tenant} cannot be decrypted",
}
# What the tenant's owners can do themselves; other reasons are the operators' alone.
OWNERS_DO: dict[str, StrOrPromise] = {
    Reason.CREDENTIALS_REFUSED: _(
        "Enter a new {key} on the settings page, or connect {vendor} again. Waiting changes then continue by "
        "themselves."
    ),
    Reason.PERMISSION_MISSING: _("Allow it in {vendor} for the {key}, then press Test on the settings page."),
    Reason.ACCOUNT_CLOSED: _("Reopen the {vendor} account. Waiting changes then continue by themselves."),
    Reason.MASS_DELETE: _("Check the records in the app they come from, then decide on the page this email links to."),
    Reason.OPT_IN_LIMIT: _("Make sure these people really asked for it, then decide on the page this email links to."),
}
ENDS = {
    AlertKind.CONNECTION: _("{vendor} works again for {tenant}"),
    AlertKind.WAITING: _("Changes of {tenant} are synced again"),
    AlertKind.FAILURES: _("Records of {tenant} sync again"),
    AlertKind.WORKER: _("A worker is alive again"),
    AlertKind.SILENT: _("{vendor} sends events of {tenant} again"),
    AlertKind.BRAKE: _("Somebody decided about the held records of {tenant}"),
    AlertKind.CLAIM: _("Somebody decided who connects the claimed account"),
    AlertKind.UNANSWERED: _("People of {tenant} confirm opt-in emails again"),
    AlertKind.SUNSET: _("Lockstep no longer calls what a vendor switches off"),
    AlertKind.SCHEMA: _("The fields of {tenant} fit again"),
    AlertKind.NOT_ROUTED: _("All changes can be read again"),
    AlertKind.BREAK_GLASS: _("The break-glass account has not been used for a day"),
}
FAILURES_FIX = (
    _("Several records failed for one reason: a mapping, a field in one of the apps, or a fault in Lockstep."),
    _("Open the log, filter by Failed, and read the reason with its fix. Then release the dead jobs."),
)
CLAIM_FIX = (
    _("An administrator of a vendor account wants to connect it here, but another customer has already connected it."),
    _("Open Claims, ask both customers whose account it is, then press Grant or Refuse."),
)
SCHEMA_FIX = (
    _("Somebody deleted a field, an option, a stage or a pipeline that is in use, or changed a field's type."),
    _("Open Fields and choose another field for the rows named, or remove them; stages and pipelines are in Settings."),
)
BREAK_GLASS_FIX = (
    _("Somebody signed in with the local account for emergencies instead of the identity provider."),
    _("Ask who it was. If nobody of yours did, sign it out everywhere, change its password and read the audit."),
)
NOT_ROUTED_FIX = (
    _("A version without this recipe is running (an update, a step back), or an event has a form nobody expected."),
    _("Run the version that has the recipe: what waits is then synced. An event that failed: open it, press Replay."),
)
SUNSET_FIX = (
    _("The vendor has announced the end of a call or a version that Lockstep uses."),
    _("Update Lockstep before that date. API sunsets in the console lists the calls with the vendor's page."),
)

OWN_FIXES: Mapping[str, tuple[StrOrPromise, StrOrPromise]] = {
    AlertKind.FAILURES: FAILURES_FIX,
    AlertKind.CLAIM: CLAIM_FIX,
    AlertKind.SUNSET: SUNSET_FIX,
    AlertKind.SCHEMA: SCHEMA_FIX,
    AlertKind.BREAK_GLASS: BREAK_GLASS_FIX,
    AlertKind.NOT_ROUTED: NOT_ROUTED_FIX,
}


def plain(name: str) -> str:
    """A name that came from outside as one line without addresses: it goes into a mail's subject."""
    return mask_addresses(" ".join(name.split()))[:80]


def named(row: Integration, recipes: Recipes) -> str:
    """An integration by its tenant and recipe."""
    return f"{plain(row.tenant.name)} ({recipes(row.recipe).label})"


def changed(changes: Sequence[SchemaChange]) -> str:
    """The sentence about what is gone or no longer fits in one integration, with the rows or settings that use it."""
    first = changes[0]
    vendor = getattr(first.integration, first.side).connector.label
    did = "changed type" if first.kind == ChangeKind.RETYPED else "was deleted"
    used = ", ".join(dict.fromkeys(plain(name) for change in changes for name in change.concerns))
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"“{plain(first.label)}”{more} {did} in {vendor} of {plain(first.integration.tenant.name)}. Used by: {used}"


def refusal(row: Connection, waiting: int) -> str:
    """The sentence about a connection that needs a person: "Maileon refuses the key of ACME, 12 changes waiting"."""
    text = REFUSALS.get(row.health_reason, "{vendor} needs somebody at {tenant}")
    shown = f"{CAP:,}+" if waiting > CAP else f"{waiting:,}"
    tail = f", {shown} change{'' if waiting == 1 else 's'} waiting" if waiting else ""
    return text.format(**_names(row)) + tail


def _names(row: Connection | None, tenant: str = "") -> dict[str, str]:
    if row is None:
        return {"vendor": gettext("The vendor"), "tenant": tenant or gettext("the hub"), "key": gettext("key")}
    key = gettext("sign-in") if row.auth_kind == "oauth" else gettext("key")
    return {"vendor": row.connector.label, "tenant": plain(row.tenant.name), "key": key}


def headline(alert: Alert, moment: str) -> str:
    """One line: what is wrong, that it still is, or that it is over."""
    if moment == Moment.RESOLVED:
        tenant = plain(alert.tenant.name) if alert.tenant else ""
        return ENDS[AlertKind(alert.kind)].format(**_names(alert.connection, tenant))
    return alert.what


def why(alert: Alert, recipes: Recipes, *, to_owners: bool) -> tuple[str, str]:
    """Likely cause and fix, of the closed lists."""
    names = {**_names(alert.connection), "since": ""}
    cause, fix = _why(alert, recipes, to_owners=to_owners)
    return str(cause).format(**names), str(fix).format(**names)


def _why(alert: Alert, recipes: Recipes, *, to_owners: bool) -> tuple[StrOrPromise, StrOrPromise]:
    if alert.kind in OWN_FIXES:
        return OWN_FIXES[alert.kind]
    if fault := FAULTS.get(alert.reason):
        return fault.cause, fault.fix
    recipe = recipes(alert.integration.recipe) if alert.integration else None
    text = recipe.reason_text(alert.reason) if recipe else general_text(alert.reason)
    if text is None:
        return "", ""
    if to_owners and alert.reason in OWNERS_DO:
        return text.cause, OWNERS_DO[alert.reason]
    return text.cause, text.fix
