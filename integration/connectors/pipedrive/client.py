"""Pipedrive's nouns and verbs. Called by the recipes' flows; it stores nothing and decides nothing.

REST v2 where it exists, v1 for leads, notes, users, webhooks and merges (pipedrive sheet §3). Ids are text, times are
aware, lists are generators or resumable pages. `values` are internal ones, see README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypedDict, Unpack

from config.json_value import JSONValue
from integration.connectors.base import Account, Credentials, Identity
from integration.connectors.pipedrive import products, readers
from integration.connectors.pipedrive.api import PAGE_LIMIT, Row, segment
from integration.connectors.pipedrive.bodies import Values, needs_current, person_body
from integration.connectors.pipedrive.collection import Collection
from integration.connectors.pipedrive.field_calls import FieldCalls
from integration.connectors.pipedrive.records import (
    Activity,
    ActivityType,
    Deal,
    Found,
    Lead,
    Note,
    Organization,
    Page,
    Person,
    Pipeline,
    Stage,
    User,
)
from integration.errors import ContractError
from integration.http import Effect, Instrumentation

SEARCH_COST, MERGE_COST, SHORT_LIST_COST, USERS_COST, TYPES_COST = 20, 40, 5, 20, 20
MERGE_PATHS = {"person": "persons", "organization": "organizations", "deal": "deals"}
SHORTEST_TERM = 2  # of a search that is not exact


class Filters(TypedDict, total=False):
    """What a list may be asked for, beside its page and time. Which list takes which says its method."""

    person_id: str
    org_id: str
    deal_id: str
    lead_id: str
    owner_id: str
    filter_id: str
    pipeline_id: str
    stage_id: str
    status: str
    sort_by: str
    sort_direction: str
    include_fields: str


class PipedriveClient(FieldCalls):
    """One company's Pipedrive."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        super().__init__(credentials, wire)
        person, organization, deal = (partial(self.field_types, kind) for kind in ("person", "organization", "deal"))
        self.persons = Collection[Person](self, "/api/v2/persons", readers.parse_person, person)
        self.organizations = Collection[Organization](
            self, "/api/v2/organizations", readers.parse_organization, organization
        )
        self.deals = Collection[Deal](self, "/api/v2/deals", readers.parse_deal, deal)
        self.leads = Collection[Lead](self, "/api/v1/leads", readers.parse_lead, deal)
        self.activities = Collection[Activity](self, "/api/v2/activities", readers.parse_activity, _no_types)
        self.notes = Collection[Note](self, "/api/v1/notes", readers.parse_note, _no_types, "PUT")

    # Account and users

    def get_account(self) -> Account:
        """Return the company behind the credentials and the id and name of the user they belong to."""
        return _account(self._me())

    def get_identity(self) -> Identity:
        """Return the company and the user behind the credentials, by their ids."""
        me = self._me()
        return Identity(_account(me), str(me["id"]), str(me.get("name") or ""), str(me.get("email") or ""))

    def is_admin(self) -> bool | None:
        """Say whether the user behind the credentials is an administrator of any part; None when it is not told."""
        access = self._me().get("access")
        if not isinstance(access, list):
            return None
        return any(isinstance(part, dict) and bool(part.get("admin")) for part in access)

    def _me(self) -> Row:
        me = self.get("/api/v1/users/me", cost=2)
        if not isinstance(me, dict) or not me.get("company_id") or not me.get("id"):
            raise ContractError("Pipedrive did not say which company this is.", detail="users/me")
        return me

    def get_users(self) -> list[User]:
        """Return all users of the company, the inactive ones too."""
        return [readers.parse_user(row) for row in self.rows("/api/v1/users", cost=USERS_COST)]

    # Persons

    def get_person(self, person_id: str, *, include_fields: Sequence[str] = ()) -> Person:
        """Return one person; a deleted one may come back as such, or raise NotFound (pipedrive sheet §11)."""
        return self.persons.get(person_id, **_include(include_fields))

    def get_persons(self, ids: Iterable[str], *, include_fields: Sequence[str] = ()) -> list[Person]:
        """Return the people with these ids, 100 per call; deleted and invisible ones are missing."""
        return self.persons.many(ids, **_include(include_fields))

    def persons_page(
        self,
        cursor: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_LIMIT,
        **filters: Unpack[Filters],
    ) -> Page[Person]:
        """Return one page. Filters: org_id, deal_id, owner_id, filter_id, include_fields."""
        return self.persons.page(cursor, since, limit, **filters)

    def iter_persons(self, since: datetime | None = None, **filters: Unpack[Filters]) -> Iterator[Person]:
        return self.persons.walk(since, **filters)

    def create_person(self, values: Values) -> Person:
        """Create a person. Nothing is unique at Pipedrive: look first (pipedrive sheet §11)."""
        return self.persons.create(person_body(values, self._person_types(values), None))

    def update_person(self, person_id: str, values: Values) -> Person:
        """Change the given values; absent ones stay. `email` and `phone` replace the primary one only."""
        current = self.get_person(person_id) if needs_current(values) else None
        return self.persons.change(person_id, person_body(values, self._person_types(values), current))

    def count_persons_at_most(self) -> int:
        """Return the highest id as the most there can be: v2 lists have no total (pipedrive sheet §4)."""
        page = self.persons.page(None, None, 1, sort_direction="desc")
        return int(page.records[0].id) if page.records else 0

    def search_persons(self, email: str) -> list[Found]:
        """Find people by exact address. The index lags: someone just created may be missing for a moment."""
        return [row for row in self._search("/api/v2/persons/search", email, fields="email") if row.type == "person"]

    def search_persons_by_name(self, name: str) -> list[Found]:
        """Find people by a part of their name, two characters or more."""
        found = self._search("/api/v2/persons/search", name, fields="name", exact=False)
        return [row for row in found if row.type == "person"]

    def _person_types(self, values: Values) -> Mapping[str, str]:
        custom = values.get("custom_fields")
        return self.field_types("person", custom.keys() if isinstance(custom, Mapping) else None) if custom else {}

    # Organizations

    def get_organizations(self, ids: Iterable[str], *, include_fields: Sequence[str] = ()) -> list[Organization]:
        return self.organizations.many(ids, **_include(include_fields))

    def organizations_page(
        self,
        cursor: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_LIMIT,
        **filters: Unpack[Filters],
    ) -> Page[Organization]:
        return self.organizations.page(cursor, since, limit, **filters)

    def create_organization(self, values: Values) -> Organization:
        return self.organizations.create(self.organizations.body(values))

    def update_organization(self, organization_id: str, values: Values) -> Organization:
        return self.organizations.change(organization_id, self.organizations.body(values))

    # Deals, pipelines, stages

    def get_deals(self, ids: Iterable[str], *, include_fields: Sequence[str] = ()) -> list[Deal]:
        return self.deals.many(ids, **_include(include_fields))

    def deals_page(
        self,
        cursor: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_LIMIT,
        **filters: Unpack[Filters],
    ) -> Page[Deal]:
        """Return one page, archived deals excluded. Filters: person_id, org_id, pipeline_id, stage_id, status, …."""
        return self.deals.page(cursor, since, limit, **filters)

    def iter_deals(self, since: datetime | None = None, **filters: Unpack[Filters]) -> Iterator[Deal]:
        return self.deals.walk(since, **filters)

    def create_deal(self, values: Values) -> Deal:
        return self.deals.create(self.deals.body(values))

    def deal_products(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """Return deal id → names of the products attached to it, 100 deals per call."""
        return products.of_deals(self, ids)

    def get_pipelines(self) -> list[Pipeline]:
        return [readers.parse_pipeline(row) for row in self.all_v2("/api/v2/pipelines", cost=SHORT_LIST_COST)]

    def get_stages(self, pipeline_id: str = "") -> list[Stage]:
        query = {"pipeline_id": pipeline_id} if pipeline_id else {}
        return [readers.parse_stage(row) for row in self.all_v2("/api/v2/stages", cost=SHORT_LIST_COST, **query)]

    # Leads, activities, notes

    def get_lead(self, lead_id: str) -> Lead:
        return self.leads.get(lead_id)

    def leads_page(
        self, cursor: str | None = None, since: datetime | None = None, **filters: Unpack[Filters]
    ) -> Page[Lead]:
        """Return one page, archived leads excluded. Filters: person_id, organization_id, owner_id."""
        return self.leads.page(cursor, since, PAGE_LIMIT, **filters)

    def create_lead(self, values: Values) -> Lead:
        """Create a lead: `title` and `person_id` or `organization_id`; `value` is {"amount", "currency"}."""
        return self.leads.create(self.leads.body(values))

    def update_lead(self, lead_id: str, values: Values) -> Lead:
        return self.leads.change(lead_id, self.leads.body(values))

    def get_activities(self, ids: Iterable[str]) -> list[Activity]:
        """Return the activities with these ids, 100 per call; deleted and invisible ones are missing."""
        return self.activities.many(ids)

    def activities_page(
        self,
        cursor: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_LIMIT,
        **filters: Unpack[Filters],
    ) -> Page[Activity]:
        return self.activities.page(cursor, since, limit, **filters)

    def create_activity(self, values: Values) -> Activity:
        """Create an activity. A person goes in `participants`; `person_id` is read only (pipedrive sheet §10)."""
        return self.activities.create(self.activities.body(values))

    def get_activity_types(self) -> list[ActivityType]:
        """Return the kinds of activities the company uses; an activity's `type` is the key of one."""
        found = [readers.parse_activity_type(row) for row in self.rows("/api/v1/activityTypes", cost=TYPES_COST)]
        return [row for row in found if row.active]

    def notes_page(
        self, cursor: str | None = None, since: datetime | None = None, **filters: Unpack[Filters]
    ) -> Page[Note]:
        """Return one page. Filters: person_id, org_id, deal_id, lead_id."""
        return self.notes.page(cursor, since, PAGE_LIMIT, **filters)

    def get_note(self, note_id: str) -> Note:
        """Return one note; a deleted one comes back as such (pipedrive sheet §17)."""
        return self.notes.get(note_id)

    def create_note(self, values: Values) -> Note:
        """Create a note: `content` (HTML) and at least one of person_id, org_id, deal_id, lead_id."""
        return self.notes.create(self.notes.body(values))

    # Search and merge

    def search_items(
        self, term: str, item_types: Sequence[str], *, fields: str = "", exact: bool = False
    ) -> list[Found]:
        """Search several kinds of records at once; at most 100 hits."""
        return self._search("/api/v2/itemSearch", term, fields, exact=exact, item_types=",".join(item_types))

    def _search(self, path: str, term: str, fields: str = "", *, exact: bool = True, **params: Any) -> list[Found]:
        term = term.strip()
        if len(term) < (1 if exact else SHORTEST_TERM):
            return []
        query = {"term": term, "exact_match": "true" if exact else "false", "limit": 100, **params}
        query |= {"fields": fields} if fields else {}
        data = self.call("GET", path, effect=Effect.READ, cost=SEARCH_COST, params=query, search=True)["data"]
        return readers.parse_search(data)

    def merge(self, object_type: str, loser_id: str, survivor_id: str) -> str:
        """Merge the first person, organization or deal into the second; returns the id that lives on, as told."""
        path = f"/api/v1/{MERGE_PATHS[object_type]}/{segment(loser_id)}/merge"
        body = {"merge_with_id": int(survivor_id) if survivor_id.isdigit() else survivor_id}
        return str(self.write("PUT", path, body, cost=MERGE_COST, stored={"id": survivor_id}).get("id") or survivor_id)

    # Webhooks

    def create_webhook(self, body: Mapping[str, JSONValue]) -> str:
        """Create a webhook and return its id. Raises TenantActionError `webhook_limit` when there are 40 already."""
        return str(self.write("POST", "/api/v1/webhooks", body, cost=10).get("id") or "")

    def list_webhooks(self) -> list[Row]:
        return self.rows("/api/v1/webhooks", cost=10)

    def delete_webhook(self, webhook_id: str) -> None:
        self.call("DELETE", f"/api/v1/webhooks/{segment(webhook_id)}", effect=Effect.WRITE, cost=6)


def _no_types(keys: Iterable[str] | None) -> Mapping[str, str]:
    """Activities and notes have no custom fields."""
    return {}


def _include(names: Sequence[str]) -> dict[str, str]:
    return {"include_fields": ",".join(names)} if names else {}


def _account(me: Row) -> Account:
    details = {
        "company_domain": me.get("company_domain"), "country": me.get("company_country"),
        "user_id": me["id"], "user_name": me.get("name"),
    }  # fmt: skip
    name = str(me.get("company_name") or me.get("company_domain") or me["company_id"])
    kept = {key: str(value or "") for key, value in details.items()}
    if zone := me.get("timezone_name"):  # the user's; Pipedrive tells none of the company
        kept["time_zone"] = str(zone)
    return Account(str(me["company_id"]), name, kept, administered=_administers(me, "account_settings"))


def _administers(me: Row, app: str) -> bool:
    """Whether the user is an administrator of that part of the company (spec v1, UserAccess). Not told is No."""
    access = me.get("access")
    parts = access if isinstance(access, list) else []
    return any(isinstance(part, dict) and part.get("app") == app and part.get("admin") is True for part in parts)
