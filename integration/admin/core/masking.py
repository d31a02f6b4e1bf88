"""Decides once per request whether the console shows personal data. What masks it is in `tenants/personal.py`."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.personal import (
    HIDDEN,
    PERMISSION,
    hidden,
    mask,
    mask_document,
    mask_id,
    mask_key,
    mask_path,
    mask_words,
    may_see,
)

__all__ = [
    "HIDDEN", "PERMISSION", "MaskPersonalData", "mask", "mask_document", "mask_id", "mask_key", "mask_path",
    "mask_words", "may_see",
]  # fmt: skip


class MaskPersonalData:
    """Mask values below the console's root for whoever lacks the permission."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the switch for as long as the request lasts."""
        console = request.path_info.startswith(reverse("admin:index"))
        with hidden(console and not request.user.has_perm(PERMISSION)):
            return self.get_response(request)
