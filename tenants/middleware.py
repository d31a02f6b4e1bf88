"""The console is for staff: to everybody else who is signed in, it does not exist."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse


class ConsoleForStaffOnly:
    """Answer 404 below the console's root to a signed-in user who is not staff; sign-in and sign-out stay open."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the path before anything else does."""
        if _is_console(request.path_info) and request.user.is_authenticated and not request.user.is_staff:
            raise Http404
        return self.get_response(request)


def _is_console(path: str) -> bool:
    open_to_all = [reverse(name) for name in ("admin:login", "admin:logout", "console-oidc", "console-oidc-callback")]
    return path.startswith(reverse("admin:index")) and path not in open_to_all
