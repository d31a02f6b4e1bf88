"""Where operators have an identity provider, only its sessions open the console, and the break-glass account's."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import BACKEND_SESSION_KEY, logout
from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from integration.models import BreakGlassUse
from integration.oidc.backends import PATH
from integration.oidc.provider import is_break_glass, is_configured
from tenants import audit
from tenants.access import person
from tenants.sessions import ENDED

NOTED = "break_glass_noted"
OTHER_WAY = "provider"


class ConsoleByProvider:
    """Sign out whoever came to the console another way, and note each use of the break-glass account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look before any view does."""
        user = person(request) if is_configured() and _has_session(request) else None
        if user is None or request.session.get(BACKEND_SESSION_KEY) == PATH:
            return self.get_response(request)
        if is_break_glass(user.get_username()):
            _note_use(request, user)
        elif request.path_info.startswith(reverse("admin:index")):
            logout(request)
            request.session[ENDED] = OTHER_WAY
            return redirect("admin:login")
        return self.get_response(request)


def _has_session(request: HttpRequest) -> bool:
    return request.session.session_key is not None


def _note_use(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Once per session: a row, from which an alert is made within the minute."""
    if not request.session.get(NOTED):
        request.session[NOTED] = True
        assert isinstance(user, User)
        BreakGlassUse.objects.create(user=user)
        audit.record("Signed in with the break-glass account", user)
