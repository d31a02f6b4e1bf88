"""The criteria of `GET /leads` and of segments: `field|operator|value`, several by commas (sheet §3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.http import Record
from sandbox.leadboxer.model import Lead

# Key of a stored segment in the older API → parameter of the list of leads.
PARAMETERS = {
    "textFilter": "criteriaTextFilter", "numberFilter": "criteriaNumberFilter", "timeFilter": "criteriaTimeFilter",
    "fieldFilter": "criteriaFieldFilter", "exitLinkFilter": "criteriaExitLinkFilter",
    "leadscoreFilter": "criteriaLeadscoreFilter", "displayFilter": "criteriaDisplayFilter",
}  # fmt: skip


class BadFilter(Exception):
    """A criterion of no known form."""


Keep = Callable[[Lead], bool]
TIME_FIELDS = {"eventEsTimestamp": "last", "first_session_unix_timestamp": "first"}
PERSON_KEYS = ("email", "firstName", "lastName")
COMPANY_KEYS = ("organizationName", "organizationDomain")
TEXT: dict[str, Callable[[str, str], bool]] = {
    "is": lambda text, value: text == value,
    "isnot": lambda text, value: text != value,
    "contains": lambda text, value: value in text,
    "doesnotcontain": lambda text, value: value not in text,
}
NUMBER: dict[str, Callable[[float, list[float]], bool]] = {
    "greaterthan": lambda number, values: number > values[0],
    "lessthan": lambda number, values: number < values[0],
    "is": lambda number, values: number == values[0],
    "isnot": lambda number, values: number != values[0],
    "between": lambda number, values: values[0] <= number <= values[-1],
    "notbetween": lambda number, values: not values[0] <= number <= values[-1],
}


def parts(raw: str) -> list[list[str]]:
    """Split a criterion into its `field|operator|value`s. Raises BadFilter."""
    found = [item.split("|") for item in raw.split(",") if item]
    if any(len(item) != 3 for item in found):
        raise BadFilter("A filter has the form field|operator|value")
    return found


def by_text(raw: str) -> Keep:
    tests = [(field, _operator(TEXT, operator), value.lower()) for field, operator, value in parts(raw)]
    return lambda lead: all(test(str(lead.values.get(field, "")).lower(), value) for field, test, value in tests)


def by_number(raw: str) -> Keep:
    tests = []
    for field, operator, value in parts(raw):
        try:
            tests.append((field, _operator(NUMBER, operator), [float(item) for item in value.split("-")]))
        except ValueError as exc:
            raise BadFilter(f"{value} is not a number") from exc
    return lambda lead: all(test(_number(lead, field), values) for field, test, values in tests)


def by_field(raw: str) -> Keep:
    operator, _, names = raw.partition("|")
    if operator != "hasanyvalue":
        raise BadFilter("Unknown operator of the field filter")
    return lambda lead: any(lead.values.get(name) for name in names.split(";"))


def by_display(raw: str) -> Keep:
    wanted = set(raw.split(";"))
    return lambda lead: bool(wanted & kinds(lead))


def by_time(raw: str, zone: str, now: datetime) -> Keep:
    """Day by day in the zone of the call, never finer."""
    [(field, operator, value)] = parts(raw)[:1] or [["", "", ""]]
    if field not in TIME_FIELDS:
        raise BadFilter("Unknown field of the time filter")
    today = now.astimezone(ZoneInfo(zone)).date()
    try:
        if operator == "exactly":
            first = last = today - timedelta(days=int(value))
        elif operator == "lessthan":
            first, last = today - timedelta(days=int(value)), today
        elif operator == "between":
            first, last = (datetime.strptime(day, "%d/%m/%Y").date() for day in value.split("-"))  # noqa: DTZ007
        else:
            raise BadFilter("Unknown operator of the time filter")
    except ValueError as exc:
        raise BadFilter("The value of the time filter cannot be read") from exc

    def keep(lead: Lead) -> bool:
        moment = datetime.fromtimestamp(getattr(lead, TIME_FIELDS[field]) / 1000, UTC)
        return first <= moment.astimezone(ZoneInfo(zone)).date() <= last

    return keep


def kinds(lead: Lead) -> set[str]:
    person = any(lead.values.get(key) for key in PERSON_KEYS)
    company = any(lead.values.get(key) for key in COMPANY_KEYS)
    found = {name for name, there in (("person", person), ("company", company)) if there}
    return found or {"unidentified"}


def keeps(query: Record, now: datetime, zone: str, *, score_included: bool) -> list[Keep]:
    """The tests of all criteria that are given, by the names of the query."""
    readers: dict[str, Callable[[str], Keep]] = {
        "criteriaTextFilter": by_text,
        "criteriaNumberFilter": by_number,
        "criteriaFieldFilter": by_field,
        "criteriaDisplayFilter": by_display,
        "criteriaTimeFilter": lambda raw: by_time(raw, zone, now),
        "criteriaLeadscoreFilter": lambda raw: by_score(raw, included=score_included),
    }
    return [read(str(query[name])) for name, read in readers.items() if query.get(name)]


def by_score(raw: str, *, included: bool) -> Keep:
    if not raw.isdigit() or int(raw) > 100:
        raise BadFilter("The lead score is a number from 0 to 100")
    return lambda lead: lead.score > int(raw) or (included and lead.score == int(raw))


def _operator(table: dict[str, Callable[..., bool]], name: str) -> Callable[..., bool]:
    if name not in table:
        raise BadFilter(f"Unknown operator {name}")
    return table[name]


def _number(lead: Lead, field: str) -> float:
    try:
        return float(lead.values.get(field) or 0)
    except ValueError:
        return 0.0
