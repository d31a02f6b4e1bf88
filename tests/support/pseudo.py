"""A language in which every marked text stands in ⟦…⟧, and the search for visible text outside of it."""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from unittest.mock import patch

from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.utils import translation
from django.utils.translation import trans_real

from integration.connectors.registry import CONNECTORS, get_connector
from integration.models import FieldMapping, SyncLog
from integration.recipes.registry import RECIPES, get_recipe
from integration.templatetags.portal_words import LONGEST

CODE = "en-xa"
LETTERS = re.compile(r"[^\W\d_]{2}")
IDENTIFIER = re.compile(r"[a-z_]+")  # a code of ours: it is never data, so a page that shows one is found
# Dates, times and zones; addresses of web and mail; keys, hashes and versions.
FIGURES = re.compile(
    r"\b\d{1,2} [A-Z][a-z]{2,8}( \d{4})?\b|\b[A-Z][a-z]{2,4}\.? \d{1,2}, \d{4}(, [\d:]+( [ap]\.m\.)?)?|\b(UTC|GMT|CET|CEST)\b|\bhttps?://\S+|[\w.+-]+@[\w.-]+|\b[0-9a-f-]{8,36}\b"
)
ATTRIBUTES = ("title", "placeholder", "aria-label", "alt")
SILENT = ("script", "style", "code", "pre", "datalist")  # what programs read, and vendors' own words
VOID = ("input", "img", "br", "hr", "meta", "link", "rect", "line", "path", "circle")
# Classes of what is not ours to translate: steps are stored, in one language (docs/decisions/0043-texts-are-marked.md);
# a record's values stand under the vendor's names; symbols are names of pictures.
ELSEWHERE = {"ls-steps", "steps", "values", "material-symbols-outlined"}


class Pseudo(gettext.NullTranslations):
    """Puts each text into brackets, also those of Django and of the console's theme."""

    domain = "django"

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message else ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    def pgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)

    def language(self) -> str:
        return CODE

    def to_language(self) -> str:
        return CODE


@contextmanager
def spoken() -> Iterator[None]:
    """Speak it inside."""
    with patch.dict(trans_real._translations, {CODE: Pseudo()}), translation.override(CODE):
        yield


class Texts(HTMLParser):
    """The visible texts of a page, and of its attributes those that are read out or shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.found += [named[name] for name in ATTRIBUTES if name in named]
        if tag == "input" and named.get("type") in ("submit", "button"):
            self.found.append(named.get("value", ""))
        elsewhere = ELSEWHERE & set(named.get("class", "").split())
        if tag not in VOID and (self._silent or tag in SILENT or elsewhere):
            self._silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def unmarked(html: str, data: list[str], allowed: tuple[str, ...] = ()) -> list[str]:
    """Return what is visible, outside of brackets and no data, longest values first."""
    left, depth = [], 0
    for text in Texts(html).found:
        rest, depth = outside(" ".join(text.split()), depth)
        depth = 0 if text.rstrip().endswith("…") else depth  # it was cut: its bracket does not close any more
        if LETTERS.search(rest) and LETTERS.search(without(rest, data, allowed)):
            left.append(rest)
    return sorted(set(left))


def outside(text: str, depth: int = 0) -> tuple[str, int]:
    """Return what stands outside of brackets, and how many are open: a text may go on behind a tag."""
    found = []
    for sign in text:
        if sign == "⟦":
            depth += 1
        elif sign == "⟧":
            depth = max(depth - 1, 0)
        elif not depth:
            found.append(sign)
    return "".join(found).strip(), depth


def without(text: str, data: list[str], allowed: tuple[str, ...]) -> str:
    """Take away what is data: whole values only, the longest first."""
    for value in data:
        if value in text:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", " ", text)
    for pattern in allowed:
        text = re.sub(pattern, " ", text)
    return FIGURES.sub(" ", text)


def known_data() -> list[str]:
    """Return what rows hold and vendors have answered, and the names of products; the longest first."""
    found: set[str] = set()
    for key in CONNECTORS:
        found.add(get_connector(key).label)
    found |= {get_recipe(key).label for key in RECIPES} | {"Lockstep"}
    with translation.override("en"):
        for model in apps.get_models():
            if model._meta.app_label not in ("integration", "tenants", "auth", "django_q"):
                continue
            for row in model._default_manager.all()[:400]:
                found.add(str(row))
                for field in model._meta.concrete_fields:
                    found |= set(_leaves(getattr(row, field.attname)))
    lines = {" ".join(part.split()) for value in found for part in value.split("\n")}
    named = {value for value in lines if len(value) > 1 and not IDENTIFIER.fullmatch(value)}
    named |= {row.target for row in FieldMapping.objects.all()}
    changes = {value for row in SyncLog.objects.all() for value in _leaves(row.changes)}
    named |= changes | {value[:LONGEST] for value in changes}
    named |= {user.username for user in User.objects.all()} | {row.name for row in Permission.objects.all()}
    named |= {value[:1].upper() + value[1:] for value in named}  # as `capfirst` shows it
    return sorted(named, key=len, reverse=True)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in "{[<":
            yield from _inside(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)


def _inside(document: str) -> Iterator[str]:
    """The values of a recorded body, also of one that was cut."""
    try:
        yield from _leaves(json.loads(document))
    except ValueError:
        yield from re.findall(r'"((?:[^"\\]|\\.){2,120})"', document)
        yield from re.findall(r">([^<>]{2,120})<", document)
