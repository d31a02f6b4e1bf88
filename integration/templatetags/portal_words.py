"""Words for the tenant's pages: how long ago, and keys as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from django import template
from django.utils.translation import gettext

from integration.engine.insight import code_words
from integration.engine.insight.moments import ago

register = template.Library()

LONGEST = 120  # characters of one value


register.filter(ago)


@register.filter
def parts(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


@register.filter
def of(counts: Mapping[str, int], key: str) -> int:
    """The number under this key."""
    return counts.get(key, 0)


OUTCOMES = {
    "synced": ("✓", "green"), "skipped": ("○", "grey"), "failed": ("✗", "red"), "retrying": ("↻", "blue"),
    "held": ("‖", "amber"),
}  # fmt: skip


@register.filter
def outcome_sign(outcome: str) -> str:
    """A sign that says the same as the word beside it."""
    return OUTCOMES.get(outcome, ("?", ""))[0]


@register.filter
def outcome_tone(outcome: str) -> str:
    """The colour of an outcome; never shown without word and sign."""
    return OUTCOMES.get(outcome, ("", "grey"))[1]


@register.filter
def shown(value: object) -> str:
    """A value as people read it: `empty`, `Yes`, a list with commas; long ones are cut."""
    if value is None or value == "":
        return gettext("empty")
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Mapping):
        value = value.get("name", value.get("value", ", ".join(f"{key}: {part}" for key, part in value.items())))
    text = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class Systems(Protocol):
    """What knows the names of both systems of a flow."""

    source: str
    target: str


@register.filter
def direction(value: str, flow: Systems) -> str:
    """Which way a field travels, said with the systems' names."""
    to = {"forward": flow.target, "backward": flow.source}.get(value)
    if to is not None:
        return gettext("to {app}").format(app=to)
    return gettext("both ways") if value == "both" else gettext("off")


@register.filter
def words(code: str) -> str:
    """What people read of a code that a row holds."""
    return code_words.words(code)
