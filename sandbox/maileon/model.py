"""The state of the Maileon stand-in: newsletter accounts with contacts, fields, events and webhooks."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sandbox.assumptions import Thrown
from sandbox.http import Record

FIRST_ACCOUNT_ID = 501
VERBS = ("GET", "POST", "PUT", "DELETE")
PERMISSION_NAMES = {1: "none", 2: "soi", 3: "coi", 4: "doi", 5: "doi+", 6: "other"}
DOI_PERMISSIONS = (4, 5)
UNSUBSCRIBE_DELAY_S = 0.5  # "some seconds" at the vendor; long enough to be seen, short enough for tests


@dataclass
class Contact:
    id: int
    email: str
    external_id: str | None
    permission: int
    created: str
    updated: str
    checksum: str
    standard: dict[str, str] = field(default_factory=dict)
    custom: Record = field(default_factory=dict)
    preferences: list[Record] = field(default_factory=list)
    source: str | None = None
    subscription_page: str | None = None
    anonymous: bool = False
    unsubscribed_at: float | None = None
    blocked: str | None = None
    blocked_at: str | None = None


@dataclass
class DoiMail:
    id: int
    contact_id: int
    email: str
    mailing: str
    plus: bool
    sent_at: str
    clicked_at: str | None = None


@dataclass
class Webhook:
    id: int
    url: str
    event: str
    url_params: list[Record]
    standard_fields: list[str]
    custom_fields: list[str]
    event_fields: list[str]


@dataclass
class TransactionType:
    id: int
    name: str
    description: str | None
    archiving_duration: int | None
    store_only: bool
    attributes: list[Record]
    created: int


@dataclass
class Account:
    id: int
    name: str
    api_key: str
    customer_id: int = 77
    verbs: set[str] = field(default_factory=lambda: set(VERBS))
    expired: bool = False
    default_doi_mailing: str | None = None
    doi_mailings: set[str] | None = None  # None: every alphanumeric key names a mailing
    resend_doi: bool = False
    sealed_mailings: set[str] = field(default_factory=set)
    unsubscribe_delay_s: float = UNSUBSCRIBE_DELAY_S
    contacts: dict[int, Contact] = field(default_factory=dict)
    by_email: dict[str, int] = field(default_factory=dict)
    by_external_id: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    custom_fields: dict[str, str] = field(default_factory=dict)
    markers: set[str] = field(default_factory=set)
    leaving: list[tuple[float, int]] = field(default_factory=list)
    doi_mails: list[DoiMail] = field(default_factory=list)
    reports: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    types: dict[int, TransactionType] = field(default_factory=dict)
    transactions: list[Record] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def next(self, counter: str, first: int = 1) -> int:
        value = self.counters.get(counter, first - 1) + 1
        self.counters[counter] = value
        return value

    def find(self, email: str) -> Contact | None:
        contact_id = self.by_email.get(email.lower())
        return None if contact_id is None else self.contacts[contact_id]

    def find_external(self, external_id: str) -> list[Contact]:
        ids = sorted(self.by_external_id.get(external_id, ()))
        return [self.contacts[number] for number in ids if not self.contacts[number].anonymous]

    def find_id(self, raw: Any) -> Contact | None:
        contact = self.contacts.get(int(raw)) if str(raw).isdigit() else None
        return None if contact is None or contact.anonymous else contact

    def living(self) -> list[Contact]:
        return [contact for contact in self.contacts.values() if not contact.anonymous]

    def settle(self, now: float) -> None:
        """Anonymise the contacts whose unsubscription has come due."""
        due = [contact_id for at, contact_id in self.leaving if at <= now]
        if not due:
            return
        self.leaving = [(at, contact_id) for at, contact_id in self.leaving if at > now]
        for contact_id in due:
            if contact_id in self.contacts:
                self._anonymise(self.contacts[contact_id])

    def _anonymise(self, contact: Contact) -> None:
        if self.by_email.get(contact.email.lower()) == contact.id:
            del self.by_email[contact.email.lower()]
        contact.anonymous, contact.email, contact.permission = True, "", 1
        contact.standard, contact.custom, contact.preferences = {}, {}, []
        contact.source = None

    def erase(self, contact: Contact) -> None:
        self.contacts.pop(contact.id, None)
        if self.by_email.get(contact.email.lower()) == contact.id:
            del self.by_email[contact.email.lower()]
        if contact.external_id is not None:
            self.by_external_id[contact.external_id].discard(contact.id)

    def rename(self, contact: Contact, email: str) -> None:
        self.by_email.pop(contact.email.lower(), None)
        contact.email = email
        self.by_email[email.lower()] = contact.id

    def set_external_id(self, contact: Contact, external_id: str | None) -> None:
        if contact.external_id is not None:
            self.by_external_id[contact.external_id].discard(contact.id)
        contact.external_id = external_id
        if external_id is not None:
            self.by_external_id[external_id].add(contact.id)


class World:
    name = "maileon"

    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.rng = random.Random(seed)
        self.accounts: dict[int, Account] = {}

    def by_key(self, api_key: str) -> Account | None:
        return next((account for account in self.accounts.values() if account.api_key == api_key), None)

    def add(self, name: str | None = None, api_key: str | None = None) -> Account:
        """Create an account; raises ValueError where the key is taken or not 12 to 265 characters long."""
        number = FIRST_ACCOUNT_ID + len(self.accounts)
        key = api_key or f"{self.rng.getrandbits(32):08x}-5and-4b0x-8key-{self.rng.getrandbits(48):012x}"
        if not 12 <= len(key) <= 265:
            raise ValueError("an API key has 12 to 265 characters")
        if self.by_key(key) is not None:
            raise ValueError("API key taken")
        account = Account(number, name or f"Newsletter {number}", key)
        self.accounts[number] = account
        return account
