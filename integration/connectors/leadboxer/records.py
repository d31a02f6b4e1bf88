"""LeadBoxer's objects as frozen dataclasses, read from its flat rows. Ids are text, times are aware UTC.

Nearly everything comes as text, also numbers; an empty text means unknown, like an absent key (sheet §4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from config.json_value import JSONValue
from integration.addresses import is_free_mail, normalise
from integration.errors import ContractError

# Assumed, the vendor's texts tell no answer of these lists: the names a lead's row uses, then the plain ones.
SESSION_IDS = ("session_id", "sessionId", "id")
EVENT_IDS = ("event_id", "eventId", "id")
TIMES = ("lastEvent", "eventUnixTimestamp", "eventEsTimestamp", "timestamp")
URLS = ("original_url", "last_original_url", "url", "root_url")
TITLES = ("title", "eventTitle", "event_title", "ti")
SCORES = ("leadscore", "leadScore", "lead_score")  # not esScore: that is how well a search fits
# Key in a stored segment → parameter of the list of leads (sheet §3, §5).
CRITERIA = {
    "search": "search", "textFilter": "criteriaTextFilter", "numberFilter": "criteriaNumberFilter",
    "timeFilter": "criteriaTimeFilter", "fieldFilter": "criteriaFieldFilter",
    "exitLinkFilter": "criteriaExitLinkFilter", "leadscoreFilter": "criteriaLeadscoreFilter",
    "displayFilter": "criteriaDisplayFilter",
}  # fmt: skip


@dataclass(frozen=True)
class Lead:
    """One visitor's profile. `values` has every flat key that is known, the customer's own properties too."""

    id: str
    last_event: datetime
    email: str = ""
    name: str = ""
    organization: str = ""
    domain: str = ""
    score: float | None = None
    values: Mapping[str, JSONValue] = field(default_factory=dict)


class Page(NamedTuple):
    """One page of leads. `next_token` is good for ten minutes (sheet §3); None at the end."""

    leads: tuple[Lead, ...]
    next_token: str | None
    unreadable: Mapping[str, str] = {}  # id → what is wrong with a lead that is left out for it


@dataclass(frozen=True)
class Session:
    """One visit. `last_event` is None where the vendor does not tell it."""

    id: str
    last_event: datetime | None = None


@dataclass(frozen=True)
class Event:
    """One thing a visitor did: a page view, a form, an opened mail, or what the customer calls it."""

    id: str
    at: datetime
    title: str = ""
    url: str = ""


@dataclass(frozen=True)
class Dataset:
    """One tracked site. `account_id` is empty where the vendor does not tell it."""

    id: str
    name: str
    account_id: str = ""
    account_name: str = ""


@dataclass(frozen=True)
class Segment:
    """A saved set of criteria, as parameters of the list of leads."""

    id: str
    name: str
    criteria: Mapping[str, str] = field(default_factory=dict)


def parse_lead(row: Mapping[str, JSONValue]) -> Lead:
    """Read a lead. Raises ContractError without an id or a time."""
    values = {key: value for key, value in row.items() if _is_plain(value)}
    if score := _text(row, SCORES):
        values[SCORES[0]] = score  # whatever the vendor calls it, mappings know it by one name
    return Lead(
        id=_id(row, ("use_id",)),
        last_event=_moment(row, TIMES) or _missing("the time of its last event"),
        email=normalise(_text(row, ("email",))).lower(),
        name=_text(row, ("fullName",)) or f"{_text(row, ('firstName',))} {_text(row, ('lastName',))}".strip(),
        organization=_text(row, ("organizationName",)),
        domain=_company_domain(_text(row, ("organizationDomain",))),
        score=_number(row, SCORES),
        values=values,
    )  # fmt: skip


def parse_session(row: Mapping[str, JSONValue]) -> Session:
    return Session(_id(row, SESSION_IDS), _moment(row, TIMES))


def parse_event(row: Mapping[str, JSONValue]) -> Event:
    at = _moment(row, TIMES) or _missing("the time of an event")
    return Event(_text(row, EVENT_IDS), at, _text(row, TITLES), _text(row, URLS))


def parse_dataset(row: Mapping[str, JSONValue]) -> Dataset:
    found = _id(row, ("datasetId", "id", "site"))
    name = _text(row, ("humanName", "name", "datasetName")) or found
    return Dataset(found, name, _text(row, ("accountId", "account_id")), _text(row, ("accountName",)))


def parse_segment(row: Mapping[str, JSONValue]) -> Segment:
    found = _id(row, ("segmentId", "smartlistId", "id"))
    criteria = {param: _text(row, (key, param)) for key, param in CRITERIA.items()}
    wanted = {param: value for param, value in criteria.items() if value and (param, value) != ("search", "*")}
    return Segment(found, _text(row, ("name", "segmentName")) or found, wanted)


def domain_of(text: str) -> str:
    """A domain as it is compared: of an address or a web address too, in lower case, without www."""
    found = text.strip().lower().rpartition("@")[2]
    try:
        host = urlsplit(found if "//" in found else f"//{found}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").rstrip(".") if "." in host else ""


def _company_domain(text: str) -> str:
    """The domain of a lead's company; that of a mail provider is nobody's company."""
    found = domain_of(text)
    return "" if is_free_mail(found) else found


def _is_plain(value: JSONValue) -> bool:
    return isinstance(value, (str, int, float, bool)) and value != ""


def _text(row: Mapping[str, JSONValue], names: tuple[str, ...]) -> str:
    return next((str(row[name]).strip() for name in names if _is_plain(row.get(name))), "")


def _id(row: Mapping[str, JSONValue], names: tuple[str, ...]) -> str:
    """An id as text; a lead's id looks like a number and must never become one (sheet §2)."""
    found = next((row[name] for name in names if row.get(name) not in (None, "")), None)
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        raise ContractError("LeadBoxer sent a record without an id.", detail=f"keys: {sorted(row)[:20]}")
    return str(found)


def _number(row: Mapping[str, JSONValue], names: tuple[str, ...]) -> float | None:
    text = _text(row, names)
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(row: Mapping[str, JSONValue], names: tuple[str, ...]) -> datetime | None:
    """Milliseconds since 1970, as number or text."""
    text = _text(row, names)
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise ContractError("LeadBoxer sent a time in an unknown form.", detail=text[:40]) from exc


def _missing(what: str) -> datetime:
    raise ContractError(f"LeadBoxer did not send {what}.")
