"""The state of the LeadBoxer stand-in: accounts with datasets, their leads, sessions, events and segments."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from sandbox.assumptions import Thrown
from sandbox.http import Record

FIRST_ACCOUNT = 401
IDLE_MS = 10 * 60 * 1000  # a session ends after so long without an event (sheet §2)
TOKEN_S = 600.0  # a page's token is good for ten minutes (sheet §3)


@dataclass
class Event:
    id: str
    at: int  # milliseconds since 1970
    title: str
    url: str = ""
    page: str = ""


@dataclass
class Session:
    id: str
    lead_id: str
    events: list[Event] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.events[0].at

    @property
    def end(self) -> int:
        return self.events[-1].at


@dataclass
class Lead:
    id: str
    values: Record = field(default_factory=dict)  # what is known of person and organization, by the vendor's keys
    score: int = 0
    sessions: list[Session] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.sessions[-1].end if self.sessions else int(self.id.partition(".")[0])

    @property
    def first(self) -> int:
        return self.sessions[0].start if self.sessions else int(self.id.partition(".")[0])


@dataclass
class Segment:
    id: int
    name: str
    type: str = "ACCOUNT"
    criteria: Record = field(default_factory=dict)


@dataclass
class Dataset:
    id: str
    name: str
    leads: dict[str, Lead] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)

    def session(self, session_id: str) -> Session | None:
        found = (row for lead in self.leads.values() for row in lead.sessions if row.id == session_id)
        return next(found, None)


@dataclass
class Account:
    id: str
    name: str
    api_key: str
    email: str  # a user's login
    thrown: Thrown
    datasets: dict[str, Dataset] = field(default_factory=dict)
    calls_per_minute: int = 10  # per endpoint (page “rate limit exceeded”); 0 for no limit
    tells_score: bool = True
    locked: bool = False
    calls: dict[str, deque[float]] = field(default_factory=dict)
    tokens: dict[str, tuple[float, int]] = field(default_factory=dict)  # page token → (made at, offset)
    counters: dict[str, int] = field(default_factory=dict)

    def next(self, counter: str, first: int = 1) -> int:
        value = self.counters.get(counter, first - 1) + 1
        self.counters[counter] = value
        return value


class World:
    name = "leadboxer"

    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.rng = random.Random(seed)
        self.accounts: dict[str, Account] = {}

    def by_key(self, key: str) -> Account | None:
        return next((account for account in self.accounts.values() if account.api_key == key), None)

    def add(self, name: str = "", api_key: str = "", email: str = "") -> Account:
        """Create an account; raises ValueError where the key is taken."""
        key = api_key or f"{self.rng.getrandbits(160):040x}"
        if self.by_key(key) is not None:
            raise ValueError("API key taken")
        number = str(FIRST_ACCOUNT + len(self.accounts))
        account = Account(
            number, name or f"LeadBoxer {number}", key, email or f"owner{number}@leads.example", self.thrown
        )
        self.accounts[number] = account
        return account

    def add_dataset(self, account: Account, name: str, dataset_id: str = "") -> Dataset:
        dataset = Dataset(dataset_id or f"{self.rng.getrandbits(128):032x}", name)
        account.datasets[dataset.id] = dataset
        return dataset
