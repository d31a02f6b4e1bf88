"""Lifecycle stages: the rules of the settings, and moving contacts without ever leaving one without a stage.

HubSpot lets a stage move forward only, and answers a move backwards with success (hubspot sheet §4). “Reset before
updating” clears it first, in a call of its own; what is planned is committed before, so that whoever comes after a
crash finishes it. Every move is read back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from integration.connectors.hubspot.records import Contact
from integration.dry_run import is_dry
from integration.engine.api import Write, links, save_jobs, setting
from integration.errors import IntegrationError, NotFound, RecordError, TenantActionError
from integration.models import RecordLink, SyncJob
from integration.reasons import NoReason, ReasonCode
from integration.recipes.hubspot_maileon import properties
from integration.recipes.hubspot_maileon.properties import LINK_TYPE, STAGE
from integration.recipes.hubspot_maileon.reasons import HubSpotReason
from integration.recipes.hubspot_maileon.session import Session
from integration.recipes.hubspot_maileon.settings import Settings
from integration.recipes.hubspot_maileon.state import MOVE, HubSpotState
from integration.recipes.newsletter import consent
from integration.recipes.newsletter.context import ConsentContext

log = logging.getLogger(__name__)

WORDS = {consent.CONFIRMED: "confirmed", consent.UNSUBSCRIBED: "unsubscribed"}


@dataclass(frozen=True)
class Rule:
    """From one stage to another, cleared in between or not."""

    source: str
    target: str
    reset: bool = False


@dataclass
class Plan:
    """What is to be written to one contact, and what became of it."""

    entry: Write
    values: dict[str, str | None] = field(default_factory=dict)
    rule: Rule | None = None
    contact_id: str = ""  # of the survivor, where this one was merged
    target: str = ""  # the stage to move to now
    was: str = ""
    reset: bool = False
    gone: bool = False
    stuck: bool = False  # cleared, and neither set nor put back yet: the repair goes on with it
    reason: ReasonCode | NoReason = ""  # why the stage is not what the rule says, although consent was written
    said: str = ""

    @property
    def key(self) -> str:
        return self.entry.item.external_id

    @property
    def begun(self) -> Mapping[str, str]:
        """A move that an earlier try has begun."""
        return HubSpotState.of(self.entry.link).stage_move or {}

    @property
    def has_to_be_read(self) -> bool:
        """Whether what is done next depends on the contact's present stage."""
        return not self.gone and bool(self.rule or self.begun or not self.values)

    @property
    def moves(self) -> bool:
        """Whether the contact is there and goes to another stage."""
        return not self.gone and bool(self.target)


def rule_for(settings: Settings, state: str) -> Rule | None:
    """The rule for a new state of consent, if it is switched on."""
    word = WORDS.get(state)
    if word is None or not setting(settings, f"{word}_stage"):
        return None
    source, target = (str(setting(settings, f"{word}_stage_{end}")) for end in ("from", "to"))
    return Rule(source, target, bool(setting(settings, f"{word}_stage_reset"))) if source and target else None


def carry_out(ctx: Session, plans: Sequence[Plan]) -> None:
    """Write properties, then stages, a hundred contacts per call. Says in each plan how it went.

    Consent goes first and alone: a stage that is refused takes nothing else with it.
    """
    _say(ctx, [plan for plan in plans if plan.values])
    _look(ctx, plans)
    _clear(ctx, plans)
    _move(ctx, [plan for plan in plans if plan.moves])
    _verify(ctx, [plan for plan in plans if plan.moves])
    for plan in plans:
        if plan.entry.link is not None and not plan.stuck:
            plan.entry.link.notes.pop(MOVE, None)


def _say(ctx: Session, plans: Sequence[Plan]) -> None:
    """Write what became of consent. Raises TenantActionError where somebody deleted the property or its option."""
    if not plans:
        return
    try:
        written = ctx.left.update_contacts({plan.key: plan.values for plan in plans})
    except RecordError:
        properties.require_writable(ctx)
        raise
    for plan in plans:
        plan.gone = plan.key in written.failed
        if contact := written.records.get(plan.key):
            plan.contact_id = contact.id


def _look(ctx: Session, plans: Sequence[Plan]) -> None:
    """Read where these contacts stand, and decide who moves."""
    looking = [plan for plan in plans if plan.has_to_be_read]
    found = _present(ctx, looking)
    for plan in looking:
        contact = found.get(plan.key)
        if contact is None:
            plan.gone = True
            continue
        plan.contact_id, plan.was = contact.id, contact.properties.get(STAGE) or ""
        _aim(ctx, plan)
        if plan.target and plan.was and not _exists(ctx, plan.target):
            _not_moved(ctx, plan, "")


def _aim(ctx: Session, plan: Plan) -> None:
    """Decide where a contact goes from the stage it has: on with a move that was begun, or by its rule."""
    begun, rule = plan.begun, plan.rule
    if begun and not plan.was:  # an earlier try got as far as clearing
        plan.target, plan.was, plan.reset = begun["to"], "", True
    elif begun and plan.was == begun["from"]:  # it did not get that far
        plan.target, plan.reset = begun["to"], True
    elif rule is not None and plan.was == rule.source and not begun:
        plan.target, plan.reset = rule.target, rule.reset
    elif rule is not None and plan.was != rule.target:
        plan.said = f"Lifecycle stage is {_label(ctx, plan.was)}, not {_label(ctx, rule.source)}: left alone."


def _exists(ctx: Session, stage: str) -> bool:
    """Whether the portal has this stage; the list is read again once before that is denied."""
    if stage not in dict(options(ctx)) and not ctx.cache.get("stages_read"):
        ctx.cache["stages_read"] = True
        ctx.fields("left", "contact", fresh=True)
    return stage in dict(options(ctx))


def _not_moved(ctx: Session, plan: Plan, words: str) -> None:
    """The stage stays what it is. Consent was written before."""
    missing = not _exists(ctx, plan.target)
    plan.reason = HubSpotReason.STAGE_MISSING if missing else HubSpotReason.STAGE_REFUSED
    wanted = _label(ctx, plan.target)
    plan.said = f"HubSpot has no lifecycle stage {wanted} any more." if missing else f"Stage {wanted}: {words}"
    plan.target = ""


def _present(ctx: Session, plans: Sequence[Plan]) -> dict[str, Contact]:
    """The contacts as they are now, by the id we know them by; merged ones by their survivor."""
    found = {contact.id: contact for contact in ctx.left.get_contacts([plan.key for plan in plans], [STAGE])}
    for plan in plans:
        if plan.key not in found:
            try:
                found[plan.key] = ctx.left.get_contact(plan.key, [STAGE])
            except NotFound:
                continue
    return found


def _clear(ctx: Session, plans: Sequence[Plan]) -> None:
    """Commit what is planned, then clear: the one moment in which somebody has no stage."""
    clearing = [plan for plan in plans if plan.target and plan.reset and plan.was]
    if not clearing:
        return
    moves = [(plan.entry, {MOVE: {"from": plan.was, "to": plan.target}}) for plan in clearing]
    links.save_state_before_call(ctx.integration, LINK_TYPE, moves)
    ctx.keep_lease(now=True)
    written = ctx.left.update_contacts({plan.key: {STAGE: None} for plan in clearing})
    for plan in clearing:
        plan.gone = plan.key in written.failed


def _move(ctx: Session, plans: Sequence[Plan]) -> None:
    """One call for each stage: one that is refused keeps nobody out of another one."""
    for target in dict.fromkeys(plan.target for plan in plans):
        moving = [plan for plan in plans if plan.target == target]
        try:
            written = ctx.left.update_contacts({plan.key: {STAGE: target} for plan in moving})
        except RecordError as exc:
            ctx.cache.pop("stages_read", None)
            ctx.fields("left", "contact", fresh=True)
            _put_back(ctx, [plan for plan in moving if plan.reset])
            for plan in moving:
                _not_moved(ctx, plan, exc.detail)
            continue
        for plan in moving:
            plan.gone = plan.key in written.failed
            if contact := written.records.get(plan.key):
                plan.contact_id = contact.id


def _put_back(ctx: Session, plans: Sequence[Plan]) -> None:
    """The target was refused after the clearing: the former stage comes back. If that fails, the repair does it."""
    former = {plan.key: plan.was or plan.begun.get("from", "") for plan in plans}
    try:
        ctx.left.update_contacts({key: {STAGE: stage} for key, stage in former.items() if stage})
    except IntegrationError as exc:
        log.warning("%s lifecycle stages could not be put back yet: %s", len(plans), exc.reason)
        for plan in plans:
            plan.stuck = True
        return
    for plan in plans:
        if plan.entry.link is not None:
            plan.entry.link.notes.pop(MOVE, None)
    links.save_links([plan.entry.link for plan in plans if plan.entry.link is not None])


def _verify(ctx: Session, plans: Sequence[Plan]) -> None:
    """Read back: success alone says nothing. A dry run has nothing to find."""
    if is_dry():
        return
    found = _present(ctx, plans) if plans else {}
    empty: list[Plan] = []
    for plan in plans:
        contact = found.get(plan.key)
        now = (contact.properties.get(STAGE) or "") if contact is not None else ""
        was, wanted = (_label(ctx, stage) for stage in (plan.was or plan.begun.get("from", ""), plan.target))
        if now == plan.target:
            plan.entry.values[STAGE] = plan.target
            plan.said = f"Lifecycle stage: {was} → {wanted}."
            continue
        plan.reason = HubSpotReason.STAGE_REFUSED
        plan.said = f"HubSpot answered with success, but the lifecycle stage is {_label(ctx, now)}, not {wanted}."
        if contact is not None and not now and plan.reset:
            empty.append(plan)
    if empty:
        _put_back(ctx, empty)


def options(ctx: Session) -> list[tuple[str, str]]:
    """The portal's own stages in their order; own ones have numbers as values."""
    spec = ctx.fields("left", "contact").get(STAGE)
    return [(option.key, option.label) for option in spec.options] if spec else []


def _label(ctx: Session, stage: str) -> str:
    return f"“{dict(options(ctx)).get(stage, stage)}”" if stage else "empty"


def check(ctx: Session) -> str:
    """Make sure that the chosen stages exist, and finish moves that were begun and never seen to end."""
    ctx.last_side = "left"
    known = dict(options(ctx))
    rules = [rule for state in WORDS if (rule := rule_for(ctx.settings, state))]
    if lost := sorted({stage for rule in rules for stage in (rule.source, rule.target)} - known.keys()):
        raise TenantActionError(
            f"HubSpot has no lifecycle stage {', '.join(lost)} any more. Choose another one.",
            reason=HubSpotReason.STAGE_MISSING,
        )
    count = repair(ctx)
    said = f"{len(rules)} rule{'' if len(rules) == 1 else 's'} in place" if rules else "no rule"
    return f"{said}, {count} unfinished moves are being finished" if count else said


def repair(ctx: Session) -> int:
    """Queue whoever may have been left without a stage. Returns how many."""
    begun = RecordLink.objects.filter(
        integration=ctx.integration, link_type=LINK_TYPE, notes__has_key="stage_move"
    ).values_list("source_id", flat=True)
    jobs = [
        SyncJob(
            integration=ctx.integration,
            flow="consent_to_contact",
            external_id=key,
            hint=ConsentContext(repair=True).stored,
        )
        for key in begun
    ]
    save_jobs(jobs)
    return len(jobs)
