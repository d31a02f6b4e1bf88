"""HubSpot's nouns and verbs: account, contacts, properties, notes, app events. Called by the recipes' flows.

It stores nothing and decides nothing. Ids and values are texts; writes of many go in batches of a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from config.json_value import JSONValue
from integration.connectors.base import Account, Identity
from integration.connectors.hubspot import crm, oauth
from integration.connectors.hubspot.api import (
    ACCOUNT,
    ALL_PROPERTIES,
    CONTACTS,
    NOTES,
    PROPERTIES,
    TIMELINE_EVENTS,
    UNINSTALL,
    USERS,
    Api,
    Row,
    results,
    segment,
)
from integration.connectors.hubspot.records import Contact, Note, Page, Values, Written, read_contact
from integration.errors import Conflict, ContractError, NotFound, TenantActionError
from integration.http import Effect
from integration.reasons import Reason

KIND, MODIFIED = "contacts", "lastmodifieddate"  # all other kinds have hs_lastmodifieddate (hubspot sheet §2)
NOTE_TEXT = "hs_note_body"
NOTE_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}
_EXISTING = re.compile(r"Existing ID: (\d+)")  # the id of a conflict is only in its text (hubspot sheet §2)


class HubSpotClient(Api):
    """One portal."""

    # Account

    def get_account(self) -> Account:
        """Return the portal behind the token, proven by introspection and by a call."""
        return self._account(oauth.introspect(self.access_token))

    def get_identity(self) -> Identity:
        """Return the portal and the user who gave the consent."""
        found = oauth.introspect(self.access_token)
        email = str(found.get("user") or "")
        return Identity(self._account(found), str(found.get("user_id") or ""), email.partition("@")[0], email)

    def _account(self, found: Mapping[str, Any]) -> Account:
        details = self.get("GET", ACCOUNT, effect=Effect.READ)
        portal_id = str(found["hub_id"])
        if str(details.get("portalId") or "") != portal_id:
            raise ContractError("HubSpot names two different accounts.", detail=f"{details.get('portalId')}")
        kept = {
            "hub_domain": found.get("hub_domain"), "user_id": found.get("user_id"), "app_id": found.get("app_id"),
            "ui_domain": details.get("uiDomain"), "time_zone": details.get("timeZone"),
        }  # fmt: skip
        name = str(found.get("hub_domain") or portal_id)
        told = {key: str(value or "") for key, value in kept.items()}
        return Account(portal_id, name, told, administered=self._is_super_admin(found))

    def _is_super_admin(self, found: Mapping[str, Any]) -> bool | None:
        """Whether the user behind the token is a Super Admin of the portal; None when that is not told.

        Needs the optional scope settings.users.read
        (developers.hubspot.com/docs/api-reference/latest/account/settings/user-provisioning).
        """
        if oauth.USERS_SCOPE not in (found.get("scopes") or ()) or not found.get("user_id"):
            return None
        try:
            user = self.get("GET", f"{USERS}/{segment(str(found['user_id']))}", effect=Effect.READ)
        except NotFound:
            return None
        except TenantActionError as exc:
            if exc.reason != Reason.PERMISSION_MISSING:
                raise
            return None
        return user.get("superAdmin") is True

    def uninstall(self) -> None:
        """Remove the app from the portal. Its administrators get a mail, and webhooks stop."""
        self.call("DELETE", UNINSTALL, effect=Effect.WRITE)

    # Contacts: reading

    def get_contact(self, contact_id: str, properties: Sequence[str]) -> Contact:
        """Return one contact. The id of one that was merged answers with the survivor, under another id."""
        return read_contact(
            self.get("GET", f"{CONTACTS}/{segment(contact_id)}", effect=Effect.READ, params=crm.asked(properties))
        )

    def get_contacts(self, ids: Iterable[str], properties: Sequence[str], *, archived: bool = False) -> list[Contact]:
        """Return the contacts with these ids, 100 per call; deleted and merged ones are missing.

        With `archived` only deleted ones come back, as long as HubSpot keeps them (90 days; not those erased for good).
        """
        return crm.read(self, KIND, read_contact, ids, properties, archived=archived).complete()

    def find_contacts(self, emails: Iterable[str], properties: Sequence[str]) -> list[Contact]:
        """Return who has one of these addresses, secondary ones included (their `email` then differs)."""
        return crm.read(self, KIND, read_contact, emails, properties, id_property="email").complete()

    def contacts_page(self, cursor: str | None, properties: Sequence[str]) -> Page[Contact]:
        """Return one page of all contacts, a hundred at the most."""
        return crm.page(self, KIND, read_contact, cursor, properties)

    def changed_ids_page(self, since: datetime, cursor: str | None) -> Page[str]:
        """Return ids of contacts changed since then; see `crm.changed_ids`."""
        return crm.changed_ids(self, KIND, MODIFIED, since, cursor)

    def search_contacts(self, text: str, properties: Sequence[str]) -> list[Contact]:
        """Find contacts by a part of name or address. Somebody who just came may be missing for some seconds."""
        body = {"query": text, "properties": list(properties), "limit": 20}
        rows, _ = self.page("POST", f"{CONTACTS}/search", json=body, search=True)
        return list(map(read_contact, rows))

    def count_contacts(self) -> int | None:
        """Return how many contacts there are."""
        total = self.get("POST", f"{CONTACTS}/search", effect=Effect.READ, json={"limit": 1}, search=True).get("total")
        return total if isinstance(total, int) else None

    # Contacts: writing. An empty text clears a property.

    def create_contact(self, values: Values) -> Contact:
        """Create a contact; where its address belongs to one already (also as a secondary one), change that one."""
        try:
            return crm.create(self, KIND, read_contact, values)
        except Conflict as exc:
            existing = _EXISTING.search(exc.detail)
            if existing is None:
                raise
            return self.update_contact(existing[1], values)

    def update_contact(self, contact_id: str, values: Values) -> Contact:
        """Change one contact; the id of one that was merged leads to the survivor. Raises NotFound."""
        return crm.update(self, KIND, read_contact, contact_id, values)

    def update_contacts(self, values: Mapping[str, Values]) -> Written[Contact]:
        """Change many, by id. Whoever is not in a batch's answer failed; a merged id is tried again alone."""
        return crm.update_many(self, KIND, read_contact, values)

    # Properties

    def list_properties(self, kind: str = KIND) -> list[Row]:
        """Return the definitions of all properties of a kind of records."""
        return results(self.get("GET", f"{ALL_PROPERTIES}/{kind}", effect=Effect.READ))

    def create_property(self, definition: Mapping[str, JSONValue], kind: str = KIND) -> Row:
        """Create a property, or return the one of that name: somebody was quicker."""
        path = f"{ALL_PROPERTIES}/{kind}"
        try:
            return self.get("POST", path, effect=Effect.WRITE, json=definition)
        except Conflict:
            return self.get("GET", f"{path}/{segment(str(definition['name']))}", effect=Effect.READ)

    def update_property(self, name: str, changes: Mapping[str, JSONValue]) -> Row:
        """Change a definition; `options` replaces the whole list."""
        return self.get("PATCH", f"{PROPERTIES}/{segment(name)}", effect=Effect.WRITE, json=changes)

    def list_groups(self) -> list[str]:
        """Return the names of the property groups."""
        return [str(row.get("name")) for row in results(self.get("GET", f"{PROPERTIES}/groups", effect=Effect.READ))]

    def create_group(self, name: str, label: str) -> None:
        """Create a group; one that is there already is fine, whatever the error looks like (hubspot sheet §3)."""
        try:
            self.call(
                "POST",
                f"{PROPERTIES}/groups",
                effect=Effect.WRITE,
                json={"name": name, "label": label, "displayOrder": -1},
            )
        except Conflict:
            return

    # Timeline

    def create_note(self, contact_id: str, body: str, at: datetime) -> str:
        """Write a note on a contact and return its id. Nothing tells two equal notes apart: look first."""
        note = {
            "properties": {"hs_timestamp": at.isoformat(), NOTE_TEXT: body},
            "associations": [{"to": {"id": contact_id}, "types": [NOTE_TO_CONTACT]}],
        }
        return str(self.get("POST", NOTES, effect=Effect.WRITE, accepted={}, json=note).get("id") or "")

    def get_notes(self, contact_id: str) -> list[Note]:
        """Return the notes on a contact. By id, not by search: what was written a moment ago is there."""
        contact = read_contact(
            self.get("GET", f"{CONTACTS}/{segment(contact_id)}", effect=Effect.READ, params={"associations": "notes"})
        )
        found: list[Note] = []
        for chunk in crm.chunks([{"id": key} for key in contact.note_ids]):
            body = {"properties": [NOTE_TEXT], "inputs": chunk}
            for row in results(self.get("POST", f"{NOTES}/batch/read", effect=Effect.READ, json=body)):
                values = row.get("properties")
                text = values.get(NOTE_TEXT) if isinstance(values, dict) else ""
                found.append(Note(str(row.get("id")), str(text or "")))
        return found

    def send_event(
        self, event_type: str, event_id: str, contact_id: str, at: datetime, facts: Mapping[str, str]
    ) -> bool:
        """Put an event of our app on a contact's timeline; False when one with this id is there already."""
        event: dict[str, JSONValue] = {
            "eventTypeName": event_type, "id": event_id, "objectId": contact_id, "timestamp": at.isoformat(),
            "properties": dict(facts),
        }  # fmt: skip
        try:
            self.call("POST", TIMELINE_EVENTS, effect=Effect.WRITE, accepted={}, json=event)
        except Conflict:
            return False
        return True
