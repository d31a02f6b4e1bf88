"""The state of the Planhat stand-in: accounts (Planhat says tenants) with their records, custom fields, automations."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from sandbox.assumptions import Thrown
from sandbox.http import Record

FIRST_ACCOUNT = 901


@dataclass(frozen=True)
class Model:
    """One kind of record: its path, what a new one needs, by what an upsert finds one, how many a list gives."""

    name: str
    path: str
    required: tuple[str, ...]
    keys: tuple[str, ...]
    most: int = 2000
    bulk_keys: tuple[str, ...] = ()  # by which a bulk upsert finds one, where these are others


MODELS = {
    model.path: model
    for model in (
        Model("company", "companies", ("name",), ("_id", "sourceId", "externalId"), 5000),
        Model("enduser", "endusers", ("companyId",), ("_id", "sourceId", "externalId", "email")),
        Model("license", "licenses", ("companyId", "_currency", "fromDate"), ("_id", "sourceId", "externalId")),
        Model("sale", "sales", ("companyId", "_currency", "salesDate", "value"), ("_id", "sourceId", "externalId")),
        Model("conversation", "conversations", ("companyId", "type"), ("_id", "externalId"), bulk_keys=("_id",)),
        Model("user", "users", ("email",), ("_id", "externalId")),
    )
}
BY_NAME = {model.name: model for model in MODELS.values()}


@dataclass
class Table:
    """The records of one model, found by any of their keys."""

    model: Model
    rows: dict[str, Record] = field(default_factory=dict)
    index: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, key: str, value: object) -> Record | None:
        if value in (None, ""):
            return None
        if key == "_id":
            return self.rows.get(str(value))
        found = self.index.get((key, str(value).lower()))
        return None if found is None else self.rows[found]

    def put(self, row: Record) -> None:
        """Store a record and keep it findable by what its keys are now."""
        self.forget(row["_id"])
        self.rows[row["_id"]] = row
        for key in self.model.keys[1:]:
            if row.get(key):
                self.index[key, str(row[key]).lower()] = row["_id"]

    def forget(self, number: str) -> None:
        before = self.rows.pop(number, None)
        for key in self.model.keys[1:]:
            if before and before.get(key):
                self.index.pop((key, str(before[key]).lower()), None)


@dataclass
class Account:
    id: str
    name: str
    token: str
    thrown: Thrown
    plan: str = "standard"  # or unlimited: no limits, for benchmarks
    locked: bool = False
    denied: list[str] = field(default_factory=list)  # models the token may not touch
    refused: list[str] = field(default_factory=list)  # models of which single records may not be written
    error_form: str = ""  # how a failed row of a bulk call is told: item, nested or text; empty: as the switches say
    tables: dict[str, Table] = field(default_factory=dict)
    custom_fields: dict[str, Record] = field(default_factory=dict)
    automations: list[Record] = field(default_factory=list)
    calls: deque[float] = field(default_factory=deque)
    written: dict[str, float] = field(default_factory=dict)  # e-mail → when an upsert wrote it, by the steady clock

    def table(self, name: str) -> Table:
        return self.tables[name]


class World:
    name = "planhat"

    def __init__(self, seed: int, thrown: Thrown) -> None:
        self.thrown = thrown
        self.rng = random.Random(seed)
        self.accounts: dict[str, Account] = {}
        self.arrivals: dict[int, float] = {}  # calls under way → when they came
        self.last_id = 0x65A000000000000000000000

    def by_token(self, token: str) -> Account | None:
        return next((account for account in self.accounts.values() if account.token == token), None)

    def new_id(self) -> str:
        """An ObjectId: 24 hex digits, growing as the vendor's do."""
        self.last_id += self.rng.randrange(1, 1 << 40)
        return f"{self.last_id:024x}"

    def add(self, name: str = "", token: str = "") -> Account:
        """Create an account; raises ValueError where the token is taken."""
        token = token or f"{self.rng.getrandbits(256):064x}"
        if self.by_token(token) is not None:
            raise ValueError("token taken")
        number = str(FIRST_ACCOUNT + len(self.accounts))
        account = Account(number, name or f"Planhat {number}", token, self.thrown)
        account.tables = {model.name: Table(model) for model in MODELS.values()}
        self.accounts[number] = account
        return account
