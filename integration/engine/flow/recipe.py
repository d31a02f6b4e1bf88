"""What a recipe declares. The engine knows this shape only; the recipes themselves come in from above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from integration.engine.flow.base import Flow, S
from integration.engine.flow.general_reasons import GENERAL
from integration.engine.flow.permission import NeededPermission
from integration.engine.flow.reason_text import ReasonText, by_code, find
from integration.models import RecordLink

if TYPE_CHECKING:
    from django import forms

    from integration.engine.flow.session import SyncSession


@dataclass(frozen=True)
class Step:
    """One visible step of provisioning, safe to run again. `run` returns what it found or made, in words."""

    key: str
    label: str
    run: Callable[[SyncSession], str]


@dataclass(frozen=True)
class NeededField:
    """A field the recipe cannot do without: which side and object, the vendor's key, its name, option key → label."""

    side: str
    object_type: str
    key: str
    label: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OptInTrial(Generic[S]):
    """An opt-in email that members send to themselves, since no vendor proves that one goes out.

    `offered`: whether these settings send any. `send` takes the member's own address and returns what to look for;
    it raises IntegrationErrors.
    """

    offered: Callable[[S], bool]
    send: Callable[[SyncSession[Any, Any, S], str], str]


@dataclass(frozen=True)
class Choices:
    """What a settings form may offer from one side's account: (key, label) pairs, read when the form is shown."""

    side: str
    fetch: Callable[[SyncSession], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class ReportRow:
    """One group of a report: how many deals stand how, and what the open and the won ones are worth."""

    label: str
    deals: int
    open: int
    won: int
    lost: int
    open_value: float
    won_value: float

    @property
    def conversion(self) -> int:
        """Won deals of all that are decided, in percent."""
        decided = self.won + self.lost
        return round(100 * self.won / decided) if decided else 0


@dataclass(frozen=True)
class ReportTable:
    """One table of a report, with a note on how it counts."""

    title: str
    note: str
    rows: tuple[ReportRow, ...]


@dataclass(frozen=True)
class Found:
    """A record somebody searched for at the source: the flow that syncs it, its id, and how to recognise it."""

    flow: str
    external_id: str
    name: str
    email: str = ""


def _not_looked_up(ctx: SyncSession, email: str, link: RecordLink | None) -> Mapping[str, Any] | None:
    return None


def _no_search(ctx: SyncSession, text: str) -> Sequence[Found]:
    return ()


@dataclass(frozen=True)
class Recipe(Generic[S]):
    """A pair of systems a tenant can install. `S` is what its form stores."""

    key: str
    label: str
    left: str
    right: str
    flows: tuple[Flow, ...]
    settings_form: type[forms.Form]
    default_settings: Mapping[str, Any]
    steps: Callable[[SyncSession], Sequence[Step]]
    warnings: Callable[[S], Sequence[str]] = lambda settings: ()  # what to warn about before saving
    summary: Callable[[S], Sequence[str]] = lambda settings: ()  # what will happen, in sentences
    fields: Callable[[SyncSession], Sequence[NeededField]] = lambda ctx: ()  # what must exist at the vendors by now
    search: Callable[[SyncSession, str], Sequence[Found]] = _no_search  # records at the source by e-mail, name or id
    # What the target has of this person now, by field, for the person pages; None when it has nobody.
    at_target: Callable[[SyncSession, str, RecordLink | None], Mapping[str, Any] | None] = _not_looked_up
    consent_of: Callable[[Mapping[str, Any]], str] = lambda notes: ""  # a link's notes → the state of consent
    opt_in_states: tuple[str, str] | None = None  # of consent: asked by mail, and confirmed by a click; None: no mails
    opt_in_trial: OptInTrial[S] | None = None
    # The recipe's own rhythm of polls in minutes, kept by the clock (60: on the hour). None: with everybody, every 15.
    poll_minutes: Callable[[S], int] | None = None
    report: Callable[[SyncSession], Sequence[ReportTable]] | None = None  # what the portal's report page counts
    choices: Mapping[str, Choices] = field(default_factory=dict)  # what the settings form may ask the accounts for
    permissions: Mapping[str, tuple[NeededPermission, ...]] = field(default_factory=dict)  # by side
    reasons: tuple[ReasonText, ...] = ()  # its own, and general ones in its words
    # False: stands for a recipe that this version of the code does not have. It has no flows; its events are kept.
    is_known: bool = True

    @property
    def mapped_flows(self) -> Mapping[str, str]:
        """Flows that field mappings make values for, with their labels."""
        return {flow.key: str(flow.label) for flow in self.flows if flow.mapping is not None}

    @property
    def main_flow(self) -> Flow:
        """The flow that a bare id is asked about. Others' ids may be those of somebody else: a deal 2, a person 2."""
        return self.flow(next(iter(self.mapped_flows), self.flows[0].key))

    @property
    def has_report(self) -> bool:
        """Whether there is a report page."""
        return self.report is not None

    def webhooks(self, settings: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
        """The vendor events that the enabled flows need, by side."""
        enabled = [flow for flow in self.flows if flow.enabled(settings)]
        return {
            side: frozenset().union(*(flow.subscriptions for flow in enabled if flow.side == side))
            for side in ("left", "right")
        }

    @cached_property
    def reason_texts(self) -> Mapping[str, ReasonText]:
        """The text of every reason it may give, by code: the general ones, with its own above them."""
        return {**GENERAL, **by_code(self.reasons)}

    def reason_text(self, code: str) -> ReasonText | None:
        """Return the text of a stored code in this recipe's words. None for an empty one."""
        return find(code, self.reason_texts)

    def flow(self, key: str) -> Flow:
        """Return the flow with this key. Raises KeyError."""
        return {flow.key: flow for flow in self.flows}[key]

    def has_flow(self, key: str) -> bool:
        """Whether there is such a flow in this version of the code."""
        return any(flow.key == key for flow in self.flows)


Recipes = Callable[[str], Recipe]
