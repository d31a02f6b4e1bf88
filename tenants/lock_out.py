"""What django-axes asks about each password that is tried: the counts are those of `tenants.guessing`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from django.contrib.auth.models import User
from django.dispatch import Signal
from django.http import HttpRequest

from tenants import devices, guessing

Credentials: TypeAlias = Mapping[str, str]  # what was typed, by the name of its field

log = logging.getLogger(__name__)


class SignInRequest(HttpRequest):
    """A request with what axes and we note on it while a password is tried. Only the type: Django makes the object."""

    axes_ip_address: str
    axes_locked_out: bool
    axes_credentials: Credentials
    locked_until: datetime | None


class LockOut(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Locks places, never a name; keeps axes' log of who signed in when."""

    def is_locked(self, request: SignInRequest, credentials: Credentials | None = None) -> bool:
        """Count the try, and say whether this place may not make it. Noted on the request, for what comes after."""
        request.locked_until = guessing.begin(_trial(request, credentials))
        return request.locked_until is not None

    def user_login_failed(
        self, sender: str, credentials: Credentials, request: SignInRequest | None = None, **kwargs: Signal
    ) -> None:
        """Say whether that was the last try. Who was locked already was not counted: a lock ends when the page says."""
        if request is None:
            return
        if getattr(request, "locked_until", None) is None:
            log.warning("A wrong password from %s.", request.axes_ip_address)
            request.locked_until = guessing.locked_until(_trial(request, credentials))
        request.axes_locked_out = request.locked_until is not None
        request.axes_credentials = credentials

    def user_logged_in(self, sender: type[User], request: SignInRequest, user: User, **kwargs: Signal) -> None:
        """Forgive this place, and remember the device."""
        super().user_logged_in(sender, request, user, **kwargs)
        if hasattr(request, "locked_until"):  # a password was tried, and counted before it was
            guessing.forgive(guessing.Trial.of(guessing.PASSWORD, request, user.get_username()))
        devices.remember(request, user.get_username(), devices.PASSWORD)


def _trial(request: SignInRequest, credentials: Credentials | None) -> guessing.Trial:
    return guessing.Trial.of(guessing.PASSWORD, request, get_client_username(request, credentials) or "")
