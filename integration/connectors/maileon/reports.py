"""Maileon's reports: who unsubscribed, who confirmed. The polling side of its webhooks; `MaileonClient` calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from integration.connectors.maileon import xml
from integration.connectors.maileon.api import Api
from integration.connectors.maileon.records import Page, Record, Subscriber, Unsubscription


def unsubscriptions_page(
    api: Api,
    page: int,
    since: datetime | None,
    until: datetime | None,
    emails: Sequence[str],
    external_ids: Sequence[str],
) -> Page[Unsubscription]:
    """Return one page of the unsubscription report."""
    params = [*_dates(since, until), *(("emails", item) for item in emails), *(("eids", item) for item in external_ids)]
    rows, last = api.page("/reports/unsubscriptions", params, index=page)
    return Page(tuple(_unsubscription(node) for node in rows), None if last else page + 1)


def subscribers_page(api: Api, page: int, since: datetime | None, until: datetime | None) -> Page[Subscriber]:
    """Return one page of confirmed opt-ins (from inclusive, to exclusive)."""
    params = [*_dates(since, until), ("exclude_anonymous_contacts", "true")]
    rows, last = api.page("/reports/subscribers", params, index=page)
    return Page(tuple(_subscriber(node) for node in rows), None if last else page + 1)


def walk(page: Callable[[int], Page[Record]]) -> Iterator[Record]:
    """Yield every row, page by page."""
    index: int | None = 1
    while index is not None:
        found = page(index)
        yield from found.records
        index = found.next_cursor


def _dates(since: datetime | None, until: datetime | None) -> list[tuple[str, Any]]:
    """Dates are epoch milliseconds (maileon sheet §3)."""
    moments = (("from_date", since), ("to_date", until))
    return [(name, int(moment.timestamp() * 1000)) for name, moment in moments if moment is not None]


def _unsubscription(node: Element) -> Unsubscription:
    return Unsubscription(
        **_identity(node),
        timestamp=xml.text(node, "timestamp"),
        source=xml.text(node, "source"),
        mailing_id=xml.text(node, "mailing_id"),
    )


def _subscriber(node: Element) -> Subscriber:
    contact = node.find("contact")
    permission = None if contact is None else xml.permission(contact)
    return Subscriber(**_identity(node), timestamp=xml.text(node, "timestamp"), permission=permission)


def _identity(node: Element) -> dict[str, str]:
    contact = node.find("contact")
    if contact is None:
        contact = node
    return {
        "contact_id": xml.text(contact, "id"),
        "email": xml.text(contact, "email"),
        "external_id": xml.text(contact, "external_id"),
    }
