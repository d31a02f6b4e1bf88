"""The state of the Pipedrive stand-in: companies, users, apps, grants and webhooks."""

from __future__ import annotations

import random
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.assumptions import Thrown
from sandbox.http import Record
from sandbox.pipedrive.store import Table

if TYPE_CHECKING:
    from sandbox.pipedrive.fields import Field

FIRST_COMPANY_ID = 9001
PLANS = {  # plan: (daily multiplier, API token burst per 2 s, OAuth burst per 2 s)
    "lite": (1, 20, 80),
    "growth": (2, 40, 160),
    "premium": (5, 100, 400),
    "ultimate": (7, 120, 480),
}
UNLIMITED = "unlimited"  # not a vendor plan: switches every limit off, for benchmarks
BUDGET_PER_SEAT = 30_000


@dataclass
class User:
    id: int
    name: str
    email: str
    is_admin: bool
    api_token: str
    active: bool = True
    created: str = "2024-01-08 08:00:00"
    admin_of: tuple[str, ...] = ()  # parts of the company where somebody who is no administrator is one


@dataclass
class App:
    client_id: str
    client_secret: str
    redirect_uri: str
    scopes: tuple[str, ...]
    name: str = "Lockstep"


@dataclass
class Grant:
    """One user's installation of one app, with its tokens."""

    company: str
    user_id: int
    client_id: str
    scopes: tuple[str, ...]
    refresh_token: str
    refresh_expires: float
    access_tokens: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Code:
    company: str
    user_id: int
    client_id: str
    redirect_uri: str
    expires: float


@dataclass
class Webhook:
    id: int
    user_id: int
    admin_id: int
    name: str
    subscription_url: str
    event_action: str
    event_object: str
    version: str
    http_auth_user: str | None
    http_auth_password: str | None
    add_time: str
    added_at: float
    client_id: str | None = None
    last_delivery_time: str | None = None
    last_http_status: int | None = None
    last_success_at: float | None = None
    failing_since: float | None = None
    first_try_failures: int = 0
    banned_until: float = 0.0


@dataclass
class Usage:
    """What one token did lately: call times per window, and how stubbornly it ignored 429."""

    calls: deque[float] = field(default_factory=deque)
    searches: deque[float] = field(default_factory=deque)
    refused: int = 0
    blocked_until: float = 0.0


def _tables() -> dict[str, Table]:
    times = ("id", "update_time", "add_time")
    return {
        "person": Table(times, ("org_id", "owner_id")),
        "organization": Table(times, ("owner_id",)),
        "deal": Table(times, ("person_id", "org_id", "stage_id", "pipeline_id", "owner_id")),
        "activity": Table((*times, "due_date"), ("person_id", "org_id", "deal_id", "lead_id", "owner_id")),
        "pipeline": Table(times),
        "stage": Table((*times, "order_nr"), ("pipeline_id",)),
        "note": Table(("id",), ("person_id", "org_id", "deal_id", "lead_id")),
        "lead": Table(("id",), ("person_id", "organization_id")),
        "product": Table(times),
    }


@dataclass
class Company:
    id: int
    domain: str
    name: str
    plan: str
    thrown: Thrown
    seats: int = 20
    users: dict[int, User] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=_tables)
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    lead_labels: dict[str, Record] = field(default_factory=dict)
    activity_types: list[Record] = field(default_factory=list)
    conversions: dict[str, Record] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    followers: dict[tuple[str, int], list[Record]] = field(default_factory=dict)
    deal_products: list[Record] = field(default_factory=list)
    spent: int = 0
    spent_day: str = ""
    time_zone: str = "Europe/Berlin"  # of its users
    token_scopes: frozenset[str] | None = None  # what API tokens may do, as if an app held them; None: everything
    budget: int | None = None  # None: what plan and seats give
    search_visible_at: dict[tuple[str, Any], float] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def next(self, counter: str, first: int = 1) -> int:
        value = self.counters.get(counter, first - 1) + 1
        self.counters[counter] = value
        return value

    def daily_budget(self) -> int:
        if self.budget is not None:
            return self.budget
        return BUDGET_PER_SEAT * PLANS.get(self.plan, PLANS["ultimate"])[0] * self.seats

    def admin(self) -> User:
        return next(user for user in self.users.values() if user.is_admin)

    def user_by_token(self, api_token: str) -> User | None:
        return next((user for user in self.users.values() if user.api_token == api_token and user.active), None)


class World:
    """Everything Pipedrive knows. Keys are random per company, yet the same for the same seed."""

    name = "pipedrive"

    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.rng = random.Random(seed)
        self.companies: dict[str, Company] = {}
        self.apps: dict[str, App] = {}
        self.grants: list[Grant] = []
        self.codes: dict[str, Code] = {}

    def new_hash(self) -> str:
        return f"{self.rng.getrandbits(160):040x}"

    def new_token(self) -> str:
        return secrets.token_hex(20)

    def grant_by_access(self, token: str) -> tuple[Grant, float] | None:
        for grant in self.grants:
            if token in grant.access_tokens:
                return grant, grant.access_tokens[token]
        return None
