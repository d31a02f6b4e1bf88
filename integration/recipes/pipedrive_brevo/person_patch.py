"""Write back to a person in Pipedrive: consent first and by itself, then values, field by field where one is refused.

An opt-out shares its call with nothing that can be refused. What is refused stays behind and is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.json_value import JSONValue
from integration.engine.api import Result, Write
from integration.errors import IntegrationError, NotFound, RecordError, TenantActionError
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import NoReason, Reason, ReasonCode
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.shared.pipedrive_fields import CUSTOM, nested
from integration.secrets import email_hash

MARKETING_STATUS = "marketing_status"
NAMES = frozenset({"name", "first_name", "last_name"})  # Pipedrive takes a whole name only


@dataclass
class _Patch:
    """What became of the calls for one person."""

    refused: dict[str, IntegrationError] = field(default_factory=dict)  # field → what the vendor said
    written: set[str] = field(default_factory=set)


def patch(ctx: Session, write: Write) -> Result:
    """Write everything that Pipedrive takes. Raises NotFound when the person is gone."""
    status = f"{CUSTOM}{ctx.resources['status']}"
    consent = [key for key in (status, MARKETING_STATUS) if key in write.values]
    done = _Patch()
    for key in consent:
        _send(ctx, write, [key], done)
    _send_values(ctx, write, [key for key in write.values if key not in consent], done)
    return _result(ctx, write, consent, done)


def _send_values(ctx: Session, write: Write, keys: list[str], done: _Patch) -> None:
    """All in one call; where that is refused each by itself, a name as a whole."""
    if not keys:
        return
    groups = [[key for key in keys if key in NAMES], *([key] for key in keys if key not in NAMES)]
    parts = [group for group in groups if group]
    if len(parts) > 1:
        whole = _Patch()
        _send(ctx, write, keys, whole)
        if not whole.refused:
            done.written |= whole.written
            return
    for group in parts:
        _send(ctx, write, group, done)


def _send(ctx: Session, write: Write, keys: list[str], done: _Patch) -> None:
    values = {key: write.values[key] for key in keys}
    try:
        ctx.left.update_person(write.item.external_id, nested(values))
    except NotFound:
        raise
    except (RecordError, TenantActionError) as exc:
        if isinstance(exc, TenantActionError) and exc.reason != Reason.PERMISSION_MISSING:
            raise
        done.refused |= dict.fromkeys(keys, exc)
        return
    done.written |= set(keys)


def _result(ctx: Session, write: Write, consent: list[str], done: _Patch) -> Result:
    link = write.link if write.link is not None and write.link.state == LinkState.ACTIVE else None
    written = _written(write, link, done) if link is not None else None
    outcome = Outcome.SYNCED if done.written else Outcome.SKIPPED
    reason: ReasonCode | NoReason = Reason.VALUE_INVALID if done.refused else ""
    if any(key in done.refused for key in consent):
        outcome, reason = Outcome.FAILED, BrevoReason.OPT_OUT_REFUSED
    return Result(
        outcome, reason=reason, link_state="active" if link is not None else None, written=written,
        target_id=write.link.target_id if write.link else "", detail=_said(ctx, done.refused), call=ctx.last_call(),
    )  # fmt: skip


def _written(write: Write, link: RecordLink, done: _Patch) -> dict[str, JSONValue]:
    """What the link remembers as written, with the person's new address where Pipedrive took it."""
    written = dict(write.remember or {})
    if "email" in done.written:
        written["email"] = write.values["email"]
        link.email_hash = email_hash(write.values["email"])
    return written


def _said(ctx: Session, refused: Mapping[str, IntegrationError]) -> str:
    if not refused:
        return ""
    fields = ctx.fields("left", "person")
    names = {key: fields[key.removeprefix(CUSTOM)].label if key.removeprefix(CUSTOM) in fields else key
             for key in refused}  # fmt: skip
    return "; ".join(f"{names[key]}: {exc.public} {exc.detail}".strip() for key, exc in refused.items())
