"""Brevo's nouns and verbs: contacts, import, attributes, lists, events, webhooks; companies beside it.

Called by the recipes' flows and by install. No call here can take anybody off the blocklist: there is no way to ask
for it, and a changed address keeps the blocklisting that the vendor would drop (sheet §4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.json_value import JSONValue, json_object, json_objects, json_texts, whole_number
from integration.connectors.base import Account
from integration.connectors.brevo import bodies
from integration.connectors.brevo.api import CONTACTS, EVENTS, OTHER, PAGE_SIZE, Row, checked_object, segment, time_text
from integration.connectors.brevo.companies import Companies
from integration.connectors.brevo.records import (
    Attribute,
    Contact,
    ContactList,
    Event,
    Page,
    Process,
    StoredContact,
    WebhookRow,
)
from integration.connectors.rows import Read, read_each
from integration.errors import ContractError, NotFound, RecordError
from integration.http import Effect

IDS_PER_CALL = 20  # the most `ids` takes
MEMBERS_PER_CALL, MEMBERS_PAGE = 150, 500
EVENTS_PER_CALL, EVENTS_BYTES = 200, 480_000
SHORT_PAGE = 50
EVENTS_LOOKED_AT = 1000
MARKETING = "marketing"


class BrevoClient(Companies):
    """One Brevo account. Contacts are named by their id or their address; both are recognised without a type."""

    def get_account(self) -> Account:
        """Return the account the key belongs to."""
        return bodies.account(self.get(OTHER, "/account"))

    # Contacts

    def find_contact(self, key: str, kind: str = "") -> StoredContact | None:
        """Return the contact with this id or address, or None. `kind` names another identifier: ext_id."""
        kind = kind or ("contact_id" if key.isdigit() else "email_id")
        try:
            return bodies.stored_contact(self.get(CONTACTS, f"/contacts/{segment(key)}", {"identifierType": kind}))
        except NotFound:
            return None

    def get_contacts(self, ids: Sequence[str]) -> list[StoredContact]:
        """Return the contacts with these ids, twenty per call; unknown ones are missing."""
        return self.read_contacts(ids).complete()

    def read_contacts(self, ids: Sequence[str]) -> Read[StoredContact]:
        """Read the same one by one."""
        rows: list[Row] = []
        for start in range(0, len(ids), IDS_PER_CALL):
            chunk = ids[start : start + IDS_PER_CALL]
            params = [("ids", number) for number in chunk] + [("limit", IDS_PER_CALL)]
            rows += self.rows(CONTACTS, "/contacts", "contacts", params)
        return read_each(rows, bodies.stored_contact)

    def contacts_page(
        self, offset: int = 0, *, modified_since: datetime | None = None, limit: int = PAGE_SIZE
    ) -> Page[StoredContact]:
        """Return one page, oldest contact first: new ones come behind what was read already."""
        return self._contacts_page("/contacts", offset, limit, modified_since)

    def members_page(self, list_id: int, offset: int = 0, *, limit: int = MEMBERS_PAGE) -> Page[StoredContact]:
        """Return one page of the contacts on a list, oldest contact first. Raises NotFound without such a list."""
        return self._contacts_page(f"/contacts/lists/{list_id}/contacts", offset, limit, None)

    def _contacts_page(self, path: str, offset: int, limit: int, since: datetime | None) -> Page[StoredContact]:
        params: dict[str, Any] = {"limit": limit, "offset": offset, "sort": "asc"}
        if since is not None:
            params["modifiedSince"] = time_text(since)
        rows = self.rows(CONTACTS, path, "contacts", params)
        read = read_each(rows, bodies.stored_contact)
        return Page(read.records, offset + limit if len(rows) == limit else None, read.unreadable)

    def count_contacts(self) -> int:
        """Return how many contacts the account has."""
        count = self.get(CONTACTS, "/contacts", {"limit": 1}).get("count")
        return count if isinstance(count, int) else 0

    def upsert_contact(self, contact: Contact, list_ids: Sequence[int] = (), *, block: bool = False) -> str:
        """Create a contact or change the one with its address; returns its id, "" when the vendor does not say.

        `block` puts it on the blocklist; nothing takes it off. Raises Duplicate when another contact has its phone
        number or external id.
        """
        body: dict[str, JSONValue] = {
            "email": contact.email, "attributes": bodies.attributes_body(contact), "updateEnabled": True, "getId": True,
        }  # fmt: skip
        body |= {"ext_id": contact.ext_id} if contact.ext_id else {}
        body |= {"listIds": list(list_ids)} if list_ids else {}
        body |= {"emailBlacklisted": True} if block else {}
        reply = self.call(CONTACTS, "POST", "/contacts", effect=Effect.WRITE, accepted=b"", json=body)
        found = checked_object(reply.json(), "contact") if reply.content.strip() else {}
        return str(found.get("id") or "")

    def update_contact(
        self,
        key: str,
        contact: Contact,
        *,
        join: Sequence[int] = (),
        leave: Sequence[int] = (),
        block: bool = False,
    ) -> None:
        """Change a contact; `contact.email` is its new address, empty leaves it. Raises NotFound and Duplicate.

        A new address would take a blocklisted contact off the blocklist: it is read first, and put on it again in
        the same call.
        """
        moved = bool(contact.email)
        body: dict[str, JSONValue] = {"attributes": bodies.attributes_body(contact, email=moved)}
        body |= {"listIds": list(join)} if join else {}
        body |= {"unlinkListIds": list(leave)} if leave else {}
        if block or (moved and self._is_blocklisted(key)):
            body["emailBlacklisted"] = True
        kind, place = "contact_id" if key.isdigit() else "email_id", f"/contacts/{segment(key)}"
        self.call(
            CONTACTS,
            "PUT",
            place,
            effect=Effect.WRITE,
            accepted=b"",
            looks=f"{place}?identifierType={kind}",
            params={"identifierType": kind},
            json=body,
        )

    def _is_blocklisted(self, key: str) -> bool:
        found = self.find_contact(key)
        return found is not None and found.blocklisted

    def delete_contact(self, key: str) -> bool:
        """Erase a contact; False when there is none."""
        kind, place = "contact_id" if key.isdigit() else "email_id", f"/contacts/{segment(key)}"
        try:
            self.call(
                CONTACTS,
                "DELETE",
                place,
                effect=Effect.WRITE,
                accepted=b"",
                looks=f"{place}?identifierType={kind}",
                params={"identifierType": kind},
            )
        except NotFound:
            return False
        return True

    def start_double_opt_in(
        self, contact: Contact, list_ids: Sequence[int], *, template: int, redirect_to: str
    ) -> None:
        """Send the opt-in mail. The contact joins the lists only with the click."""
        body = {
            "email": contact.email, "attributes": bodies.attributes_body(contact), "includeListIds": list(list_ids),
            "templateId": template, "redirectionUrl": redirect_to,
        }  # fmt: skip
        self.call(CONTACTS, "POST", "/contacts/doubleOptinConfirmation", effect=Effect.WRITE, accepted=b"", json=body)

    # Import

    def import_contacts(self, contacts: Sequence[Contact], list_ids: Sequence[int], *, notify_url: str = "") -> str:
        """Hand many contacts over and return the id of the process. No row is answered; empty values erase nothing.

        The flags for the blocklist would hit every row and are never sent.
        """
        body: dict[str, JSONValue] = {
            "jsonBody": bodies.import_rows(contacts), "listIds": list(list_ids), "updateExistingContacts": True,
            "emptyContactsAttributes": False, "disableNotification": True,
        }  # fmt: skip
        body |= {"notifyUrl": notify_url} if notify_url else {}
        accepted = b'{"processId": "none"}'
        reply = self.call(CONTACTS, "POST", "/contacts/import", effect=Effect.WRITE, accepted=accepted, json=body)
        return _process_id(reply.json())

    def get_process(self, process_id: str) -> Process:
        """Return how far a process is. Costs one of the few calls per hour: ask sparsely. Raises NotFound."""
        return bodies.process(self.get(OTHER, f"/processes/{segment(process_id)}"))

    # Attributes, lists, folders

    def list_attributes(self) -> list[Attribute]:
        return [bodies.attribute(row) for row in self.rows(CONTACTS, "/contacts/attributes", "attributes")]

    def create_attribute(self, name: str, kind: str) -> None:
        """Create a normal attribute. List first: what an existing one gives differs."""
        self.call(
            CONTACTS, "POST", f"/contacts/attributes/normal/{segment(name)}", effect=Effect.WRITE, json={"type": kind}
        )

    def get_lists(self) -> list[ContactList]:
        rows = self.all_rows(CONTACTS, "/contacts/lists", "lists", SHORT_PAGE)
        return [ContactList(str(row.get("id")), str(row.get("name")), str(row.get("folderId") or "")) for row in rows]

    def get_folders(self) -> list[ContactList]:
        rows = self.all_rows(CONTACTS, "/contacts/folders", "folders", SHORT_PAGE)
        return [ContactList(str(row.get("id")), str(row.get("name"))) for row in rows]

    def add_to_list(self, list_id: int, contact_ids: Sequence[str]) -> None:
        """Put contacts on a list, 150 per call. Raises NotFound when there is no such list.

        The vendor refuses a call of which nobody is left to add ("already in list and/or does not exist", sheet §4).
        """
        for start in range(0, len(contact_ids), MEMBERS_PER_CALL):
            numbers = [int(number) for number in contact_ids[start : start + MEMBERS_PER_CALL]]
            try:
                self.call(
                    CONTACTS,
                    "POST",
                    f"/contacts/lists/{list_id}/contacts/add",
                    effect=Effect.WRITE,
                    accepted=b"",
                    json={"ids": numbers},
                )
            except NotFound:
                raise
            except RecordError:
                continue

    def remove_from_list(self, list_id: int, contact_ids: Sequence[str]) -> None:
        """Take contacts off a list, 150 per call; their other lists stay. Raises NotFound without such a list."""
        for start in range(0, len(contact_ids), MEMBERS_PER_CALL):
            numbers = [int(number) for number in contact_ids[start : start + MEMBERS_PER_CALL]]
            try:
                self.call(
                    CONTACTS,
                    "POST",
                    f"/contacts/lists/{list_id}/contacts/remove",
                    effect=Effect.WRITE,
                    accepted=b"",
                    json={"ids": numbers},
                )
            except NotFound:
                raise
            except RecordError:  # nobody is left to remove (sheet §4)
                continue

    def empty_list(self, list_id: int) -> None:
        """Take everybody off a list; the vendor does it later. Raises NotFound when there is no such list."""
        self.call(
            CONTACTS,
            "POST",
            f"/contacts/lists/{list_id}/contacts/remove",
            effect=Effect.WRITE,
            accepted=b"",
            json={"all": True},
        )

    def create_folder(self, name: str) -> str:
        return self._created("/contacts/folders", {"name": name})

    def create_list(self, name: str, folder_id: str) -> str:
        return self._created("/contacts/lists", {"name": name, "folderId": int(folder_id)})

    def _created(self, path: str, body: Row) -> str:
        answer = checked_object(self.call(CONTACTS, "POST", path, effect=Effect.WRITE, json=body).json(), path)
        if not answer.get("id"):
            raise ContractError("Brevo did not say what it created.", detail=path)
        return str(answer["id"])

    # Events

    def send_event(self, event: Event) -> None:
        """Send one event. Repeating it doubles it: there is no key."""
        self.call(EVENTS, "POST", "/events", effect=Effect.WRITE, accepted=b"", json=bodies.event_body(event))

    def send_events(self, events: Sequence[Event]) -> list[str]:
        """Send events in batches; returns one text per event, in order: empty when it was queued, else why not."""
        said: list[str] = []
        for start in range(0, len(events), EVENTS_PER_CALL):
            said += self._send_batch(events[start : start + EVENTS_PER_CALL])
        return said

    def _send_batch(self, events: Sequence[Event]) -> list[str]:
        try:
            reply = self.call(
                OTHER,
                "POST",
                "/events/batch",
                effect=Effect.WRITE,
                json={"events": [bodies.event_body(event) for event in events]},
            )
        except RecordError as exc:
            return [exc.public] * len(events)
        if reply.status != 207:
            return [""] * len(events)
        said = [""] * len(events)
        for row in json_objects(checked_object(reply.json(), "events").get("errors")):
            for index in _positions(row.get("eventIndex"), len(said)):
                said[index] = str(row.get("message") or "refused")
        return said

    def has_event(self, name: str, key: str, value: str, contact_id: str = "") -> bool:
        """Say whether an event of this name has this property; looked for among the contact's, or the latest ones."""
        params: dict[str, Any] = {"event_name": name, "limit": EVENTS_LOOKED_AT}
        params |= {"contact_id": contact_id} if contact_id else {}
        rows = self.rows(OTHER, "/events", "events", params)
        return any(json_object(row.get("event_properties")).get(key) == value for row in rows)

    # Webhooks

    def list_webhooks(self) -> list[WebhookRow]:
        """List the marketing webhooks; without the type the vendor lists others (sheet §7)."""
        rows = self.rows(OTHER, "/webhooks", "webhooks", {"type": MARKETING})
        return [
            WebhookRow(str(row.get("id")), tuple(json_texts(row.get("events"))), str(row.get("url"))) for row in rows
        ]

    def create_webhook(self, body: Row) -> str:
        answer = checked_object(
            self.call(OTHER, "POST", "/webhooks", effect=Effect.WRITE, json={**body, "type": MARKETING}).json(),
            "webhook",
        )
        if not answer.get("id"):
            raise ContractError("Brevo did not say which webhook it created.")
        return str(answer["id"])

    def delete_webhook(self, webhook_id: str) -> None:
        self.call(OTHER, "DELETE", f"/webhooks/{segment(webhook_id)}", effect=Effect.WRITE)


def _positions(value: JSONValue, count: int) -> list[int]:
    """Which events of a batch an error speaks of. Raises ContractError where it does not say: one of them failed."""
    texts = [str(part) for part in value] if isinstance(value, list) else [str(value)]
    found = [number for text in texts if (number := whole_number(text)) is not None and number < count]
    if len(found) < len(texts):
        raise ContractError("Brevo did not say which event of a batch it refused.", detail=str(value)[:100])
    return found


def _process_id(answer: JSONValue) -> str:
    found = checked_object(answer, "import").get("processId")
    if not found:
        raise ContractError("Brevo did not say which process does the import.")
    return str(found)
