"""Personal data is for those who may see it: everybody else gets the first letter of each value.

A middleware decides once per request; `show` asks here whenever it shows a value that came from a vendor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from integration.redact import MASK

PERMISSION = "integration.see_personal_data"
HIDDEN = "Hidden: your role does not see personal data."
_masked: ContextVar[bool] = ContextVar("personal_data_masked", default=False)


class MaskPersonalData:
    """Mask values below the console's root for whoever lacks the permission."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the switch for as long as the request lasts."""
        console = request.path_info.startswith(reverse("admin:index"))
        token = _masked.set(console and not request.user.has_perm(PERMISSION))
        try:
            return self.get_response(request)
        finally:
            _masked.reset(token)


def mask(value: Any) -> Any:
    """The value as this person may see it: texts keep their first letter, lists and objects their shape."""
    if not _masked.get() or value in (None, "") or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {key: mask(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [mask(part) for part in value]
    return f"{value[:1]}{MASK}" if isinstance(value, str) else MASK


def mask_document(text: str) -> str:
    """A document as this person may see it: JSON with masked values, anything else not at all."""
    if not _masked.get() or not text:
        return text
    try:
        return json.dumps(mask(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return HIDDEN
