"""/metrics: the figures in Prometheus' text format, for whoever has the token. Without METRICS_TOKEN there is none."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST

from integration.connectors.registry import CONNECTORS
from integration.engine.insight.metrics import exposition
from integration.recipes.registry import RECIPES
from tenants import flood


def metrics(request: HttpRequest) -> HttpResponse:
    """200 with the figures, 401 without the right bearer token (429 for many of those), 404 where no token is set."""
    if not settings.METRICS_TOKEN:
        raise Http404
    sent = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(sent, f"Bearer {settings.METRICS_TOKEN}".encode()):
        if flood.beyond(request):
            return HttpResponse("too many\n", status=429, headers={"Retry-After": str(flood.seconds_left())})
        return HttpResponse("not authorised\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(tuple(CONNECTORS), tuple(RECIPES)), content_type=CONTENT_TYPE_LATEST)
