"""How a contact looks in answers and webhooks."""

from __future__ import annotations

from sandbox.brevo.model import Account, Contact
from sandbox.brevo.values import PHONES
from sandbox.http import Record


def shown(account: Account, contact: Contact) -> Record:
    more = {"listUnsubscribed": sorted(contact.left_lists)} if account.per_list_unsubscribe else {}
    return {
        "id": contact.id,
        "email": contact.email,
        "emailBlacklisted": contact.email_blacklisted,
        "smsBlacklisted": contact.sms_blacklisted,
        "whatsappBlacklisted": False,
        "createdAt": contact.created,
        "modifiedAt": contact.modified,
        "listIds": sorted(contact.lists),
        **more,
        "attributes": {
            name: f"+{value}" if name in PHONES and _with_plus(account) else value
            for name, value in contact.attributes.items()
            if name in account.attributes
        },
    }


def _with_plus(account: Account) -> bool:
    return "brevo.stored_phone" in account.thrown


def shown_attributes(contact: Contact) -> Record:
    return {"EMAIL": contact.email, **contact.attributes}
