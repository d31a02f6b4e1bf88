"""What a browser takes along to another site's sign-in page and has to bring back: in a cookie, encrypted, for minutes.

A row of ours per visit would let anybody fill the database by opening an address. The cookie is deleted with the first
answer that comes back; what came back with it counts once at the other site, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from integration.secrets import DecryptionFailed, decrypt, encrypt


def keep(response: HttpResponse, name: str, asked: Mapping[str, Any], seconds: int) -> None:
    """Give it to the browser."""
    response.set_cookie(
        name, encrypt(json.dumps(asked)), max_age=seconds, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def brought(request: HttpRequest, name: str) -> Any:
    """Return what this browser brings back; None for nothing, and for what we have not made."""
    try:
        return json.loads(decrypt(request.COOKIES[name]))
    except (KeyError, ValueError, DecryptionFailed):
        return None


def end(request: HttpRequest, response: HttpResponse, name: str) -> HttpResponse:
    """Take it from the browser, if it has it."""
    if name in request.COOKIES:
        response.delete_cookie(name, samesite="Lax")
    return response
