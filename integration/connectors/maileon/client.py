"""Maileon's nouns and verbs: key check, contacts, custom fields, webhooks; contact events and reports beside it.

Called by the recipes' flows and by install. Every parameter that touches consent is sent explicitly, because the
vendor's defaults overwrite permissions or silently change nothing (maileon sheet §2.2, §4, §10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from config.json_value import JSONValue
from integration.connectors.base import Account
from integration.connectors.maileon import bodies, reports, transactions, xml
from integration.connectors.maileon.api import CONTACT_JSON, JSON, PAGE_SIZE, Api, Params, segment, yes_no
from integration.connectors.maileon.records import (
    UPDATE_EXISTING,
    Attribute,
    Contact,
    CustomField,
    Page,
    StoredContact,
    Subscriber,
    SyncReport,
    Transaction,
    TransactionResult,
    TransactionType,
    Unsubscription,
    WebhookRow,
)
from integration.errors import NotFound, RecordError, TenantActionError
from integration.http import Effect
from integration.reasons import Reason

VERBS = ("GET", "POST", "PUT", "DELETE")  # a key has a separate right for each


class MaileonClient(Api):
    """One Maileon account. E-mail addresses identify contacts, or external ids where the name says so."""

    # Key and account

    def check_key(self) -> None:
        """Try every verb. Raises AuthError for a bad key, TenantActionError naming the verbs a good one lacks."""
        missing = [verb for verb in VERBS if not self.may(verb)]
        if missing:
            verbs = ", ".join(missing)
            raise TenantActionError(
                f"The Maileon API key is valid, but it may not make {verbs} calls. "
                "Allow them for this key under Settings, API Keys.",
                detail=f"missing: {verbs}",
            )

    def may(self, verb: str) -> bool:
        """Say whether the key may make calls with this verb. Raises AuthError for a bad key."""
        try:
            self.call(verb, "/ping", effect=Effect.READ, body=b"ping" if verb in ("POST", "PUT") else None)
        except TenantActionError as exc:
            if exc.reason == Reason.PERMISSION_MISSING:
                return False
            raise
        return True

    def get_account(self) -> Account:
        """Return the newsletter account the key belongs to."""
        return bodies.account(self.call("GET", "/account/info", effect=Effect.READ, accept=JSON).json())

    # Single contacts

    def create_contact(
        self,
        contact: Contact,
        *,
        permission: int,
        sync_mode: int = UPDATE_EXISTING,
        doi: bool = False,
        doiplus: bool = False,
        doimailing: str = "",
        src: str = "",
        by_external_id: bool = False,
    ) -> str:
        """Create a contact (or update it with sync_mode 1) and return its Maileon id, "" if the vendor does not say.

        With `doi` the vendor sends the opt-in mail. A permission of 4 or 5 is never lowered by this call. Nothing is
        documented about the unsubscription marker: check it first.
        Raises TenantActionError `doi_mailing_missing` when there is no opt-in mailing to send.
        """
        params: list[tuple[str, Any]] = [("permission", permission), ("sync_mode", sync_mode), ("doi", yes_no(doi))]
        params.append(("doiplus", yes_no(doi and doiplus)))  # only has a meaning with doi
        params += [(key, value) for key, value in (("doimailing", doimailing if doi else ""), ("src", src)) if value]
        path = f"externalid/{segment(contact.external_id)}" if by_external_id else f"email/{segment(contact.email)}"
        body = bodies.contact_body(contact, with_email=by_external_id)
        try:
            reply = self.call(
                "POST",
                f"/contacts/{path}",
                effect=Effect.WRITE,
                accepted=b"",
                params=params,
                json=body,
                content_type=CONTACT_JSON,
            )
        except RecordError as exc:
            if doi and (missing := bodies.doi_mailing_missing(exc)):
                raise missing from exc
            raise
        return bodies.created_id(reply.content)

    def update_contact(self, email: str, contact: Contact, *, permission: int | None = None) -> None:
        """Change an existing contact; a different `contact.email` is its new address. Raises NotFound."""
        self._update(f"email/{segment(email)}", contact, contact.email != email, permission)

    def update_contact_by_external_id(
        self, external_id: str, contact: Contact, *, permission: int | None = None
    ) -> None:
        """Change the contact with this external id. Raises Conflict when several carry it, NotFound when none does."""
        self._update(f"externalid/{segment(external_id)}", contact, bool(contact.email), permission)

    def _update(self, path: str, contact: Contact, with_email: bool, permission: int | None) -> None:
        """PUT overwrites the permission when it is given (maileon sheet §2.2): None leaves it alone."""
        params = [] if permission is None else [("permission", permission)]
        body = bodies.contact_body(contact, with_email=with_email)
        self.call(
            "PUT",
            f"/contacts/{path}",
            effect=Effect.WRITE,
            accepted=b"",
            looks=f"/contacts/{path}",
            params=params,
            json=body,
            content_type=CONTACT_JSON,
        )

    def find_contact(
        self, email: str, *, standard_fields: Sequence[str] = (), custom_fields: Sequence[str] = ()
    ) -> StoredContact | None:
        """Return the contact with this address, or None. Only the fields asked for come back."""
        params = bodies.asked(standard_fields, custom_fields)
        try:
            reply = self.call("GET", f"/contacts/email/{segment(email)}", effect=Effect.READ, params=params)
        except NotFound:
            return None
        return bodies.stored_contact(reply.content)

    def find_contacts_by_external_id(
        self, external_id: str, *, standard_fields: Sequence[str] = (), custom_fields: Sequence[str] = ()
    ) -> list[StoredContact]:
        """Return every contact with this external id: it is not unique. None is an empty list."""
        params = bodies.asked(standard_fields, custom_fields)
        try:
            reply = self.call("GET", f"/contacts/externalid/{segment(external_id)}", effect=Effect.READ, params=params)
        except NotFound:
            return []
        return bodies.stored_contacts(reply.content)

    def contacts_page(
        self,
        page: int = 1,
        *,
        standard_fields: Sequence[str] = (),
        custom_fields: Sequence[str] = (),
        size: int = PAGE_SIZE,
    ) -> Page[StoredContact]:
        """Return one page of all contacts; `next_cursor` is the number of the next.

        The vendor could leave out what has not changed since a time, whose zone it does not tell: not asked for.
        """
        rows, last = self.page("/contacts", [*bodies.asked(standard_fields, custom_fields)], index=page, size=size)
        read = xml.read_contacts(rows)
        return Page(read.records, None if last else page + 1, read.unreadable)

    # By Maileon's own id, which stays when the address changes. Its checksum is for links in mails (sheet §2.1).

    def get_contact_by_id(
        self, contact_id: str, *, standard_fields: Sequence[str] = (), custom_fields: Sequence[str] = ()
    ) -> StoredContact:
        """Return the contact with this Maileon id. Raises NotFound."""
        params = [*_by_id(contact_id), *bodies.asked(standard_fields, custom_fields)]
        return bodies.stored_contact(self.call("GET", "/contacts/contact", effect=Effect.READ, params=params).content)

    def update_contact_by_id(self, contact_id: str, contact: Contact) -> None:
        """Change a contact; `contact.email` is its new address, empty leaves it. Permissions stay. Raises NotFound."""
        body = bodies.contact_body(contact, with_email=bool(contact.email))
        params = [*_by_id(contact_id), ("triggerdoi", yes_no(False))]
        self.call(
            "PUT",
            "/contacts/contact",
            effect=Effect.WRITE,
            accepted=b"",
            params=params,
            json=body,
            content_type=CONTACT_JSON,
        )

    def delete_contact_by_id(self, contact_id: str) -> bool:
        """Erase a contact and its history; False when there is none."""
        return self._delete("/contacts/contact", _by_id(contact_id))

    def delete_contact(self, email: str) -> bool:
        """Erase a contact and its history; False when there is none. Not an unsubscribe: no marker remains."""
        return self._delete(f"/contacts/email/{segment(email)}")

    def delete_contact_by_external_id(self, external_id: str) -> None:
        """Erase every contact with this external id; none is fine."""
        self._delete(f"/contacts/externalid/{segment(external_id)}")

    def unsubscribe(self, email: str, *, reason: str = "") -> bool:
        """Unsubscribe an address; False when there is no such contact. The vendor anonymises it some seconds later."""
        return self._delete(f"/contacts/email/{segment(email)}/unsubscribe", [("reason", reason)] if reason else [])

    def unsubscribe_by_external_id(self, external_id: str, *, reason: str = "") -> bool:
        """Unsubscribe every contact with this external id; False when there is none."""
        return self._delete(
            f"/contacts/externalid/{segment(external_id)}/unsubscribe", [("reason", reason)] if reason else []
        )

    # The unsubscription marker remembers that an address once unsubscribed; it may have come back since.

    def has_unsubscription_marker(self, email: str) -> bool:
        try:
            self.call("GET", f"/contacts/email/{segment(email)}/unsubscription", effect=Effect.READ)
        except NotFound:
            return False
        return True

    def set_unsubscription_marker(self, email: str) -> None:
        self.call("PUT", f"/contacts/email/{segment(email)}/unsubscription", effect=Effect.WRITE, accepted=b"")

    def delete_unsubscription_marker(self, email: str) -> bool:
        return self._delete(f"/contacts/email/{segment(email)}/unsubscription")

    def _delete(self, path: str, params: Params = ()) -> bool:
        try:
            looks = path.removesuffix("/unsubscribe")
            self.call("DELETE", path, effect=Effect.WRITE, accepted=b"", looks=looks, params=params)
        except NotFound:
            return False
        return True

    # Bulk

    def synchronize_contacts(
        self,
        contacts: Sequence[Contact],
        *,
        permission: int | None = None,
        sync_mode: int = UPDATE_EXISTING,
        override_permission: bool = False,
        reimport_unsubscribed: bool = False,
        update_only: bool = False,
        use_external_id: bool = False,
        ignore_invalid: bool = True,
    ) -> SyncReport:
        """Create or update many contacts, up to 1000 per call. Starts no opt-in process.

        `permission` is given to new contacts only. With `override_permission` the vendor would also give it to
        existing ones, lowering or raising what people agreed to: the two are never sent together.
        """
        if override_permission and permission is not None:
            raise ValueError("a permission together with override_permission would change existing permissions")
        params: list[tuple[str, Any]] = [] if permission is None else [("permission", permission)]
        params += [
            ("sync_mode", sync_mode),
            ("use_external_id", yes_no(use_external_id)),
            ("ignore_invalid_contacts", yes_no(ignore_invalid)),
            ("override_permission", yes_no(override_permission)),
            ("reimport_unsubscribed_contacts", yes_no(reimport_unsubscribed)),
            ("update_only", yes_no(update_only)),
        ]
        report = SyncReport()
        for chunk in bodies.chunks(contacts, use_external_id):
            reply = self.call(
                "POST", "/contacts", effect=Effect.WRITE, params=params, body=xml.contacts_document(chunk)
            )
            report = report.plus(xml.read_report(reply.content))
        return report

    # Custom fields

    def list_custom_fields(self) -> list[CustomField]:
        reply = self.call("GET", "/contacts/fields/custom", effect=Effect.READ)
        if not reply.content.strip():
            return []
        nodes = xml.parse(reply.content).iter("custom_field")
        return [CustomField(xml.text(node, "name"), xml.text(node, "type")) for node in nodes]

    def create_custom_field(self, name: str, type_: str) -> None:
        """Create a string, integer, float, boolean or date field. List first: what an existing one gives is unknown."""
        self.call("POST", f"/contacts/fields/custom/{segment(name)}", effect=Effect.WRITE, params=[("type", type_)])

    # Contact events

    def get_transaction_type(self, name: str) -> TransactionType | None:
        return transactions.get_type(self, name)

    def list_transaction_types(self) -> list[TransactionType]:
        return transactions.list_types(self)

    def create_transaction_type(
        self, name: str, attributes: Sequence[Attribute], *, description: str = "", archiving_days: int | None = None
    ) -> str:
        """Create a kind of contact event and return its id."""
        return transactions.create_type(self, name, attributes, description, archiving_days)

    def send_transactions(self, items: Sequence[Transaction]) -> list[TransactionResult]:
        """Send contact events and return one result per item, in order."""
        return transactions.send(self, items)

    def get_transaction(self, type_name: str, transaction_id: str) -> Mapping[str, JSONValue] | None:
        """Return a contact event by our own transaction id, or None."""
        return transactions.get_one(self, type_name, transaction_id)

    # Reports: the polling side of the webhooks

    def unsubscriptions_page(
        self,
        page: int = 1,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        emails: Sequence[str] = (),
        external_ids: Sequence[str] = (),
    ) -> Page[Unsubscription]:
        """Return one page of who unsubscribed; `emails` or `external_ids` ask about certain people."""
        return reports.unsubscriptions_page(self, page, since, until, emails, external_ids)

    def iter_unsubscriptions(self, since: datetime | None = None, **filters: Any) -> Iterator[Unsubscription]:
        return reports.walk(lambda page: self.unsubscriptions_page(page, since, **filters))

    def subscribers_page(
        self, page: int = 1, since: datetime | None = None, until: datetime | None = None
    ) -> Page[Subscriber]:
        """Return one page of who confirmed the opt-in mail, anonymised contacts left out."""
        return reports.subscribers_page(self, page, since, until)

    def iter_subscribers(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Subscriber]:
        return reports.walk(lambda page: self.subscribers_page(page, since, until))

    # Webhooks

    def list_webhooks(self) -> list[WebhookRow]:
        reply = self.call("GET", "/webhooks", effect=Effect.READ, accept=JSON)
        return bodies.webhook_rows(reply)

    def create_webhook(self, body: Mapping[str, JSONValue]) -> str:
        """Create a webhook and return its id, "" when the answer does not contain it."""
        reply = self.call("POST", "/webhooks", effect=Effect.WRITE, json=body, content_type=JSON, accept=JSON)
        return bodies.created_id(reply.content)

    def delete_webhook(self, webhook_id: str) -> bool:
        return self._delete(f"/webhooks/{segment(webhook_id)}")


def _by_id(contact_id: str) -> list[tuple[str, Any]]:
    return [("id", contact_id), ("ignore_checksum", yes_no(True))]
