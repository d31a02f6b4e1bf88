"""Build a contact's JSON, cut bulk calls, read what create calls answer. Pure functions for `client.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from config.json_value import JSONValue, parse_json
from integration.connectors.base import Account
from integration.connectors.maileon import xml
from integration.connectors.maileon.api import Params
from integration.connectors.maileon.fields import TYPED_FIELDS, fit
from integration.connectors.maileon.reasons import MaileonReason
from integration.connectors.maileon.records import Contact, StoredContact, WebhookRow
from integration.errors import ContractError, RecordError, TenantActionError
from integration.http import Reply

CONTACTS_PER_CALL = 1000  # our choice: the vendor names no maximum (maileon sheet §4)


def contact_body(contact: Contact, *, with_email: bool) -> dict[str, JSONValue]:
    """Build a contact's JSON. The address is in the URL unless it changes; an external id excludes it (sheet §2.2)."""
    body: dict[str, JSONValue] = {"email": contact.email} if with_email else {}
    if contact.external_id:
        body["external_id"] = contact.external_id
    if contact.standard_fields:
        body["standard_fields"] = {key: _standard(key, value) for key, value in contact.standard_fields.items()}
    if contact.custom_fields:  # null is refused for custom fields, an empty text clears (sheet §2.3)
        cleared = {key: "" if value is None else fit(value, "contact") for key, value in contact.custom_fields.items()}
        body["custom_fields"] = cleared
    return body


def _standard(key: str, value: JSONValue) -> JSONValue:
    if value is None:
        return None if key in TYPED_FIELDS else ""
    return fit(value, "contact")


def chunks(contacts: Sequence[Contact], use_external_id: bool) -> Iterator[list[Contact]]:
    """Cut into calls. One identifier twice in a call would be ignored silently: the second goes into the next call."""
    chunk: list[Contact] = []
    seen: set[str] = set()
    for contact in contacts:
        key = contact.external_id if use_external_id else contact.email.lower()
        if len(chunk) == CONTACTS_PER_CALL or key in seen:
            yield chunk
            chunk, seen = [], set()
        chunk.append(contact)
        seen.add(key)
    if chunk:
        yield chunk


def asked(standard_fields: Sequence[str], custom_fields: Sequence[str]) -> Params:
    return [("standard_field", name) for name in standard_fields] + [("custom_field", name) for name in custom_fields]


def stored_contact(content: bytes) -> StoredContact:
    root = xml.parse(content)
    if root.tag != "contact" or not xml.text(root, "id"):
        raise ContractError("Maileon sent a contact in an unknown form.", detail=f"root <{root.tag}>")
    return xml.read_contact(root)


def stored_contacts(content: bytes) -> list[StoredContact]:
    """Read the contacts that were asked for, all or none; some answers are empty where others are 404."""
    return xml.read_contacts(xml.parse(content).iter("contact")).complete() if content.strip() else []


def account(info: JSONValue) -> Account:
    """Read whose newsletter account a key opens."""
    if not isinstance(info, dict) or not info.get("id"):
        raise ContractError("Maileon did not say which account this is.", detail="account/info")
    kept = ("customer_account_id", "customer_account_name", "type", "locale", "mailing_domain")
    details = {key: str(info[key]) for key in kept if info.get(key) is not None}
    return Account(str(info["id"]), str(info.get("name") or info["id"]), details)


def webhook_rows(reply: Reply) -> list[WebhookRow]:
    """Read the list of webhooks; an account without any answers with nothing (maileon sheet §6)."""
    rows = (reply.json() if reply.content.strip() else None) or []
    if isinstance(rows, dict):
        rows = rows.get("webhooks", rows.get("items"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ContractError("Maileon sent its webhooks in an unknown form.", detail=type(rows).__name__)
    return [WebhookRow(str(row.get("id")), str(row.get("event")), str(row.get("url"))) for row in rows]


def created_id(content: bytes) -> str:
    """Creates answer `<id>7</id>` or `{"id": 7}` (maileon sheet §6); some answer nothing."""
    body = content.strip()
    if body.startswith(b"<"):
        return xml.root_id(body)
    if body.startswith(b"{"):
        return str(_json_object(body).get("id") or "")
    return body.decode("ascii", "ignore") if body.isdigit() else ""


def _json_object(body: bytes) -> Mapping[str, JSONValue]:
    try:
        found = parse_json(body)
    except ValueError as exc:
        raise ContractError("Maileon's answer is not JSON.") from exc
    return found if isinstance(found, dict) else {}


def doi_mailing_missing(exc: RecordError) -> TenantActionError | None:
    """A missing opt-in mailing fails the create call; code and words are not documented (maileon sheet §2.2)."""
    words = f"{exc.public} {exc.detail}".lower()
    if "doi" in words and "mailing" in words:
        return TenantActionError(
            "Maileon has no opt-in mailing to send: there is no default DOI mailing and the DOI key names none.",
            detail=exc.detail,
            reason=MaileonReason.DOI_MAILING_MISSING,
        )
    return None
