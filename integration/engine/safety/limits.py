"""Brakes on what cannot be taken back: records taken away in large numbers, and opt-in mails to too many people.

Both hold the records beyond the limit until a person has looked, and let through exactly as many as that person saw.
What the runner does is counted when it has happened, so that a try that failed is not counted twice. One runner works
on an integration at a time; opt-in mails are limited per tenant, over all its integrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from integration.dry_run import is_dry
from integration.engine.clients import connection_health
from integration.engine.flow.base import Flow, Result, Write
from integration.engine.flow.session import SyncSession
from integration.models import (
    Brake,
    BrakeKind,
    Integration,
    JobState,
    LinkState,
    Outcome,
    RecordLink,
    SyncJob,
)
from integration.reasons import Reason, ReasonCode

REASONS: dict[str, ReasonCode] = {BrakeKind.REMOVALS: Reason.MASS_DELETE, BrakeKind.OPT_IN_MAILS: Reason.OPT_IN_LIMIT}
MAILS_WINDOW = timedelta(days=1)
WHOLE_ACCOUNT = 4  # where so many have gone within a window and nobody would be left, a person is asked


def removals_held(ctx: SyncSession, flow: Flow, writes: Sequence[Write], *, seen: int) -> dict[int, Result]:
    """Which of these writes must wait because too much would be taken away at once: id of the write → its result.

    More than a share of the flow's linked records within the window is asked about, not obeyed; in a run, of the `seen`
    records of the page. The same goes for the last records of a small account. A token that lost its rights sees
    nobody, and an emptied field says No for everybody.
    """
    taking = [write for write in writes if write.action in flow.destructive_actions]
    if not taking:
        return {}
    brake = _brake(ctx.integration, BrakeKind.REMOVALS, timedelta(seconds=settings.BRAKE_WINDOW_SECONDS))
    held = taking[brake.allowance :]
    if not held or (brake.tripped_at is None and _within_limit(ctx, flow, brake.count, len(held), seen)):
        return {}
    if brake.tripped_at is None and not is_dry():
        Brake.objects.filter(pk=brake.pk).update(tripped_at=timezone.now())
    said = f"{brake.count + len(held)} records would be taken away at once; nothing happened to this one."
    return {id(write): _held(BrakeKind.REMOVALS, said) for write in held}


def note_removals(ctx: SyncSession, flow: Flow, writes: Sequence[Write], results: Sequence[Result]) -> None:
    """Count what was really taken away."""
    pairs = zip(writes, results, strict=True)
    _count(
        ctx.integration,
        BrakeKind.REMOVALS,
        sum(write.action in flow.destructive_actions and result.outcome == Outcome.SYNCED for write, result in pairs),
    )


def mails_left(ctx: SyncSession) -> int:
    """How many opt-in mails this tenant's integrations may still start today."""
    brake = _brake(ctx.integration, BrakeKind.OPT_IN_MAILS, MAILS_WINDOW)
    since = timezone.now() - MAILS_WINDOW
    others = Brake.objects.filter(
        integration__tenant=ctx.integration.tenant_id, kind=BrakeKind.OPT_IN_MAILS, window_at__gt=since
    )
    sent = others.aggregate(n=Sum("count"))["n"] or 0
    return int(max(settings.BRAKE_OPT_IN_MAILS_PER_DAY - sent, 0) + brake.allowance)


def mail_held(ctx: SyncSession) -> Result:
    """The result of an opt-in mail beyond the limit; from here on somebody is asked."""
    mails = Brake.objects.filter(integration=ctx.integration, kind=BrakeKind.OPT_IN_MAILS, tripped_at=None)
    if not is_dry():
        mails.update(tripped_at=timezone.now())
    said = f"{settings.BRAKE_OPT_IN_MAILS_PER_DAY:,} opt-in mails went out within a day; this one did not."
    return _held(BrakeKind.OPT_IN_MAILS, said)


def note_mails(ctx: SyncSession, count: int) -> None:
    """Count opt-in mails that went out."""
    _count(ctx.integration, BrakeKind.OPT_IN_MAILS, count)


def release(integration: Integration, kind: str, user: AbstractBaseUser | None = None) -> int:
    """Let through what waits, and no more: each record is read afresh first. All or none. Returns how many."""
    with transaction.atomic():
        return _release(integration, kind, user)


def _release(integration: Integration, kind: str, user: AbstractBaseUser | None) -> int:
    waiting = held(integration, kind)
    Brake.objects.filter(integration=integration, kind=kind).update(
        tripped_at=None, count=0, window_at=timezone.now(), allowance=waiting, released_at=timezone.now(),
        released_by_id=user.pk if user is not None else None,
    )  # fmt: skip
    released = connection_health.release_held(integration, reason=REASONS[kind])
    connection_health.release_held(integration, reason=Reason.PERSON_HELD)
    return int(released)


def held(integration: Integration, kind: str) -> int:
    """How many records wait because of this brake."""
    return int(SyncJob.objects.filter(integration=integration, state=JobState.HELD, reason=REASONS[kind]).count())


def _brake(integration: Integration, kind: str, window: timedelta) -> Brake:
    """The row. When its window is over the count begins anew and what was let through and not used is forgotten.

    An engaged one waits for a person however long.
    """
    rows = Brake.objects.filter(integration=integration, kind=kind)
    if is_dry():
        brake = rows.first() or Brake(integration=integration, kind=kind)
    else:
        brake, _ = rows.get_or_create(integration=integration, kind=kind)
    if brake.window_at < timezone.now() - window:
        brake.window_at, brake.count, brake.allowance = timezone.now(), 0, 0
        if not is_dry():
            brake.save(update_fields=["window_at", "count", "allowance"])
    return brake


def _count(integration: Integration, kind: str, count: int) -> None:
    """Use up what a person let through; only what goes beyond it counts."""
    if not count or is_dry():
        return
    rows = Brake.objects.filter(integration=integration, kind=kind)
    covered = min(rows.values_list("allowance", flat=True).first() or 0, count)
    rows.update(allowance=F("allowance") - covered, count=F("count") + count - covered)


def _within_limit(ctx: SyncSession, flow: Flow, gone: int, going: int, seen: int) -> bool:
    """Whether so many more may go within one window. In a run each page is a sample of its own.

    Few may always go, but not all there are: a small account is somebody's whole account.
    """
    linked = RecordLink.objects.filter(
        integration=ctx.integration, link_type=flow.link_type, state=LinkState.ACTIVE
    ).count()
    count = gone + going
    if count <= settings.BRAKE_FLOOR:
        return count < WHOLE_ACCOUNT or going < linked or not linked
    return bool(count <= settings.BRAKE_SHARE * (linked if ctx.run is None else max(seen, ctx.page_size)))


def _held(kind: str, detail: str) -> Result:
    return Result(Outcome.HELD, reason=REASONS[kind], detail=detail, link_state=None)
