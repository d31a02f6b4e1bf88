"""Nobody with an app gets past a door without its code; where one is demanded, nobody without an app."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from integration.second_factor.demand import is_console, missing

OPEN = (
    "admin:login", "admin:logout", "console-oidc", "console-oidc-callback", "login", "logout", "console-verify",
    "console-two-factor", "portal:verify", "portal:second_factor", "livez", "readyz", "healthz", "metrics",
)  # fmt: skip


class SecondFactor:
    """Send whoever is signed in to the page they need first. A vendor's consent page is a first factor, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look before any view does."""
        step = None if request.path_info in _open_to_all() else missing(request)
        if step is None:
            return self.get_response(request)
        console = is_console(request)
        pages = {"verify": "portal:verify", "set_up": "portal:second_factor"}
        if console:
            pages = {"verify": "console-verify", "set_up": "console-two-factor"}
        wanted = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
        address = f"{reverse(pages[step])}?{urlencode({'next': wanted})}"
        if "HX-Request" in request.headers:  # a part of a page: the whole page goes
            return HttpResponse(headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)


@lru_cache(maxsize=1)
def _open_to_all() -> frozenset[str]:
    return frozenset(reverse(name) for name in OPEN)
