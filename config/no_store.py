"""Nothing that the hub answers is kept by a browser or a proxy: each page may show personal data.

Files of the pages' own (styles, scripts, pictures) are answered before this and may be kept.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers


class NoStore:
    """Put `Cache-Control: no-store` on every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """One rule for pages, downloads, redirects and errors."""
        response = self.get_response(request)
        add_never_cache_headers(response)
        return response
