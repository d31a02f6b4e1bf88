"""What a visit becomes: kind, subject and note of its activity. Pure: no call, no database.

One activity per visit. The strongest thing that happened names it: a form before a clicked mail, an opened mail, what
the customer named itself, and page views. The note lists all of it with the addresses as they were, because the
customer's own automations in Pipedrive look for them there (leadboxer sheet §7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TypedDict

from integration.connectors.leadboxer.records import Event
from integration.recipes.leadboxer_pipedrive.settings import Settings

FORM, CLICK, OPEN, OTHER, PAGES = "form", "click", "open", "other", "pages"
ORDER = (FORM, CLICK, OPEN, OTHER, PAGES)
# An event's title is free text, for page views often that of the page; these are ways to name the others (the vendor's
# guides use "Form-Submit" and speak of email open and click, sheet §2). The first that fits counts.
KINDS = (
    (FORM, re.compile(r"\bform[-_ ]*(submi|sent|fill)|\bsubmit(ted)?[-_ ]*form", re.I)),
    (CLICK, re.compile(r"mail[-_ ]*(link[-_ ]*)?click|click(ed)?[-_ ]*e?-?mail", re.I)),
    (OPEN, re.compile(r"mail[-_ ]*open|open(ed)?[-_ ]*e?-?mail", re.I)),
)
PAGE_VIEW = re.compile(r"page[-_ ]?view", re.I)
MARK = "LeadBoxer visit "
LONGEST_SUBJECT, MOST_LINES = 255, 100


class Content(TypedDict):
    """The values of an activity that come from the visit itself."""

    subject: str
    type: str
    note: str
    due_date: str
    due_time: str
    duration: str | None
    done: bool


def content(session_id: str, events: Sequence[Event], settings: Settings) -> Content:
    """The activity's own values. `events` are those of one visit, at least one, in the order they happened."""
    kind = strongest(events)
    first, last = events[0].at, events[-1].at
    seconds = int((last - first).total_seconds())
    return {
        "subject": _subject(kind, events)[:LONGEST_SUBJECT],
        "type": _type_of(kind, settings),
        "note": _note(session_id, events),
        "due_date": f"{first:%Y-%m-%d}",
        "due_time": f"{first:%H:%M:%S}",
        "duration": f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}" if seconds < 86400 else None,
        "done": True,
    }


def mark_of(session_id: str) -> str:
    """What an activity's note ends with: by it the activity is found when the answer of its creation was lost."""
    return f"{MARK}{session_id}"


def kind_of(event: Event) -> str:
    """What kind of event this is, by its title. One with an address that is nothing else is a page view."""
    if found := next((kind for kind, pattern in KINDS if pattern.search(event.title)), ""):
        return found
    return PAGES if event.url or not event.title.strip() or PAGE_VIEW.search(event.title) else OTHER


def strongest(events: Iterable[Event]) -> str:
    """The kind that names a visit."""
    there = {kind_of(event) for event in events}
    return next(kind for kind in ORDER if kind in there)


def _type_of(kind: str, settings: Settings) -> str:
    """The kind of activity in Pipedrive that the tenant chose for this kind of visit."""
    if kind == FORM:
        return settings["type_form"]
    return settings["type_email"] if kind in (CLICK, OPEN) else settings["type_visit"]


def _subject(kind: str, events: Sequence[Event]) -> str:
    mine = [event for event in events if kind_of(event) == kind]
    if kind == PAGES:
        count = len(_addresses(mine)) or len(mine)
        return f"Website visit: {count} page{'' if count == 1 else 's'}"
    if kind == OTHER:
        return f"Website event: {mine[0].title.strip()}"
    return {FORM: "Form submitted", CLICK: "E-mail link clicked", OPEN: "E-mail opened"}[kind]


def _note(session_id: str, events: Sequence[Event]) -> str:
    """HTML. Each page once, in order; other events with their name."""
    lines: dict[str, None] = {}
    for event in events:
        named = "" if kind_of(event) == PAGES else f"{event.title.strip()}: " if event.url else event.title.strip()
        lines[f"<li>{escape(named)}{escape(event.url, quote=False)}</li>"] = None
    shown = [line for line in lines if line != "<li></li>"]
    more = f"<li>and {len(shown) - MOST_LINES} more</li>" if len(shown) > MOST_LINES else ""
    return f"<ul>{''.join(shown[:MOST_LINES])}{more}</ul><p>{escape(mark_of(session_id))}</p>"


def _addresses(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.url for event in events if event.url))
