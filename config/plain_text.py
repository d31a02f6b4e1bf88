"""Refuse NUL characters in addresses and forms: no text has one, and PostgreSQL cannot store it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase

NUL = "\0"
SAYS = "There is a NUL character in what was sent. Go back and type it again."


class RefuseNul:
    """Answer 400 before a page looks. Vendors' calls pass: the intake cleans them; a refusal would lose an event."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Nothing yet: the view is not known."""
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Sequence[str],
        kwargs: Mapping[str, str],
    ) -> HttpResponse | None:
        """Look at the address and the form of a page; what vendors call needs no token of a form."""
        if getattr(view, "csrf_exempt", False):
            return None
        wrong = NUL in request.path_info or _any(request.GET.lists()) or _any(request.POST.lists())
        return HttpResponseBadRequest(SAYS, content_type="text/plain") if wrong else None


def _any(fields: Iterable[tuple[str, Iterable[str]]]) -> bool:
    return any(NUL in text for name, values in fields for text in (name, *values))
