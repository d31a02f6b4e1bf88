"""The state of the Brevo stand-in: accounts with their contacts, lists, companies, events, processes and webhooks."""

from __future__ import annotations

import random
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.assumptions import Thrown
from sandbox.http import Record

FIRST_ACCOUNT = 801
IDENTIFIERS = ("EMAIL", "SMS", "EXT_ID", "WHATSAPP", "LANDLINE_NUMBER")
BUILT_IN = {"LASTNAME": "text", "FIRSTNAME": "text", "SMS": "text", "EXT_ID": "text", "WHATSAPP": "text",
            "LANDLINE_NUMBER": "text"}  # fmt: skip
IMPORT_DELAY_S = 0.2  # long enough to be seen as queued, short enough for tests


@dataclass
class Contact:
    id: int
    created: str
    modified: str
    attributes: Record = field(default_factory=dict)  # identifiers other than the address are among them
    email: str = ""
    email_blacklisted: bool = False
    sms_blacklisted: bool = False
    lists: set[int] = field(default_factory=set)
    left_lists: set[int] = field(default_factory=set)  # per-list opt-outs
    unsubscriptions: list[Record] = field(default_factory=list)
    hard_bounces: list[Record] = field(default_factory=list)
    busy_until: float = 0.0
    keys: set[tuple[str, str]] = field(default_factory=set)  # under which it is found

    def identifier(self, kind: str) -> str:
        return self.email if kind == "EMAIL" else str(self.attributes.get(kind) or "")


@dataclass
class Attribute:
    name: str
    category: str
    type: str
    enumeration: list[Record] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    value: str = ""


@dataclass
class ContactList:
    id: int
    name: str
    folder_id: int


@dataclass
class Company:
    id: str
    attributes: Record
    contacts: list[int] = field(default_factory=list)
    deals: list[str] = field(default_factory=list)


@dataclass
class Deal:
    id: str
    attributes: Record
    contacts: list[int] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)


@dataclass
class Process:
    id: int
    name: str
    created: str
    due: float
    work: Any  # called once when due; returns what `info` gets
    notify_url: str = ""
    status: str = "queued"
    completed: str | None = None
    rows: list[Record] = field(default_factory=list)  # of an import: what it will still carry out
    info: Record = field(default_factory=dict)


@dataclass
class Webhook:
    id: int
    url: str
    events: list[str]
    type: str = "transactional"
    channel: str = "email"
    description: str = ""
    batched: bool = False
    auth: Record | None = None
    headers: list[Record] = field(default_factory=list)
    created: str = ""


@dataclass
class DoiMail:
    email: str
    template: int
    lists: list[int]
    attributes: Record
    sent_at: str
    clicked_at: str | None = None


@dataclass
class Account:
    id: str
    name: str
    keys: dict[str, str]  # API key → the name its owner gave it
    thrown: Thrown
    plan: str = "general"  # general, advanced or unlimited (no limits)
    locked: bool = False
    import_delay_s: float = IMPORT_DELAY_S
    busy_s: float = 0.0  # how long a contact answers 425 after a write
    per_list_unsubscribe: bool = True
    contacts: dict[int, Contact] = field(default_factory=dict)
    index: dict[tuple[str, str], int] = field(default_factory=dict)  # (identifier kind, value) → contact
    attributes: dict[str, Attribute] = field(default_factory=dict)
    folders: dict[int, str] = field(default_factory=dict)
    lists: dict[int, ContactList] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    company_attributes: dict[str, Record] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    deal_attributes: dict[str, Record] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)
    processes: dict[int, Process] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    templates: set[int] = field(default_factory=lambda: {1})
    doi_mails: list[DoiMail] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    calls: dict[tuple[str, float], deque[float]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)  # imports end on the courier's thread

    def next(self, counter: str, first: int = 1) -> int:
        value = self.counters.get(counter, first - 1) + 1
        self.counters[counter] = value
        return value

    def find(self, kind: str, value: str) -> Contact | None:
        number = self.index.get((kind, value.strip().lower()))
        return None if number is None else self.contacts[number]

    def index_contact(self, contact: Contact) -> None:
        """Make the contact findable by what identifies it now."""
        keys = {(kind, value.lower()) for kind in IDENTIFIERS if (value := contact.identifier(kind))}
        for key in contact.keys - keys:
            self.index.pop(key, None)
        self.index |= dict.fromkeys(keys, contact.id)
        contact.keys = keys

    def forget(self, contact: Contact) -> None:
        del self.contacts[contact.id]
        for key in contact.keys:
            self.index.pop(key, None)


class World:
    name = "brevo"

    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.rng = random.Random(seed)
        self.accounts: dict[str, Account] = {}

    def by_key(self, key: str) -> Account | None:
        return next((account for account in self.accounts.values() if key in account.keys), None)

    def add(self, name: str = "", api_key: str = "", key_name: str = "Lockstep") -> Account:
        """Create an account; raises ValueError where the key is taken."""
        key = api_key or f"xkeysib-{self.rng.getrandbits(256):064x}-{self.rng.getrandbits(64):016x}"
        if self.by_key(key) is not None:
            raise ValueError("API key taken")
        number = str(FIRST_ACCOUNT + len(self.accounts))
        account = Account(number, name or f"Brevo {number}", {key: key_name}, self.thrown)
        for attribute, kind in BUILT_IN.items():
            account.attributes[attribute] = Attribute(attribute, "normal", kind)
        self.accounts[number] = account
        return account
