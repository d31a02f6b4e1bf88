"""Pipedrive's part of the control API: companies, apps, and what a person does in the vendor's own pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record
from sandbox.pipedrive import changes, hooks, leads, merge, notes, oauth, products, records, settings_pages
from sandbox.pipedrive.api import Actor, Call, ok
from sandbox.pipedrive.company import add_company
from sandbox.pipedrive.kinds import DEAL, KINDS, ORGANIZATION, PERSON, Kind
from sandbox.pipedrive.model import App, Company
from sandbox.pipedrive.seed import made_up_people, plant
from sandbox.pipedrive.users import add_user


def person_at_the_screen(control: ControlCall, company: Company) -> Call:
    """Return a call made by the company's admin in the vendor's own pages."""
    actor = Actor(company.admin(), "ui", source="app")
    return Call(control.sandbox, company, actor, control.incoming, control.params)


def company_of(control: ControlCall) -> Company:
    return control.sandbox.pipedrive.companies[control.params["domain"]]


def create_company(control: ControlCall) -> Record:
    wish = control.body()
    known = {key: wish[key] for key in ("name", "api_token", "plan", "seats", "admin") if wish.get(key) is not None}
    return described(control, add_company(control.sandbox.pipedrive, str(wish["domain"]), **known))


def list_companies(control: ControlCall) -> list[Record]:
    return [described(control, company) for company in control.sandbox.pipedrive.companies.values()]


def described(control: ControlCall, company: Company) -> Record:
    admin = company.admin()
    return {
        "domain": company.domain,
        "company_id": company.id,
        "name": company.name,
        "plan": company.plan,
        "seats": company.seats,
        "api_token": admin.api_token,
        "user_id": admin.id,
        "user_name": admin.name,
        "user_email": admin.email,
        "url": f"{control.sandbox.base_url}/pipedrive/{company.domain}",
    }


def change_company(control: ControlCall) -> Record:
    company, wish = company_of(control), control.body()
    for key in ("plan", "seats", "name", "budget", "time_zone"):
        if key in wish:
            setattr(company, key, wish[key])
    if "token_scopes" in wish:
        company.token_scopes = frozenset(wish["token_scopes"] or ()) or None
    return described(control, company)


def create_user(control: ControlCall) -> Record:
    company, wish = company_of(control), control.body()
    number = max(company.users) + 1
    token = wish.get("api_token") or control.sandbox.pipedrive.new_token()
    user = add_user(company, number, wish["name"], wish["email"], token, is_admin=bool(wish.get("is_admin")))
    user.admin_of = tuple(wish.get("admin_of", user.admin_of))  # of parts of the company only
    return {"id": user.id, "name": user.name, "email": user.email, "api_token": user.api_token}


def change_user(control: ControlCall) -> Record:
    """What an administrator changes in the list of users."""
    user, wish = company_of(control).users[int(control.params["id"])], control.body()
    user.is_admin = bool(wish.get("is_admin", user.is_admin))
    user.admin_of = tuple(wish.get("admin_of", user.admin_of))
    return {"id": user.id, "is_admin": user.is_admin, "admin_of": list(user.admin_of)}


def create_app(control: ControlCall) -> Record:
    wish = control.body()
    scopes = wish.get("scopes") or ["base"]
    names = tuple(scopes.replace(",", " ").split() if isinstance(scopes, str) else scopes)
    app = App(wish["client_id"], wish["client_secret"], wish["redirect_uri"], names)
    control.sandbox.pipedrive.apps[app.client_id] = app
    return vars(app) | {"scopes": list(app.scopes)}


Action = Callable[[Kind, Call], Response]


def _act(action: Action, control: ControlCall) -> Response:
    return action(_kind(control), person_at_the_screen(control, company_of(control)))


def _kind(control: ControlCall) -> Kind:
    plurals = {kind.plural: kind for kind in KINDS.values()}
    return plurals[control.params["plural"]]


def merge_into(control: ControlCall) -> Response:
    """Merge the record of the path into the one named `into`."""
    kind = _kind(control)
    call = person_at_the_screen(control, company_of(control))
    table = call.company.tables[kind.name]
    loser, survivor = table.rows[int(control.params["id"])], table.rows[int(control.body()["into"])]
    if loser["is_deleted"] or survivor["is_deleted"] or loser is survivor:
        raise ValueError("both records must live and differ")
    return ok(merge.merge(call, kind, loser, survivor))


def restore(control: ControlCall) -> Response:
    """Somebody takes a record out of the bin."""
    kind, call = _kind(control), person_at_the_screen(control, company_of(control))
    row = call.company.tables[kind.name].rows[int(control.params["id"])]
    if not row["is_deleted"]:
        raise ValueError("the record is not deleted")
    return ok({"id": changes.restore(call, kind, row)["id"]})


def seed(control: ControlCall) -> Record:
    """Store records without webhooks; {"count": n} makes persons up."""
    company, wish, now = company_of(control), control.body(), control.sandbox.clock.rfc3339()
    made: Record = {}
    for kind in (ORGANIZATION, PERSON, DEAL):
        made[kind.plural] = plant(company, kind, wish.get(kind.plural, ()), now)
    made["notes"] = notes.plant(company, wish.get("notes", ()), now)
    if "count" in wish:
        people = made_up_people(int(wish["count"]), len(company.tables["person"]) + 1)
        made["persons"] += plant(company, PERSON, people, now)
    if len(made["persons"]) > 1000:
        made["persons"] = {"count": len(made["persons"]), "first": made["persons"][0], "last": made["persons"][-1]}
    return made


def _screen(handler: Callable[[Call], Response], control: ControlCall) -> Response:
    return handler(person_at_the_screen(control, company_of(control)))


def state(control: ControlCall) -> Record:
    """Return everything the company holds; fields and webhooks in their API shape."""
    company = company_of(control)
    call = person_at_the_screen(control, company)
    rows: Record = {f"{name}s": list(table.rows.values()) for name, table in company.tables.items()}
    rows["organizations"], rows["activities"] = rows.pop("organizations"), rows.pop("activitys")
    fields = {kind: [vars(item) for item in items.values() if item.custom] for kind, items in company.fields.items()}
    webhooks: list[Any] = [hooks.shown(call, hook) for hook in company.webhooks.values()]
    grants = [
        {"user_id": grant.user_id, "client_id": grant.client_id, "scopes": list(grant.scopes)}
        for grant in control.sandbox.pipedrive.grants
        if grant.company == company.domain
    ]
    budget = {"spent": company.spent, "daily": company.daily_budget()}
    return described(control, company) | rows | {
        "custom_fields": fields, "webhooks": webhooks, "grants": grants, "budget": budget,
    }  # fmt: skip


ROUTES: list[ControlRoute] = [
    ("GET", "companies", list_companies),
    ("POST", "companies", create_company),
    ("POST", "apps", create_app),
    ("PATCH", "{domain}", change_company),
    ("POST", "{domain}/users", create_user),
    ("PATCH", "{domain}/users/{id}", change_user),
    ("POST", "{domain}/seed", seed),
    ("GET", "{domain}/state", state),
    ("POST", "{domain}/notes", partial(_screen, notes.create_note)),
    ("PATCH", "{domain}/notes/{id}", partial(_screen, notes.update_note)),
    ("DELETE", "{domain}/notes/{id}", partial(_screen, notes.delete_note)),
    ("POST", "{domain}/leads", partial(_screen, leads.create_lead)),
    ("POST", "{domain}/deals/{id}/products", partial(_screen, products.attach)),
    ("POST", "{domain}/{plural}", partial(_act, records.create_record)),
    ("POST", "{domain}/uninstall", oauth.uninstall_control),
    ("POST", "{domain}/{plural}/{id}/merge", merge_into),
    ("POST", "{domain}/{plural}/{id}/restore", restore),
    ("PATCH", "{domain}/{plural}/{id}", partial(_act, records.update_record)),
    *settings_pages.ROUTES,
    ("DELETE", "{domain}/{plural}/{id}", partial(_act, records.delete_record)),
]
