"""The buttons that mend: for each reason, where the operator goes to remove its cause or to try again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.urls import reverse

from integration.admin.core import html
from integration.models import Health, Integration

Button = tuple[str, str]  # words, address


def fixes(code: str, integration: Integration) -> list[Button]:
    """Words and address of what mends this reason at this integration; empty when nothing has to be done here."""
    return [button for make in FIXES.get(code, ()) if (button := make(integration))]


def doors(code: str, integration: Integration) -> html.Html:
    """The same as links in a row."""
    return html.doors([(address, words) for words, address in fixes(code, integration)])


def _page(words: str, name: str) -> Callable[[Integration], Button | None]:
    return lambda row: (words, reverse(f"admin:integration_integration_{name}", args=[row.pk]))


def _mapping(row: Integration) -> Button | None:
    return "Field mappings", f"{html.url_of(row)}#mappings"


def _connection(row: Integration) -> Button | None:
    """The account that does not work; when both do, it is mended already."""
    broken = next((side for side in (row.left, row.right) if side.health == Health.NEEDS_YOU), None)
    return (f"Open {broken.connector.label}'s connection", html.url_of(broken)) if broken else None


_DIAGNOSE, _SETTINGS, _REPAIR = _page("Diagnose", "diagnose"), _page("Settings", "settings"), _page("Repair", "repair")

FIXES: Mapping[str, tuple[Callable[[Integration], Button | None], ...]] = {
    **dict.fromkeys(
        ("credentials_refused", "permission_missing", "account_closed", "address_refused", "secret_unreadable"),
        (_connection, _DIAGNOSE),
    ),
    **dict.fromkeys(("newsletter_field_missing", "webhook_limit"), (_REPAIR, _DIAGNOSE)),
    **dict.fromkeys(("mass_delete", "opt_in_limit"), (_page("Decide", "brakes"), _DIAGNOSE)),
    **dict.fromkeys(("doi_mailing_missing", "flow_off"), (_SETTINGS,)),
    **dict.fromkeys(("field_unknown", "value_invalid"), (_mapping, _DIAGNOSE)),
    **dict.fromkeys(
        ("vendor_unavailable", "vendor_unreachable", "rate_limited", "unexpected_answer", "not_visible"),
        (_DIAGNOSE,),
    ),
}
