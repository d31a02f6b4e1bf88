"""What the pages of one's own sessions show and do, in the portal and in the console."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest
from django.utils.translation import gettext

from tenants import sessions
from tenants.access import works_in_console
from tenants.models import Session


@dataclass(frozen=True)
class Line:
    """One session, and whether it is that of the page."""

    session: Session
    here: bool


def listed(request: HttpRequest, user: AbstractBaseUser) -> list[Line]:
    """The sessions that open something, this one first."""
    key = request.session.session_key
    rows = [Line(row, row.pk == key) for row in sessions.of(user)]
    return sorted(rows, key=lambda line: not line.here)


def limits_of(user: AbstractBaseUser) -> sessions.Limits:
    """How long this person stays signed in."""
    return sessions.limits(console=works_in_console(user))


def end(request: HttpRequest, user: AbstractBaseUser) -> None:
    """End what the form says: one session, or all of them with this one."""
    if request.POST.get("do") == "everywhere":
        sessions.end_all(user)
        logout(request)
        messages.success(request, gettext("You are signed out everywhere."))
        return
    try:
        handle = UUID(request.POST.get("session", ""))
    except ValueError as exc:
        raise Http404 from exc
    if not sessions.end_one(user, handle):
        messages.warning(request, gettext("This session had ended already."))
        return
    messages.success(request, gettext("That device is signed out."))
