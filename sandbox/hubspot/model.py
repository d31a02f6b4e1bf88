"""What HubSpot remembers: apps with their subscriptions, portals with contacts and properties, installations."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.assumptions import Thrown
from sandbox.http import Record

NAME = "hubspot"
FIRST_PORTAL_ID = 62515001
FIRST_CONTACT_ID = 106314056501
STRIDE = 10  # ids of one portal are not consecutive
Values = dict[str, str | None]


@dataclass(frozen=True)
class Subscription:
    id: int
    type: str
    property: str = ""
    active: bool = True


@dataclass
class App:
    client_id: str
    client_secret: str
    app_id: int
    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...] = ()
    target_url: str = ""
    subscriptions: list[Subscription] = field(default_factory=list)
    event_types: tuple[str, ...] = ()  # app events HubSpot has approved for this app; none: notes are the way
    events_per_request: int = 100
    gather: bool = False  # keep events until they are flushed, so that portals meet in one array
    outbox: list[Record] = field(default_factory=list)


@dataclass
class User:
    id: int
    name: str
    email: str
    super_admin: bool = True


@dataclass
class Contact:
    id: int
    values: Values
    created: datetime
    updated: datetime
    archived: bool = False
    emails: list[str] = field(default_factory=list)  # the secondary ones
    merged_ids: list[int] = field(default_factory=list)
    history: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return self.values.get("email") or ""

    def addresses(self) -> list[str]:
        return [address for address in (self.email, *self.emails) if address]


@dataclass
class CrmRecord:
    """A company or a deal."""

    id: int
    values: Values
    created: datetime
    updated: datetime
    archived: bool = False


@dataclass
class Note:
    id: int
    contact_id: int
    values: Values
    created: datetime


@dataclass
class Usage:
    calls: deque[float] = field(default_factory=deque)
    searches: deque[float] = field(default_factory=deque)


@dataclass
class Portal:
    id: int
    name: str
    domain: str
    users: dict[int, User] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    properties: dict[str, Record] = field(default_factory=dict)
    archived_properties: dict[str, Record] = field(default_factory=dict)
    groups: dict[str, Record] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    crm: dict[str, dict[int, CrmRecord]] = field(default_factory=lambda: {"companies": {}, "deals": {}})
    definitions: dict[str, dict[str, Record]] = field(default_factory=dict)  # of companies and deals
    pipelines: list[Record] = field(default_factory=list)
    associations: set[frozenset[tuple[str, int]]] = field(default_factory=set)
    app_events: dict[tuple[str, str], Record] = field(default_factory=dict)
    aliases: dict[int, int] = field(default_factory=dict)  # merged id -> survivor
    blocked: set[str] = field(default_factory=set)  # addresses of people deleted for privacy
    usage: dict[str, Usage] = field(default_factory=dict)  # by client id
    waiting_index: list[tuple[float, int, Values]] = field(default_factory=list)
    index: dict[int, Values] = field(default_factory=dict)
    options: Record = field(default_factory=dict)
    last_id: int = 0
    holders: dict[str, set[int]] = field(default_factory=dict)  # address -> contacts that have or had it

    def next_id(self) -> int:
        self.last_id += STRIDE
        return self.last_id

    def living(self) -> list[Contact]:
        return [contact for contact in self.contacts.values() if not contact.archived]

    def by_address(self, address: str) -> Contact | None:
        """The contact that has this address, as its own or as a secondary one."""
        wanted = address.strip().lower()
        found = (self.contacts.get(contact_id) for contact_id in self.holders.get(wanted, ()))
        return next((one for one in found if one and not one.archived and wanted in one.addresses()), None)

    def note_addresses(self, contact: Contact) -> None:
        """Whoever gives a contact an address says so, or `by_address` will not find it."""
        for address in contact.addresses():
            self.holders.setdefault(address, set()).add(contact.id)

    def survivor(self, contact_id: int) -> int:
        while contact_id in self.aliases:
            contact_id = self.aliases[contact_id]
        return contact_id


@dataclass
class Code:
    portal: int
    user_id: int
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    expires: float


@dataclass
class Grant:
    portal: int
    user_id: int
    client_id: str
    scopes: tuple[str, ...]
    refresh_token: str
    access_tokens: dict[str, float] = field(default_factory=dict)  # token -> when it runs out


class World:
    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.seed = seed
        self.apps: dict[str, App] = {}
        self.portals: dict[int, Portal] = {}
        self.codes: dict[str, Code] = {}
        self.grants: list[Grant] = []

    def app_by_id(self, app_id: int) -> App:
        return next(app for app in self.apps.values() if app.app_id == app_id)

    def grant_by_access(self, token: str) -> Grant | None:
        return next((grant for grant in self.grants if token in grant.access_tokens), None)

    def installed(self, app: App, portal: Portal) -> bool:
        return any(grant.client_id == app.client_id and grant.portal == portal.id for grant in self.grants)
