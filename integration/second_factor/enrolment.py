"""A seed before its app has proven itself: in the session that saw it, encrypted, for ten minutes.

Another session, another person or a later try gets another seed: what somebody read over a shoulder is worth nothing.
"""

from __future__ import annotations

import time
from typing import TypedDict

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext

from integration.models import AuthenticatorApp
from integration.models.access import new_seed
from integration.secrets import DecryptionFailed, decrypt, encrypt

SECONDS = 600
SESSION_KEY = "authenticator_seed"


class Shown(TypedDict):
    """What the session remembers."""

    seed: str  # encrypted
    user: str
    until: float  # seconds since 1970


def begin(request: HttpRequest, user: User) -> tuple[AuthenticatorApp, bool]:
    """The app that is being set up, not saved, and whether its seed is one that was shown here before."""
    key = _shown(request, user)
    seed = {"key": key} if key else new_seed()
    if not key:
        shown: Shown = {"seed": encrypt(seed["key"]), "user": str(user.pk), "until": time.time() + SECONDS}
        request.session[SESSION_KEY] = shown
    app = AuthenticatorApp(user=user, name=gettext("Authenticator app"), confirmed=False, seed=seed)
    return app, bool(key)


def end(request: HttpRequest) -> None:
    """Forget the seed."""
    request.session.pop(SESSION_KEY, None)


def _shown(request: HttpRequest, user: User) -> str:
    shown: Shown | None = request.session.get(SESSION_KEY)
    if shown is None or shown["user"] != str(user.pk) or shown["until"] <= time.time():
        return ""
    try:
        return decrypt(shown["seed"])
    except DecryptionFailed:
        return ""
