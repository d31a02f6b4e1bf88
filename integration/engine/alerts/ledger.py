"""Keep the alerts: open what is wrong, remind after a day, close what is over, and wish for the notices.

Called every minute by the queue and, where no worker is alive, by cron. Two that run at once open an alert once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from integration.engine.alerts import watch, words
from integration.engine.alerts.watch import Condition
from integration.engine.flow.recipe import Recipes
from integration.models import Alert, AlertKind, AlertNotice, Channel, Moment, NoticeState
from tenants.models import Member, Role

DAY = timedelta(hours=24)
# How long something must stay away before it counts as over, so that what comes and goes is one alert.
SETTLE: Mapping[str, timedelta] = {AlertKind.WAITING: timedelta(minutes=5), AlertKind.FAILURES: timedelta(minutes=10)}
PROBLEMS = (Moment.OPENED, Moment.REMINDER)


def evaluate(recipes: Recipes, now: datetime | None = None) -> int:
    """Bring the alerts up to date. Returns how many are open."""
    now = now or timezone.now()
    conditions, judged = watch.look(recipes, now)
    found = {(condition.kind, condition.subject): condition for condition in conditions}
    known = {(alert.kind, alert.subject): alert for alert in Alert.objects.filter(resolved_at__isnull=True)}
    for key, condition in found.items():
        if key in known:
            _still(known[key], condition, now)
        else:
            open_alert(condition, now)
    for key, alert in known.items():
        if key not in found and alert.kind in judged:
            _over(alert, now)
    return Alert.objects.filter(resolved_at__isnull=True).count()


def open_alert(condition: Condition, now: datetime) -> None:
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                kind=condition.kind, subject=condition.subject, what=condition.what[:300], reason=condition.reason,
                tenant_id=condition.tenant_id, integration_id=condition.integration_id,
                connection_id=condition.connection_id, opened_at=now, seen_at=now, last_notified_at=now,
            )  # fmt: skip
            _notify(alert, Moment.OPENED, now)
    except IntegrityError:
        return  # another evaluation was quicker


def _still(alert: Alert, condition: Condition, now: datetime) -> None:
    """Keep its words fresh; after a day remind."""
    Alert.objects.filter(pk=alert.pk).update(what=condition.what[:300], reason=condition.reason, seen_at=now)
    if alert.last_notified_at is None or alert.last_notified_at > now - DAY:
        return
    with transaction.atomic():
        if Alert.objects.filter(pk=alert.pk, last_notified_at=alert.last_notified_at).update(last_notified_at=now):
            _notify(alert, Moment.REMINDER, now)


def _over(alert: Alert, now: datetime) -> None:
    """Close it and tell those who were told of it; what was not sent by now is not sent any more."""
    if now - alert.seen_at < SETTLE.get(alert.kind, timedelta(0)):
        return
    with transaction.atomic():
        if not Alert.objects.filter(pk=alert.pk, resolved_at__isnull=True).update(resolved_at=now):
            return
        AlertNotice.objects.filter(alert=alert, state=NoticeState.WAITING).update(
            state=NoticeState.GIVEN_UP, problem="It was over before it could be sent."
        )
        told = AlertNotice.objects.filter(alert=alert, state=NoticeState.SENT).values_list("channel", flat=True)
        _wish(alert, Moment.RESOLVED, sorted(set(told)), now)


def _notify(alert: Alert, moment: str, now: datetime) -> None:
    channels: list[str] = []
    if settings.EMAIL_URL and settings.ALERT_EMAILS:
        channels.append(Channel.OPERATORS)
    if settings.ALERT_WEBHOOK_URL:
        channels.append(Channel.WEBHOOK)
    if settings.EMAIL_URL and _concerns_owners(alert, now):
        channels.append(Channel.OWNERS)
    _wish(alert, moment, channels, now)


def _wish(alert: Alert, moment: str, channels: list[str], now: datetime) -> None:
    AlertNotice.objects.bulk_create(
        AlertNotice(alert=alert, channel=channel, moment=moment, created_at=now, next_attempt_at=now)
        for channel in channels
    )


def _concerns_owners(alert: Alert, now: datetime) -> bool:
    """Only what they can mend themselves, and at most once a day however often it comes and goes."""
    known_fix = alert.kind in (AlertKind.CONNECTION, AlertKind.BRAKE) and alert.reason in words.OWNERS_DO
    if not known_fix and alert.kind != AlertKind.SCHEMA:
        return False
    before = AlertNotice.objects.filter(
        alert__kind=alert.kind, alert__subject=alert.subject, channel=Channel.OWNERS, moment__in=PROBLEMS,
        created_at__gt=now - DAY, state__in=(NoticeState.WAITING, NoticeState.SENT),
    )  # fmt: skip
    return not before.exists() and bool(owners(alert))


def owners(alert: Alert) -> list[str]:
    """The addresses of the tenant's owners who may still sign in."""
    if alert.tenant is None:
        return []
    rows = Member.objects.filter(tenant=alert.tenant, role=Role.OWNER, user__is_active=True)
    return sorted(rows.exclude(user__email="").values_list("user__email", flat=True).distinct())
