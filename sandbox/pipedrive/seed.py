"""The default company, and quick bulk seeding without webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.api import Actor
from sandbox.pipedrive.changes import build
from sandbox.pipedrive.company import add_company
from sandbox.pipedrive.kinds import DEAL, ORGANIZATION, PERSON, Kind
from sandbox.pipedrive.model import App, Company, World

ACME_DOMAIN = "acme"
ACME_API_TOKEN = "ace0ace0ace0ace0ace0ace0ace0ace0ace0ace0"
OAUTH_CLIENT_ID = "lockstep-sandbox"
OAUTH_CLIENT_SECRET = "sandbox-client-secret-0001"
OAUTH_REDIRECT_URI = "http://127.0.0.1:8000/oauth/pipedrive/callback/"
OAUTH_SCOPES = (
    "base", "deals:full", "contacts:full", "activities:full", "leads:full", "users:read", "recents:read",
    "search:read", "contact-fields:full", "deal-fields:full", "admin", "webhooks:full",
)  # fmt: skip
FIRST_NAMES = ("Ada", "Alan", "Barbara", "Edsger", "Frances", "John", "Katherine", "Linus", "Margaret", "Niklaus")
LAST_NAMES = ("Allen", "Backus", "Dijkstra", "Hamilton", "Johnson", "Liskov", "Lovelace", "Perlis", "Turing", "Wirth")
ORGANIZATIONS = ("Analytical Engines Ltd", "Bletchley Computing", "Compiler Works")


def seed(world: World) -> None:
    world.apps[OAUTH_CLIENT_ID] = App(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI, OAUTH_SCOPES)
    company = add_company(world, ACME_DOMAIN, name="ACME GmbH", api_token=ACME_API_TOKEN)
    now = "2026-01-05T09:00:00Z"
    plant(company, ORGANIZATION, ({"name": name} for name in ORGANIZATIONS), now)
    plant(company, PERSON, _people(), now)
    plant(company, DEAL, [{"title": "Difference engine", "value": 1200, "person_id": 1, "org_id": 1}], now)


def _people() -> Iterator[Record]:
    pairs = (("Ada Lovelace", "ada", 1), ("Alan Turing", "alan", 2), ("Barbara Liskov", "barbara", 3))
    for name, local, org_id in pairs:
        yield {"name": name, "emails": [{"value": f"{local}@example.com"}], "org_id": org_id}
    yield {"name": "Edsger Dijkstra", "emails": [{"value": "edsger@example.com"}]}


def plant(company: Company, kind: Kind, bodies: Any, now: str) -> list[int]:
    """Store many records at once, without webhooks; returns their ids."""
    actor = Actor(company.admin(), "seed", source="app")
    table = company.tables[kind.name]
    ids: list[int] = []
    for values in bodies:
        row = build(company, kind, values, actor, now)
        row["id"] = table.next_id()
        table.put(row)
        ids.append(row["id"])
    return ids


def made_up_people(count: int, first: int = 1) -> Iterator[Record]:
    for n in range(first, first + count):
        name = f"{FIRST_NAMES[n % 10]} {LAST_NAMES[n // 10 % 10]}"
        yield {"name": name, "emails": [{"value": f"person{n}@seed.example.com"}]}
