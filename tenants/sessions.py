"""Sessions of people: how long each lasts, which ones somebody has, and how they end.

One middleware holds the limits, by the row and not by the cookie: idle and absolute, shorter for whoever works in the
console. A session that is over is deleted, and the sign-in page says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, logout
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.timesince import timesince

from tenants.access import person, works_in_console
from tenants.address import client_address, network
from tenants.models import Session

ENDED = "ended"  # in the session that follows: why the one before was ended
IDLE, OLD = "idle", "old"
TOUCH = timedelta(minutes=1)  # how exactly the last use is known
BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How long a session lasts: without use, and at all."""

    idle: timedelta
    absolute: timedelta

    @property
    def idle_words(self) -> str:
        """For a page."""
        return _span(self.idle)

    @property
    def absolute_words(self) -> str:
        """For a page."""
        return _span(self.absolute)


def limits(*, console: bool) -> Limits:
    """The limits of whoever works in the console, or of everybody else."""
    who = "console" if console else "portal"
    return Limits(settings.SESSION_IDLE[who], settings.SESSION_LONGEST[who])


def over(row: Session, now: datetime) -> str:
    """Why this session is over; empty while it is not."""
    held = limits(console=row.console)
    if now - row.last_used_at > held.idle:
        return IDLE
    return OLD if now - row.started_at > held.absolute else ""


class SessionLimits:
    """End what has lasted too long, and note the use of what has not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look before any view does. What probes and vendors call has no session."""
        user = person(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        row: Session | None = getattr(request.session, "row", None)
        if user is not None:
            request.session.pop(ENDED, None)
        if user is None or row is None:
            return self.get_response(request)
        now = timezone.now()
        why = over(row, now)
        if why:
            logout(request)
            request.session[ENDED] = why
            if "HX-Request" in request.headers:  # a part of a page: the whole page goes
                return HttpResponse(headers={"HX-Redirect": f"{reverse('login')}?{urlencode({'next': '/'})}"})
        elif _is_use(request) and (now - row.last_used_at > TOUCH or not row.network):
            _touch(request, row, user, now)
        return self.get_response(request)


def of(user: AbstractBaseUser) -> list[Session]:
    """A person's sessions that still open something, the one used last first. Others are deleted."""
    now = timezone.now()
    rows = list(Session.objects.filter(user_id=user.pk).order_by("-last_used_at"))
    alive = [row for row in rows if _opens(row, user, now)]
    dead = {row.pk for row in rows} - {row.pk for row in alive}
    Session.objects.filter(pk__in=dead).delete()
    return alive


def end_one(user: AbstractBaseUser, handle: UUID) -> bool:
    """End one of the person's own sessions. Returns whether there was one."""
    return bool(Session.objects.filter(user_id=user.pk, handle=handle).delete()[0])


def end_all(user: AbstractBaseUser, keep: str | None = None) -> int:
    """End all sessions of a person, but for the one with this key. Returns how many there were."""
    return Session.objects.filter(user_id=user.pk).exclude(pk=keep or "").delete()[0]


def outdated() -> QuerySet[Session]:
    """Sessions that open nothing any more, because of their time."""
    now, found = timezone.now(), Q(expire_date__lt=timezone.now())
    for console in (True, False):
        held = limits(console=console)
        late = Q(last_used_at__lt=now - held.idle) | Q(started_at__lt=now - held.absolute)
        found |= Q(console=console) & late
    return Session.objects.filter(found)


def device(agent: str) -> str:
    """A browser and its system by name, as far as they are known."""
    words = set(re.findall(r"[A-Za-z]+(?: OS X)?", agent[:500]))
    names = [next((name for word, name in table if word in words), "") for table in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, names))


def _span(length: timedelta) -> str:
    now = timezone.now()
    return timesince(now - length, now, depth=2)


def _opens(row: Session, user: AbstractBaseUser, now: datetime) -> bool:
    """Whether it is in time, and of the password that is right today."""
    kept = row.get_decoded().get(HASH_SESSION_KEY, "")
    current = constant_time_compare(kept, user.get_session_auth_hash())
    return current and row.expire_date > now and not over(row, now)


def _is_use(request: HttpRequest) -> bool:
    """A page that asks by itself how far a run is, is nobody who uses it."""
    return not ("HX-Request" in request.headers and request.method == "GET")


def _touch(request: HttpRequest, row: Session, user: AbstractBaseUser, now: datetime) -> None:
    Session.objects.filter(pk=row.pk).update(
        last_used_at=now, console=works_in_console(user), network=network(client_address(request)),
        device=device(request.headers.get("User-Agent", "")),
    )  # fmt: skip
