"""Devices somebody has signed in with before: a signed cookie, so that their tries are counted apart from strangers'.

It opens nothing. Which proof the person gave is part of it: a device that has only seen the right password is not known
to the second factor.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

COOKIE = "lockstep_device"
SALT = "tenants.devices"
SECONDS = 180 * 24 * 3600
PASSWORD, CODE = "password", "code"  # noqa: S105 (what was proven)
ENOUGH = {PASSWORD: (PASSWORD, CODE), CODE: (CODE,)}


def known(request: HttpRequest, name: str, proven: str) -> str:
    """The device's id if this person has given at least that proof on it; else nothing."""
    value = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=SECONDS) or ""
    was_proven, _, rest = value.partition(".")
    owner, _, device = rest.partition(".")
    fits = was_proven in ENOUGH[proven] and constant_time_compare(owner, _owner(name))
    return device if fits else ""


def remember(request: HttpRequest, name: str, proven: str) -> None:
    """Have the answer carry the cookie. A device that is known already keeps its id."""
    name = name.strip().casefold()
    if not known(request, name, proven):
        request.known_device = f"{proven}.{_owner(name)}.{secrets.token_hex(16)}"  # type: ignore[attr-defined]


class KnownDevice:
    """Middleware that sets the cookie when somebody has signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look whether the view remembered a device."""
        response = self.get_response(request)
        if value := getattr(request, "known_device", ""):
            response.set_signed_cookie(
                COOKIE, value, salt=SALT, max_age=SECONDS, httponly=True, samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )  # fmt: skip
        return response


def _owner(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()[:32]
