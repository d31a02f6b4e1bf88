"""Vendors' calls go straight to their view: no session, no sign-in, no page headers; those are for people."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, resolve

PREFIX = "/hooks/"
ADDRESSES = "integration.webhooks.urls"


class WebhookFastPath:
    """The first middleware. What is no known address below /hooks/ goes the long way, to the usual 404."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Call the view, and render what it answered as Django's own handler would."""
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        try:
            match = resolve(request.path_info, ADDRESSES)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        answer = match.func(request, *match.args, **match.kwargs)
        if isinstance(answer, SimpleTemplateResponse):
            answer = answer.render()
        assert isinstance(answer, HttpResponse)
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Content-Length", str(len(answer.content)))
        return answer
