"""What a browser takes along to another site's sign-in page and has to bring back: in a cookie, encrypted, for minutes.

A row of ours per visit would let anybody fill the database by opening an address. The cookie is deleted with the first
answer that comes back; what came back with it counts once at the other site, too.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from typing import TypeVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from integration.secrets import DecryptionFailed, decrypt, encrypt

SECONDS = 600  # for which a question may be answered
A = TypeVar("A", bound=Mapping[str, object])


def store(response: HttpResponse, name: str, state: str, asked: Mapping[str, object]) -> None:
    """Give the browser what it was asked for; the other site brings `state` back in the address."""
    kept = {"state": state, "until": time.time() + SECONDS, "asked": asked}
    response.set_cookie(
        name, encrypt(json.dumps(kept)), max_age=SECONDS, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def load(request: HttpRequest, name: str, kind: type[A]) -> A | None:
    """Return what this browser was asked for, if it brings it back in time and with its state; else None."""
    try:
        kept = json.loads(decrypt(request.COOKIES[name]))
    except (KeyError, ValueError, DecryptionFailed):
        return None
    same = hmac.compare_digest(kept["state"].encode(), request.GET.get("state", "").encode())
    return cast(A, kept["asked"]) if same and kept["until"] > time.time() else None


def clear(request: HttpRequest, response: HttpResponse, name: str) -> HttpResponse:
    """Take it from the browser, if it has it."""
    if name in request.COOKIES:
        response.delete_cookie(name, samesite="Lax")
    return response
