"""Refuse NUL characters in addresses and forms: no text has one, and PostgreSQL cannot store it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase

NUL = "\0"
SAYS = "There is a NUL character in what was sent. Go back and type it again."


class RefuseNul:
    """Answer 400 before anybody looks. Vendors' calls are not forms; the intake reads those itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look at the address."""
        if NUL in request.path_info or _any(request.GET.lists()):
            return HttpResponseBadRequest(SAYS, content_type="text/plain")
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Look at a form, where the view protects itself by a token as all our forms do."""
        if request.method != "POST" or getattr(view, "csrf_exempt", False):
            return None
        return HttpResponseBadRequest(SAYS, content_type="text/plain") if _any(request.POST.lists()) else None


def _any(fields: Any) -> bool:
    return any(NUL in text for name, values in fields for text in (name, *values))
