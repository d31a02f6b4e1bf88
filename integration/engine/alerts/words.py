"""What an alert says: what is wrong, why, and what mends it. No secrets, no personal data."""

from __future__ import annotations

from integration.engine.diagnose.faults import FAULTS
from integration.engine.flow.general_reasons import general_text
from integration.engine.flow.recipe import Recipes
from integration.models import Alert, AlertKind, Connection, Integration, Moment
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
    AlertKind.UNANSWERED: "People of {tenant} confirm opt-in mails again",
    AlertKind.SUNSET: "Lockstep no longer calls what a vendor switches off",
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
SUNSET_FIX = (
    "The vendor has announced the end of a call or a version that Lockstep uses.",
    "Update Lockstep before that date. API sunsets in the console lists the calls with the vendor's page.",
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


def why(alert: Alert, recipes: Recipes, *, to_owners: bool) -> tuple[str, str]:
    """Likely cause and fix, of the closed lists."""
    if alert.kind == AlertKind.FAILURES:
        return FAILURES_FIX
    if alert.kind == AlertKind.CLAIM:
        return CLAIM_FIX
    if alert.kind == AlertKind.SUNSET:
        return SUNSET_FIX
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
