"""LeadBoxer's part of the control API: accounts, and what visitors and the account's users do."""

from __future__ import annotations

from typing import Any

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record
from sandbox.leadboxer.api import now_ms
from sandbox.leadboxer.leads import present
from sandbox.leadboxer.model import IDLE_MS, Account, Dataset, Event, Lead, Segment, Session

SETTINGS = ("name", "calls_per_minute", "tells_score", "locked")
KNOWN = ("lead", "title", "url", "page", "at", "minutes_ago", "score", "email")


def account_of(control: ControlCall) -> Account:
    return control.sandbox.leadboxer.accounts[control.params["account"]]


def dataset_of(control: ControlCall) -> Dataset:
    return account_of(control).datasets[control.params["dataset"]]


def create_account(control: ControlCall) -> Record:
    wish = control.body()
    world = control.sandbox.leadboxer
    account = world.add(wish.get("name", ""), wish.get("api_key", ""), wish.get("email", ""))
    world.add_dataset(account, "site")
    return _changed(control, account, wish)


def change_account(control: ControlCall) -> Record:
    return _changed(control, account_of(control), control.body())


def list_accounts(control: ControlCall) -> list[Record]:
    return [_changed(control, account, {}) for account in control.sandbox.leadboxer.accounts.values()]


def _changed(control: ControlCall, account: Account, wish: Record) -> Record:
    for key in SETTINGS:
        if key in wish:
            setattr(account, key, wish[key])
    datasets = {row.id: row.name for row in account.datasets.values()}
    return {"id": account.id, "name": account.name, "api_key": account.api_key, "email": account.email,
            "datasets": datasets, "url": f"{control.sandbox.base_url}/leadboxer/v1"}  # fmt: skip


def track(control: ControlCall) -> Record:
    """A visitor does something; `lead` is who (none: somebody new, or whoever has the `email`).

    `at` is in milliseconds, `minutes_ago` tells it the other way. Any other key becomes a property of the lead. An
    event within ten minutes of the last one belongs to its session. Returns the ids of lead, session and event.
    """
    account, dataset, wish = account_of(control), dataset_of(control), control.body()
    at = int(wish.get("at") or now_ms(control.sandbox) - int(float(wish.get("minutes_ago") or 0) * 60_000))
    lead = _visitor(account, dataset, wish, at)
    lead.values |= {key: value for key, value in wish.items() if key not in KNOWN}
    if wish.get("email"):
        lead.values["email"] = wish["email"]
    lead.score = int(wish.get("score", lead.score))
    session = _session(account, lead, at)
    event = Event(
        f"e{account.next('event'):08d}", at, str(wish.get("title") or "Pageview"), str(wish.get("url") or ""),
        str(wish.get("page") or ""),
    )  # fmt: skip
    session.events.append(event)
    session.events.sort(key=lambda row: row.at)
    lead.sessions.sort(key=lambda row: row.end)
    return {"lead": lead.id, "session": session.id, "event": event.id}


def _visitor(account: Account, dataset: Dataset, wish: Record, at: int) -> Lead:
    if wish.get("lead"):
        return dataset.leads[str(wish["lead"])]
    email = str(wish.get("email") or "").lower()
    same = (row for row in dataset.leads.values() if email and str(row.values.get("email", "")).lower() == email)
    found = next(same, None)  # without an id an event goes to the user with the same address (sheet §6)
    if found is None:
        found = Lead(f"{at}.{account.next('lead', 757_000_001)}")
        dataset.leads[found.id] = found
    return found


def _session(account: Account, lead: Lead, at: int) -> Session:
    near = (row for row in lead.sessions if row.start - IDLE_MS <= at <= row.end + IDLE_MS)
    found = next(near, None)
    if found is None:
        found = Session(f"{at}.{account.next('session', 1001)}", lead.id)
        lead.sessions.append(found)
    return found


def change_lead(control: ControlCall) -> Record:
    """Somebody in the vendor's pages edits a lead; `score` is the lead score, null removes a property."""
    dataset, wish = dataset_of(control), control.body()
    lead = dataset.leads[control.params["id"]]
    lead.score = int(wish.pop("score", lead.score))
    lead.values = {key: value for key, value in {**lead.values, **wish}.items() if value is not None}
    return present(account_of(control), dataset, lead)


def copy_lead(control: ControlCall) -> Record:
    """A second profile of the same visitor, from another browser: what is known is the same, its visits are not."""
    account, dataset = account_of(control), dataset_of(control)
    first = dataset.leads[control.params["id"]]
    twin = Lead(f"{first.last}.{account.next('lead', 757_000_001)}", dict(first.values), first.score)
    dataset.leads[twin.id] = twin
    _session(account, twin, first.last).events.append(
        Event(f"e{account.next('event'):08d}", first.last, "Pageview", "https://acme.example/")
    )
    return present(account, dataset, twin)


def delete_lead(control: ControlCall) -> Record:
    del dataset_of(control).leads[control.params["id"]]
    return {"ok": True}


def seed(control: ControlCall) -> Record:
    """Make `count` leads up, each with an organization of its own, `minutes_ago` old; `known` of them by address."""
    account, dataset, wish = account_of(control), dataset_of(control), control.body()
    at = now_ms(control.sandbox) - int(float(wish.get("minutes_ago") or 0) * 60_000)
    count, score = int(wish["count"]), int(wish.get("score", 50))
    known = int(wish["known"]) if "known" in wish else count
    for n in range(count):
        lead = Lead(f"{at - n}.{account.next('lead', 757_000_001)}", score=score)
        lead.values = {"organizationName": f"Seed {n} GmbH", "organizationDomain": f"seed{n}.example",
                       "organizationCountry": "Germany"}  # fmt: skip
        if n < known:
            lead.values |= {"firstName": "Person", "lastName": str(n), "email": f"person{n}@seed{n}.example"}
        dataset.leads[lead.id] = lead
        _session(account, lead, at - n).events.append(
            Event(f"e{account.next('event'):08d}", at - n, "Pageview", f"https://acme.example/page/{n}")
        )
    return {"count": len(dataset.leads)}


def create_segment(control: ControlCall) -> Record:
    account, dataset, wish = account_of(control), dataset_of(control), control.body()
    number = account.next("segment", 900)
    dataset.segments[number] = Segment(number, wish.pop("name"), wish.pop("type", "ACCOUNT"), wish)
    return {"segmentId": number}


def delete_segment(control: ControlCall) -> Record:
    del dataset_of(control).segments[int(control.params["id"])]
    return {"ok": True}


def state(control: ControlCall) -> Record:
    """Everything the account holds, by dataset."""
    account = account_of(control)
    found: dict[str, Any] = {}
    for dataset in account.datasets.values():
        found[dataset.id] = {
            "name": dataset.name,
            "leads": [present(account, dataset, lead) for lead in dataset.leads.values()],
            "sessions": [
                {"id": row.id, "lead": row.lead_id, "events": [vars(event) for event in row.events]}
                for lead in dataset.leads.values()
                for row in lead.sessions
            ],
            "segments": [vars(row) for row in dataset.segments.values()],
        }
    return found


ROUTES: list[ControlRoute] = [
    ("GET", "accounts", list_accounts),
    ("POST", "accounts", create_account),
    ("PATCH", "{account}", change_account),
    ("GET", "{account}/state", state),
    ("POST", "{account}/{dataset}/track", track),
    ("POST", "{account}/{dataset}/seed", seed),
    ("PATCH", "{account}/{dataset}/leads/{id}", change_lead),
    ("POST", "{account}/{dataset}/leads/{id}/copy", copy_lead),
    ("DELETE", "{account}/{dataset}/leads/{id}", delete_lead),
    ("POST", "{account}/{dataset}/segments", create_segment),
    ("DELETE", "{account}/{dataset}/segments/{id}", delete_segment),
]
