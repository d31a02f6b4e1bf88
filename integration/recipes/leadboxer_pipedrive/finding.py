"""Find or create people and organizations in Pipedrive, many leads at a time.

Nothing is unique there, and its search costs twenty reads and lags (pipedrive sheet §6, §11). So who has which address,
domain and name is kept in our index: read once in full, then what changed since, which is a call or two per slice. What
the index knows is confirmed a hundred per call. A search comes only before a person is created, whose row may have been
erased here. That the index is brought up to date first is also what finds a record whose creation lost its answer: no
second one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from django.utils import timezone

from integration.connectors.leadboxer.records import Lead, domain_of
from integration.connectors.pipedrive.records import Organization, Page, Person
from integration.engine.api import cursors, identity_index
from integration.errors import GaveWay, RateLimited, RecordError, TransientError
from integration.models import IdentityIndex, ReferenceCache
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.state import WalkState
from integration.secrets import email_hash

PERSON, DOMAIN, NAME = "person", "organization_domain", "organization_name"
FRESH = "index_fresh"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
DEALS = "open_deals_count"
LONGEST = 255  # of a name
V = TypeVar("V", Person, Organization)


@dataclass
class Finder:
    """What Pipedrive has for one batch of leads. Made by `look_up`; grows as records are created."""

    ctx: Session
    people: dict[str, Person] = field(default_factory=dict)  # by address
    organizations: dict[str, Organization] = field(default_factory=dict)  # by `domain:…` and `name:…`

    def organization(self, lead: Lead) -> tuple[str, bool]:
        """Id of the lead's organization, and whether it had to be created; empty where the lead names none."""
        keys = organization_keys(lead)
        known = next((self.organizations[key] for key in keys if key in self.organizations), None)
        if known is not None:
            self._keep(known, keys)
            return known.id, False
        if not keys:
            return "", False
        values = {"name": (lead.organization or lead.domain)[:LONGEST], "website": lead.domain or None}
        made = self._create(lambda: self.ctx.right.create_organization(_given(values)))
        self._keep(made, keys)
        remember_organizations(self.ctx, [made])
        return made.id, True

    def find_person(self, lead: Lead) -> Person | None:
        """The person with the lead's address."""
        known = self.people.get(lead.email) or self._searched_person(lead.email)
        if known is not None:
            self.people[lead.email] = known
        return known

    def create_person(self, lead: Lead, organization_id: str) -> Person:
        """Create the lead's person, in this organization if there is one. Look first."""
        values = {"name": (lead.name or lead.email)[:LONGEST], "email": lead.email, "org_id": organization_id or None}
        made = self._create(lambda: self.ctx.right.create_person(_given(values)))
        self.people[lead.email] = made
        remember_people(self.ctx, [made])
        return made

    def _searched_person(self, email: str) -> Person | None:
        """Somebody whose row in the index was erased; of several, the oldest."""
        ids = [hit.id for hit in self.ctx.right.search_persons(email)]
        found = self.ctx.right.get_persons(ids, include_fields=(DEALS,)) if ids else []
        remember_people(self.ctx, found)
        return min((row for row in found if not row.is_deleted), key=lambda row: _age(row.id), default=None)

    def _create(self, create: Callable[[], V]) -> V:
        try:
            return create()
        except RateLimited:
            raise  # nothing was carried out
        except TransientError:
            self.ctx.cache.pop(FRESH, None)  # it may exist now: the next look brings the index up to date first
            raise

    def _keep(self, organization: Organization, keys: Iterable[str]) -> None:
        for key in keys:
            self.organizations.setdefault(key, organization)


def look_up(ctx: Session, leads: Sequence[Lead], *, people: bool = True, organizations: bool = True) -> Finder:
    """Look all these leads' people and organizations up at once."""
    finder = Finder(ctx)
    refresh(ctx, people=people, organizations=organizations)
    if people:
        digests = {email_hash(lead.email): lead.email for lead in leads if lead.email}
        owners = _owners(ctx, PERSON, digests)
        alive = {row.id: row for row in ctx.right.get_persons(owners, include_fields=(DEALS,))} if owners else {}
        _forget(ctx, PERSON, set(owners) - set(alive))
        for person_id, mine in sorted(owners.items(), key=_by_age):
            for digest in mine:
                if person_id in alive:
                    finder.people.setdefault(digests[digest], alive[person_id])
    if organizations:
        _look_up_organizations(ctx, finder, leads)
    return finder


def _look_up_organizations(ctx: Session, finder: Finder, leads: Sequence[Lead]) -> None:
    digests = {email_hash(key): key for lead in leads for key in organization_keys(lead)}
    owners = {**_owners(ctx, NAME, digests)}
    for organization_id, mine in _owners(ctx, DOMAIN, digests).items():
        owners[organization_id] = owners.get(organization_id, set()) | mine
    alive = {row.id: row for row in ctx.right.get_organizations(owners)} if owners else {}
    for kind in (DOMAIN, NAME):
        _forget(ctx, kind, set(owners) - set(alive))
    for organization_id, mine in sorted(owners.items(), key=_by_age):
        for digest in mine:
            if organization_id in alive:
                finder.organizations.setdefault(digests[digest], alive[organization_id])


def organization_keys(lead: Lead) -> list[str]:
    """What a lead's organization is found by, the domain before the name."""
    keys = [f"domain:{lead.domain}"] if lead.domain else []
    return [*keys, *([f"name:{lead.organization.lower()}"] if lead.organization else [])]


def refresh(ctx: Session, *, people: bool, organizations: bool) -> None:
    """Bring the index up to date, once per slice. Goes on where it stopped: the place is kept after each page."""
    fresh: set[str] = ctx.cache.setdefault(FRESH, set())
    if people and "person" not in fresh:
        _walk(ctx, "person", ctx.right.persons_page, remember_people)
        fresh.add("person")
    if organizations and "organization" not in fresh:
        _walk(ctx, "organization", ctx.right.organizations_page, remember_organizations)
        fresh.add("organization")


def _walk(
    ctx: Session,
    name: str,
    turn: Callable[[str | None, datetime], Page[V]],
    remember: Callable[[Session, Iterable[V]], None],
) -> None:
    """Read what changed. A walk that a limit stopped goes on at its page: many may have changed in one second."""
    place, _ = ReferenceCache.objects.get_or_create(
        connection=ctx.integration.right, kind=f"walk:{name}:{ctx.integration.pk}"[:60],
        defaults={"fetched_at": timezone.now()},
    )  # fmt: skip
    stopped = WalkState.read(place.entries)
    cursor = stopped.cursor
    if stopped.since:
        since = datetime.fromisoformat(stopped.since)
    else:
        since = cursors.since(ctx.integration, name, BEGINNING)
    while True:
        try:
            page = turn(cursor, since)
        except RecordError:
            if cursor is None:
                raise
            page = turn(None, since)  # the cursor is not taken any more: from the start
        remember(ctx, page.records)
        moments = [row.update_time for row in page.records if row.update_time is not None]
        if moments:
            cursors.advance(ctx.integration, name, max(moments))
        cursor = page.next_cursor
        place.entries = WalkState(since=since.isoformat(), cursor=cursor).stored if cursor else {}
        place.save(update_fields=["entries"])
        if cursor is not None and not ctx.time_left():
            raise GaveWay
        if cursor is None:
            return


def remember_people(ctx: Session, people: Iterable[Person]) -> None:
    """Put people's addresses into the index."""
    rows = {person.id: [point.value for point in person.emails] for person in people if not person.is_deleted}
    identity_index.remember(ctx.integration.right, PERSON, rows)


def remember_organizations(ctx: Session, organizations: Iterable[Organization]) -> None:
    """Put organizations' names and the domains of their websites into the index."""
    rows = [row for row in organizations if not row.is_deleted]
    domains = {row.id: [f"domain:{domain}"] if (domain := domain_of(row.website)) else [] for row in rows}
    identity_index.remember(ctx.integration.right, DOMAIN, domains)
    identity_index.remember(ctx.integration.right, NAME, {row.id: [f"name:{row.name.strip().lower()}"] for row in rows})


def _owners(ctx: Session, kind: str, digests: Iterable[str]) -> dict[str, set[str]]:
    """Record id → those of the hashes it has."""
    rows = IdentityIndex.objects.filter(
        connection=ctx.integration.right, object_type=kind, email_hash__in=list(digests)
    )
    found: dict[str, set[str]] = {}
    for external_id, digest in rows.values_list("external_id", "email_hash"):
        found.setdefault(external_id, set()).add(digest)
    return found


def _forget(ctx: Session, kind: str, gone: set[str]) -> None:
    """Drop records that were deleted or merged away since."""
    if gone:
        IdentityIndex.objects.filter(connection=ctx.integration.right, object_type=kind, external_id__in=gone).delete()


def _by_age(entry: tuple[str, set[str]]) -> tuple[int, str]:
    return _age(entry[0])


def _age(record_id: str) -> tuple[int, str]:
    """The oldest record first: the one people meant when there were no others yet."""
    return (int(record_id) if record_id.isdigit() else 0, record_id)


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}
