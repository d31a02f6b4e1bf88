"""The buttons that mend: for each reason, where the operator goes to remove its cause or to try again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.admin.core import html
from integration.connectors.maileon.reasons import MaileonReason
from integration.models import Health, Integration
from integration.reasons import Reason
from integration.recipes.newsletter.reasons import NewsletterReason

Button = tuple[str, str]  # words, address


def fixes(code: str, integration: Integration) -> list[Button]:
    """Words and address of what mends this reason at this integration; empty when nothing has to be done here."""
    return [button for make in FIXES.get(code, ()) if (button := make(integration))]


def doors(code: str, integration: Integration) -> html.Html:
    """The same as links in a row."""
    return html.doors([(address, words) for words, address in fixes(code, integration)])


def _page(words: StrOrPromise, name: str) -> Callable[[Integration], Button | None]:
    return lambda row: (str(words), reverse(f"admin:integration_integration_{name}", args=[row.pk]))


def _mapping(row: Integration) -> Button | None:
    return gettext("Field mappings"), f"{html.url_of(row)}#mappings"


def _connection(row: Integration) -> Button | None:
    """The account that does not work; when both do, it is mended already."""
    broken = next((side for side in (row.left, row.right) if side.health == Health.NEEDS_YOU), None)
    return (
        (gettext("Open {vendor}'s connection").format(vendor=broken.connector.label), html.url_of(broken))
        if broken
        else None
    )


_DIAGNOSE, _SETTINGS, _REPAIR = (
    _page(_("Diagnose"), "diagnose"),
    _page(_("Settings"), "settings"),
    _page(_("Repair"), "repair"),
)

FIXES: Mapping[str, tuple[Callable[[Integration], Button | None], ...]] = {
    **dict.fromkeys(
        (
            Reason.CREDENTIALS_REFUSED,
            Reason.PERMISSION_MISSING,
            Reason.ACCOUNT_CLOSED,
            Reason.ADDRESS_REFUSED,
            Reason.SECRET_UNREADABLE,
        ),
        (_connection, _DIAGNOSE),
    ),
    **dict.fromkeys((NewsletterReason.NEWSLETTER_FIELD_MISSING, Reason.WEBHOOK_LIMIT), (_REPAIR, _DIAGNOSE)),
    **dict.fromkeys(
        (Reason.MASS_DELETE, Reason.OPT_IN_LIMIT, Reason.PERSON_HELD), (_page(_("Decide"), "brakes"), _DIAGNOSE)
    ),
    **dict.fromkeys((MaileonReason.DOI_MAILING_MISSING, Reason.FLOW_OFF), (_SETTINGS,)),
    **dict.fromkeys((Reason.FIELD_UNKNOWN, Reason.VALUE_INVALID), (_mapping, _DIAGNOSE)),
    **dict.fromkeys(
        (
            Reason.VENDOR_UNAVAILABLE,
            Reason.VENDOR_UNREACHABLE,
            Reason.RATE_LIMITED,
            Reason.UNEXPECTED_ANSWER,
            Reason.NOT_VISIBLE,
        ),
        (_DIAGNOSE,),
    ),
}
