"""What the settings chose in Pipedrive, known by id: fields of deals, and the options and pipelines that rules name.

Tenants write a rule's option as they read it. Its id is remembered when the settings are saved and counts from then
on, whatever people call the option later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integration.connectors.pipedrive.records import Deal
from integration.errors import TenantActionError
from integration.recipes.planhat_pipedrive import places, rules
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.planhat_pipedrive.settings import Settings
from integration.recipes.shared.pipedrive_fields import CUSTOM

RESOURCE = "rule_options"  # among the resources: what a rule looks at → its words in lower case → the option's id


def paths(settings: Settings) -> list[str]:
    """The deal fields that the settings name."""
    looked_at = [rule.what for rule in rules.rules_of(settings) if rule.what not in (rules.PIPELINE, rules.PRODUCT)]
    return [path for path in (settings["start_date"], settings["end_date"], *looked_at) if path]


def gone(ctx: Session, *, fresh: bool) -> list[str]:
    """What the settings name and Pipedrive no longer has, in words."""
    pipelines, fields = places.pipelines(ctx, fresh=fresh), places.deal_fields(ctx, fresh=fresh)
    lost = [f"pipeline {key}" for key in ctx.settings["pipelines"] if key not in pipelines]
    lost += [f"deal field {path.rpartition('.')[2]}" for path in paths(ctx.settings) if path not in fields]
    return lost + _lost_options(ctx)


def remember(ctx: Session) -> None:
    """Note the ids of the options that rules name. One that has an id keeps it as long as it exists."""
    found: dict[str, dict[str, str]] = {}
    for rule in rules.rules_of(ctx.settings):
        options, word = _options(ctx, rule.what), rule.value.strip().casefold()
        before = _remembered(ctx, rule.what).get(word, "")
        named = [key for key, label in options.items() if word in (key.casefold(), label.strip().casefold())]
        key = before if before in options else next(iter(named), before)
        if key:
            found.setdefault(rule.what, {})[word] = key
    ctx.resources[RESOURCE] = found


def words(ctx: Session, what: str, keys: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """The words by which a rule knows these options: theirs, and those they had when the rule was saved."""
    remembered = _remembered(ctx, what)
    said: list[str] = []
    for key in keys:
        label = labels.get(key, key)
        meant = remembered.get(label.strip().casefold(), key)
        said += [key, *([label] if meant == key else [])]
        said += [word for word, option in remembered.items() if option == key]
    return said


def require(ctx: Session, deals: Sequence[Deal]) -> None:
    """Make sure that all chosen ones exist before an empty value means anything: a deleted one reads like it.

    Raises TenantActionError: the jobs are held until others are chosen.
    """
    keys = [path.removeprefix(CUSTOM) for path in paths(ctx.settings) if path.startswith(CUSTOM)]
    if not keys or ctx.cache.get("chosen_seen"):
        return
    if all(deal.custom_fields.get(key) is not None for deal in deals for key in keys):
        return
    refuse(gone(ctx, fresh=True))
    ctx.cache["chosen_seen"] = True


def refuse(lost: Sequence[str]) -> None:
    """Raise TenantActionError where something is gone."""
    if lost:
        said = f"Pipedrive no longer has {', '.join(lost)}. Choose again in the settings."
        raise TenantActionError(said, reason=PlanhatReason.DEAL_FIELD_MISSING)


def _lost_options(ctx: Session) -> list[str]:
    lost = []
    for rule in rules.rules_of(ctx.settings):
        options, word = _options(ctx, rule.what), rule.value.strip().casefold()
        known = _remembered(ctx, rule.what).get(word)
        same = {label.strip().casefold() for label in options.values()}
        if known and known not in options and word not in same:
            lost.append(f"option “{rule.value}”")
    return lost


def _options(ctx: Session, what: str) -> Mapping[str, str]:
    if what == rules.PIPELINE:
        return places.pipelines(ctx)
    spec = places.deal_fields(ctx).get(what)
    return {option.key: option.label for option in spec.options} if spec else {}


def _remembered(ctx: Session, what: str) -> Mapping[str, str]:
    found: Mapping[str, Mapping[str, str]] = ctx.resources.get(RESOURCE) or {}
    return found.get(what) or {}
