"""The recurring work, as django-q2 schedules. Idempotent; called at set-up and by every start."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule

from integration.tasks import SCHEDULES


def ensure_schedules() -> int:
    """Create or correct our schedules and drop those of ours that no longer exist. Returns how many there are."""
    now = timezone.now()
    for name, (function, minutes) in SCHEDULES.items():
        schedule, created = Schedule.objects.get_or_create(
            name=name,
            defaults={
                "func": function,
                "schedule_type": Schedule.MINUTES,
                "minutes": minutes,
                "next_run": now + timedelta(minutes=minutes),
            },
        )
        if not created and (schedule.func, schedule.minutes) != (function, minutes):
            schedule.func, schedule.minutes, schedule.schedule_type = function, minutes, Schedule.MINUTES
            schedule.save(update_fields=["func", "minutes", "schedule_type"])
    Schedule.objects.filter(name__startswith="lockstep ").exclude(name__in=SCHEDULES).delete()
    return len(SCHEDULES)
