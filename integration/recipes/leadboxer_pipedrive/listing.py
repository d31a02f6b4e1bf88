"""The list of leads, page by page, newest first, and where a walk over it goes on.

A page's token is good for ten minutes (leadboxer sheet §3) and each endpoint answers ten calls a minute, so a token may
be lost on the way. Then the walk begins anew and passes over the leads it has handed out; each page it reads counts as
done, so however slow the vendor is, it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from integration.connectors.leadboxer.records import Lead
from integration.connectors.leadboxer.records import Page as VendorPage
from integration.errors import ContractError, RecordError
from integration.recipes.leadboxer_pipedrive.session import Session
from integration.recipes.leadboxer_pipedrive.state import ListPlace

TOKEN_AGE = timedelta(minutes=9)  # of the ten it is good for
MOST_RESTARTS = 3  # in a row, without one lead that was not met before


class Leads(NamedTuple):
    """One page of leads. `place` is None at the end of the list."""

    rows: Sequence[Lead]
    place: ListPlace | None
    unreadable: Mapping[str, str]


def page(
    ctx: Session, dataset: str, criteria: Mapping[str, str], place: ListPlace, look_back: datetime | None, limit: int
) -> Leads:
    """The leads after `place`. The list ends at the first one that was last seen before `look_back`."""
    token = usable_token(place)
    found = _asked(ctx, dataset, criteria, token, limit)
    restarted = place.last is not None and (token is None or _begins_anew(found, place))
    recent = [lead for lead in found.leads if look_back is None or lead.last_event >= look_back]
    rows, ended = [lead for lead in recent if _further(lead, place)], len(recent) < len(found.leads)
    if found.next_token is None or ended:
        return Leads(rows, None, found.unreadable)
    last = found.leads[-1].last_event.isoformat() if found.leads else place.last
    reached = rows[-1].last_event.isoformat() if rows else place.reached
    after = ListPlace(
        token=found.next_token,
        at=timezone.now().isoformat(),
        first=found.leads[0].id if found.leads else place.first,
        last=last,
        reached=reached,
        restarts=_restarts(place, restarted=restarted, new=reached != place.reached),
    )
    return Leads(rows, after, found.unreadable)


def usable_token(place: ListPlace) -> str | None:
    """The token a walk goes on with. None at its beginning, and where the token has become too old."""
    if place.at is None or timezone.now() - datetime.fromisoformat(place.at) > TOKEN_AGE:
        return None
    return place.token


def _asked(ctx: Session, dataset: str, criteria: Mapping[str, str], token: str | None, limit: int) -> VendorPage:
    try:
        return ctx.left.leads_page(dataset, criteria, token, limit)
    except RecordError:
        if token is None:
            raise
        return ctx.left.leads_page(dataset, criteria, None, limit)  # the token is not taken any more


def _begins_anew(found: VendorPage, place: ListPlace) -> bool:
    """Whether this page is the one before it, or lies before its end: the vendor took no note of the token."""
    if not found.leads or place.last is None:
        return False
    return found.leads[0].id == place.first or found.leads[0].last_event > datetime.fromisoformat(place.last)


def _further(lead: Lead, place: ListPlace) -> bool:
    """Whether a lead was not handed out yet. Those of the same moment are handed out again: each is brought once."""
    return place.reached is None or lead.last_event <= datetime.fromisoformat(place.reached)


def _restarts(place: ListPlace, *, restarted: bool, new: bool) -> int | None:
    """How often the walk began anew since it met a lead that was new to it. Raises ContractError for too often."""
    if new:
        return None
    count = (place.restarts or 0) + restarted
    if count > MOST_RESTARTS:
        raise ContractError("LeadBoxer's list of leads does not lead on.", detail=f"began anew {count} times")
    return count or None
