"""On which terms one contact is subscribed: the settings, and what the contact's own properties wish for.

The properties may be hidden fields of a form, which a visitor can change. So they never give more than the tenant's
limit; a permission that comes by the person's own click and one that is given at once have a limit each. Pure rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from config.texts import StrOrPromise
from integration.recipes.hubspot_maileon.properties import DOI, DOI_PLUS, MAILING_KEY, PERMISSION, PERMISSION_CODES
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.settings import is_mailing_key
from integration.recipes.newsletter.subscription import SubscriptionPolicy

if TYPE_CHECKING:
    from integration.recipes.hubspot_maileon.settings import Settings

CONFIGURED = "configured"  # the limit: nothing beyond what the settings give
LIMITS: tuple[tuple[str, StrOrPromise], ...] = (
    (CONFIGURED, _("No more than configured here")), ("2", _("Single Opt-in")), ("4", _("Double Opt-in")),
    ("5", _("Double Opt-in Plus")),
)  # fmt: skip
NOTHING = 0
_SWITCH = {"yes": True, "no": False}


def terms(settings: Settings, values: Mapping[str, JSONValue]) -> SubscriptionPolicy:
    """The terms for a contact with these properties. Anything that is not one of our options counts as not set."""
    by_mail = _SWITCH.get(str(values.get(DOI)), bool(settings["doi_enabled"]))
    mailing, complaint = _mailing(settings, values)
    if by_mail and (most := most_by_click(settings)):
        plus = _SWITCH.get(str(values.get(DOI_PLUS)), bool(settings["doi_plus"]))
        allowed = plus and most >= consent.PERMISSION_DOUBLE_PLUS
        limited = "" if allowed == plus else "Maileon Contact DOI Plus asks for more than the settings allow."
        return SubscriptionPolicy(True, allowed, mailing, consent.PERMISSION_NONE, _joined(limited, complaint))
    limited = "Maileon Contact DOI asks for an opt-in mail, which the settings do not allow." if by_mail else ""
    configured, most = configured_at_once(settings), most_at_once(settings)
    wished = configured if by_mail else PERMISSION_CODES.get(str(values.get(PERMISSION)), configured)
    if wished > most:
        limited = "Maileon Contact Permission asks for more than the settings allow."
    return SubscriptionPolicy(False, permission=min(wished, most), limited=limited)


def configured_at_once(settings: Settings) -> int:
    """What a contact gets at once without any wish of its own."""
    return consent.PERMISSION_NONE if settings["doi_enabled"] else int(settings["permission"])


def configured_by_click(settings: Settings) -> int:
    """What the click gives; nothing where nobody is asked."""
    if not settings["doi_enabled"]:
        return NOTHING
    return consent.PERMISSION_DOUBLE_PLUS if settings["doi_plus"] else consent.PERMISSION_DOUBLE


def most_at_once(settings: Settings) -> int:
    """The highest permission a contact's properties may give at once."""
    return max(configured_at_once(settings), _limit(settings))


def most_by_click(settings: Settings) -> int:
    """The highest permission they may let the person's click give; nothing if nobody may be asked."""
    limit = _limit(settings)
    return max(configured_by_click(settings), limit if limit >= consent.PERMISSION_DOUBLE else NOTHING)


def _limit(settings: Settings) -> int:
    limit = str(settings["override_limit"])
    return int(limit) if limit != CONFIGURED else NOTHING


def _mailing(settings: Settings, values: Mapping[str, JSONValue]) -> tuple[str, str]:
    wished = str(values.get(MAILING_KEY) or "").strip()
    if not wished:
        return str(settings["doi_key"]), ""
    if not is_mailing_key(wished):
        return str(settings["doi_key"]), "Maileon Contact DOI Mailing Key is not a key of a mailing."
    return wished, ""


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
