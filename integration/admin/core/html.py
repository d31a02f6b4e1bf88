"""How values look in the console: times, words with a sign, reasons with cause and fix, changes, JSON.

Everything that came from a vendor or a person goes through `format_html`, so it is shown and never interpreted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONObject, JSONValue
from config.texts import StrOrPromise
from integration.admin.core.masking import mask, mask_document, mask_key, mask_words
from integration.recipes.registry import reason_text

Html = SafeString | str
EMPTY = "–"
SHORT = 120  # characters of a vendor's answer that need no unfolding
SHOWN_CHARACTERS = 50_000  # of one document; more would only make the page slow


@dataclass(frozen=True)
class Badge:
    """A state in words, with a colour and a sign that says the same."""

    tone: str
    icon: str
    word: StrOrPromise

    def __html__(self) -> str:
        return format_html(
            '<span class="ls-badge ls-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>'
            "{}</span>",
            self.tone,
            self.icon,
            self.word,
        )

    def __str__(self) -> str:
        return self.__html__()


MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
Cell = Html | Badge | int  # what a table shows

GREEN, BLUE, AMBER, RED, GREY = "green", "blue", "amber", "red", "grey"
BADGES: Mapping[str, Mapping[str, Badge]] = {
    "health": {
        "ok": Badge(GREEN, "check_circle", _("Connected")),
        "unchecked": Badge(GREY, "help", _("Not checked yet")),
        "needs_you": Badge(AMBER, "error", _("Needs attention")),
        "disconnected": Badge(GREY, "link_off", _("Disconnected")),
    },
    "outcome": {
        "synced": Badge(GREEN, "check_circle", _("Synced")),
        "skipped": Badge(GREY, "skip_next", _("Skipped")),
        "failed": Badge(RED, "cancel", _("Failed")),
        "retrying": Badge(BLUE, "autorenew", _("Trying again")),
        "held": Badge(AMBER, "pan_tool", _("Held")),
    },
    "job": {
        "waiting": Badge(BLUE, "schedule", _("Waiting")),
        "running": Badge(BLUE, "autorenew", _("Running")),
        "done": Badge(GREEN, "check_circle", _("Done")),
        "dead": Badge(RED, "cancel", _("Dead")),
        "held": Badge(AMBER, "pan_tool", _("Held")),
    },
    "event": {
        "new": Badge(BLUE, "schedule", _("New")),
        "routed": Badge(GREEN, "check_circle", _("Routed")),
        "ignored": Badge(GREY, "skip_next", _("Ignored")),
    },
    "run": {
        "waiting": Badge(BLUE, "schedule", _("Waiting")),
        "running": Badge(BLUE, "autorenew", _("Running")),
        "done": Badge(GREEN, "check_circle", _("Done")),
        "cancelled": Badge(GREY, "block", _("Cancelled")),
        "failed": Badge(RED, "cancel", _("Failed")),
    },
    "link": {
        "pending": Badge(BLUE, "schedule", _("Pending")),
        "active": Badge(GREEN, "link", _("Linked")),
        "removed": Badge(GREY, "link_off", _("Removed")),
    },
}


def badge(kind: str, value: str) -> Badge:
    """The words and sign for a stored state."""
    return BADGES[kind].get(value) or Badge(GREY, "help", value or _("unknown"))


def ago(moment: datetime) -> str:
    """A moment as a person would say it: "40 seconds ago", "in 5 minutes"."""
    seconds = (timezone.now() - moment).total_seconds()
    if abs(seconds) < 1:
        return gettext("just now")
    text = gettext("{time} ago") if seconds >= 0 else gettext("in {time}")
    return text.format(time=duration(abs(seconds)))


def duration(seconds: float) -> str:
    """A length of time in its largest sensible unit."""
    if seconds < 1:
        return gettext("less than a second")
    if seconds >= DAY:
        count = int(seconds // DAY)
        return ngettext("{count} day", "{count} days", count).format(count=count)
    if seconds >= HOUR:
        count = int(seconds // HOUR)
        return ngettext("{count} hour", "{count} hours", count).format(count=count)
    if seconds >= MINUTE:
        count = int(seconds // MINUTE)
        return ngettext("{count} minute", "{count} minutes", count).format(count=count)
    count = int(seconds)
    return ngettext("{count} second", "{count} seconds", count).format(count=count)


def when(moment: datetime | None) -> Html:
    """Relative time; the absolute one with its zone on hover and for machines."""
    if moment is None:
        return EMPTY
    local = timezone.localtime(moment)
    return format_html(
        '<time class="ls-nowrap" datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{date_format(local, 'j M Y, H:i:s')} {local.tzname()}",
        ago(moment),
    )


def number(count: int, *, cap: int | None = None) -> str:
    """1,204 or, where counting stopped, 10,000+."""
    return f"{cap:,}+" if cap is not None and count > cap else f"{count:,}"


def pretty(value: JSONValue) -> Html:
    """A JSON document to read."""
    value = mask(value)
    if value in (None, "", {}, []):
        return EMPTY
    return _box(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def block(text: str) -> Html:
    """Text as it is, in a box of its own; JSON is laid out."""
    if not text:
        return EMPTY
    if text[:1] in "{[":
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            pass
    return _box(mask_document(text))


def _box(text: str) -> Html:
    return format_html('<pre class="ls-pre" tabindex="0">{}</pre>', text[:SHOWN_CHARACTERS])


def url_of(row: models.Model) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def url_of_list(model: type[models.Model], **filters: str | int | UUID) -> str:
    """The address of a filtered list."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def door(row: models.Model | None, text: str = "") -> Html:
    """A link to a row."""
    if row is None:
        return EMPTY
    return format_html('<a class="text-link" href="{}">{}</a>', url_of(row), text or str(row))


def doors(rows: Sequence[tuple[str, str]]) -> Html:
    """Several links (address, text) in a row."""
    return format_html_join(" · ", '<a class="text-link" href="{}">{}</a>', rows)


def reason_line(code: str, recipe: str = "") -> str:
    """What happened, as one line for lists; in the words of the recipe, where one is known."""
    known = reason_text(code, recipe)
    return str(known.what) if known else ""


def reason(code: str, detail: str = "", recipe: str = "") -> Html:
    """What happened, the likely cause and the fix; the vendor's own words below."""
    if not code and not detail:
        return EMPTY
    detail = mask_words(detail)
    known = reason_text(code, recipe)
    if known and known.asks_nothing and not detail:
        quiet = '<div class="ls-reason">{} <span class="ls-quiet">{}</span></div>'
        return format_html(quiet, known.what, known.cause)
    lines: list[tuple[str, Html]] = []
    if known:
        lines = [(gettext("Likely cause"), str(known.cause)), (gettext("What to do"), str(known.fix))]
    if detail:
        short = len(detail) <= SHORT
        lines.append((gettext("Detail"), detail if short else folded(f"{detail[:SHORT]}…", detail)))
    return format_html(
        '<div class="ls-reason"><strong>{}</strong> {}<dl>{}</dl></div>',
        known.what if known else code,
        format_html("<code>{}</code>", code) if known else "",
        format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", lines),
    )


def changes(fields: JSONObject) -> Html:
    """Field by field what was there and what is there now."""
    if not fields:
        return EMPTY
    rows = [(mask_key(name), *_pair(pair)) for name, pair in fields.items()]
    return format_html(
        '<table class="ls-table ls-changes"><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>'
        "<tbody>{}</tbody></table>",
        gettext("Field"),
        gettext("Before"),
        gettext("After"),
        format_html_join(
            "", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', ((n, value(a), value(b)) for n, a, b in rows)
        ),
    )


def folded(summary: str, inside: Html) -> Html:
    """Something that unfolds."""
    return format_html('<details class="ls-fold"><summary>{}</summary>{}</details>', summary, inside)


def value(found: JSONValue) -> Html:
    """One value of a record."""
    found = mask(found)
    if found is None or found == "":
        return format_html('<span class="ls-quiet">{}</span>', gettext("empty"))
    if isinstance(found, bool):
        return gettext("Yes") if found else gettext("No")
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) else str(found)


def _pair(pair: JSONValue) -> tuple[JSONValue, JSONValue]:
    return (pair[0], pair[1]) if isinstance(pair, list) and len(pair) == 2 else (None, pair)


def table(headers: Sequence[StrOrPromise], rows: Sequence[Sequence[Cell]], empty: str = EMPTY) -> Html:
    """A small table inside a page."""
    if not rows:
        return empty
    head = format_html_join("", "<th>{}</th>", ((header,) for header in headers))
    cells = (format_html_join("", "<td>{}</td>", ((cell,) for cell in row)) for row in rows)
    body = format_html_join("", "<tr>{}</tr>", ((row,) for row in cells))
    return format_html(
        '<div class="ls-scroll"><table class="ls-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def facts(rows: Sequence[tuple[str, Cell]]) -> Html:
    """Name and value, one under the other."""
    return format_html('<dl class="ls-facts">{}</dl>', format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", rows))
