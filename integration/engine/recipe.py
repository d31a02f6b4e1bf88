"""What a recipe declares. The engine knows this shape only; the recipes themselves come in from above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integration.engine.flow import Flow

if TYPE_CHECKING:
    from django import forms

    from integration.engine.context import Context


@dataclass(frozen=True)
class MappingRow:
    """One field mapping as data: what the pure mapping engine works on, and what a recipe proposes by default."""

    source: str
    target: str
    transform: str = "text"
    options: Mapping[str, Any] = field(default_factory=dict)
    direction: str = "forward"
    only_create: bool = False
    default: str = ""
    required: bool = False


@dataclass(frozen=True)
class Step:
    """One visible step of provisioning, safe to run again. `run` returns what it found or made, in words."""

    key: str
    label: str
    run: Callable[[Context], str]


@dataclass(frozen=True)
class Found:
    """A record somebody searched for at the source: the flow that syncs it, its id, and how to recognise it."""

    flow: str
    external_id: str
    name: str
    email: str = ""


Choices = Mapping[str, list[tuple[str, str]]]


def _no_search(ctx: Context, text: str) -> Sequence[Found]:
    return ()


@dataclass(frozen=True)
class Recipe:
    """A pair of systems a tenant can install."""

    key: str
    label: str
    left: str
    right: str
    flows: tuple[Flow, ...]
    settings_form: type[forms.Form]
    default_settings: Mapping[str, Any]
    default_mappings: Mapping[str, Sequence[MappingRow]]  # flow key → rows
    steps: Callable[[Context], Sequence[Step]]
    webhooks: Callable[[Mapping[str, Any]], Mapping[str, frozenset[str]]]  # settings → side → vendor events needed
    warnings: Callable[[Mapping[str, Any]], Sequence[str]] = lambda settings: ()  # what to warn about before saving
    summary: Callable[[Mapping[str, Any]], Sequence[str]] = lambda settings: ()  # what will happen, in sentences
    choices: Callable[[Context], Choices] | None = None  # what only the accounts know: form field → its options
    search: Callable[[Context, str], Sequence[Found]] = _no_search  # records at the source by e-mail, name or id

    def flow(self, key: str) -> Flow:
        """Return the flow with this key. Raises KeyError."""
        return {flow.key: flow for flow in self.flows}[key]


Recipes = Callable[[str], Recipe]
