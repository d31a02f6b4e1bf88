"""The endpoints vendors call. Stage 2 of the walk: size cap, endpoint, verify, parse, record, 2xx; nothing else.

Needs the database and nothing more: workers, vendors and Redis may be down.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from config.json_value import whole_number
from integration.connectors.base import Intake, ParsedEvent, WebhookRequest
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.intake import inbox
from integration.engine.setup.provisioning import valid_secrets
from integration.errors import IntegrationError, TooManyEvents
from integration.models import WebhookEndpoint
from integration.models.fields import UnreadableSecret
from integration.webhooks import endpoint_cache, fair_share
from tenants import flood

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds; the vendor tries again once the database is back
BUSY, TOO_MANY = 503, 429
JSON = JSONRenderer()


class IntakeView(APIView):
    """What both kinds of endpoint share: nobody logs in, size first, and a database that is down is told as such."""

    authentication_classes = ()
    parser_classes = ()

    def initial(self, request: Request, *args: str, **kwargs: str) -> None:
        """Take every call in: the proof is each vendor's own, so no permission, throttle or version is asked for.

        The answer is JSON whatever a vendor says it accepts: a 406 would lose the event.
        """
        request.accepted_renderer, request.accepted_media_type = JSON, JSON.media_type

    def post(self, request: Request, vendor: str, token: str = "") -> HttpResponse:
        """Store what came in and answer. 404 for an unknown address, 401 without proof (429 for many of either),
        413 as it says.

        What cannot be stored now gets the answer after which this vendor delivers again.
        """
        try:
            call = request._request  # the wrapper looks each attribute up twice, and the body is not its to parse
            return _unfit(call, vendor) or self.receive(call, vendor, token)
        except DatabaseError:
            log.exception("The inbox could not be written.")
            return _later(vendor)

    def receive(self, request: HttpRequest, vendor: str, token: str) -> HttpResponse:
        """Verify, parse, record."""
        raise NotImplementedError


class WebhookView(IntakeView):
    """Receive notifications of one vendor at the endpoint of one connection."""

    def receive(self, request: HttpRequest, vendor: str, token: str) -> HttpResponse:
        """The token in the address finds the connection, its secret proves the call."""
        endpoint = endpoint_cache.find(vendor, token)
        webhooks = get_connector(vendor).webhooks if vendor in CONNECTORS else None
        if endpoint is None or webhooks is None or get_connector(vendor).app_webhooks:
            return _slowed(request) or JsonResponse({"error": "unknown address"}, status=404)
        if isinstance(endpoint.secret, UnreadableSecret):
            log.error("The secret of endpoint %s cannot be decrypted.", endpoint.pk)
            return _later(vendor)
        call = WebhookRequest.of(request)
        if not (webhooks.verify(call, valid_secrets(endpoint)) or _proven_afresh(webhooks, call, vendor, token)):
            return _slowed(request) or _refused(endpoint)
        return self._take_in(endpoint, webhooks, call, vendor)

    def _take_in(self, endpoint: WebhookEndpoint, webhooks: Intake, call: WebhookRequest, vendor: str) -> HttpResponse:
        """Store a call that is proven. What is too much, or unreadable, leaves a trace."""
        try:
            events = webhooks.parse(call)
        except TooManyEvents as exc:
            fair_share.beyond(endpoint.connection.tenant_id, 1)
            inbox.record(endpoint, [_unreadable(call, exc, exc.reason)], deferred=True, ignored=exc.reason)
            return _later(vendor, fair_share.seconds_left())
        except IntegrationError as exc:
            events = [_unreadable(call, exc)]
        crowded, used_up = fair_share.beyond(endpoint.connection.tenant_id, len(events))
        if used_up and get_connector(vendor).busy_status == TOO_MANY:
            return _later(vendor, fair_share.seconds_left())
        inbox.record(endpoint, events, deferred=crowded)
        return JsonResponse({"received": len(events)}, status=200)


def _refused(endpoint: WebhookEndpoint) -> HttpResponse:
    """Count a call without proof, for the console; of its body nothing is kept."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(refused=F("refused") + 1, last_refused_at=timezone.now())
    return JsonResponse({"error": "not authorised"}, status=401)


def _proven_afresh(webhooks: Intake, call: WebhookRequest, vendor: str, token: str) -> bool:
    """Whether the secret was changed since we last read it."""
    endpoint = endpoint_cache.find(vendor, token, afresh=True)
    return endpoint is not None and webhooks.verify(call, valid_secrets(endpoint))


class AppWebhookView(IntakeView):
    """Receive notifications of a vendor whose app has one address for all accounts.

    The app's secret proves the call, each event names its account. An account that is unknown here gets its 2xx all the
    same: the vendor would only try again.
    """

    def receive(self, request: HttpRequest, vendor: str, token: str) -> HttpResponse:
        """Record each event for the connections of its account, all in one transaction."""
        webhooks = get_connector(vendor).webhooks if vendor in CONNECTORS else None
        if webhooks is None or not get_connector(vendor).app_webhooks:
            return _slowed(request) or JsonResponse({"error": "unknown address"}, status=404)
        call = WebhookRequest.of(request)
        if not webhooks.verify(call, [settings.OAUTH_APPS.get(vendor, {}).get("client_secret", "")]):
            if slowed := _slowed(request):
                return slowed
            log.warning("A call to the address of %s did not prove where it comes from.", vendor)
            return JsonResponse({"error": "not authorised"}, status=401)
        try:
            events = webhooks.parse(call)
        except TooManyEvents as exc:
            log.error("A call of %s was refused: %s", vendor, exc.public)
            return _later(vendor)
        except IntegrationError as exc:  # it names no account, so there is nobody to keep it for
            log.error("A call of %s could not be read: %s", vendor, exc.public)
            return JsonResponse({"received": 0}, status=200)
        unknown = inbox.record_for_accounts(vendor, events, fair_share.late)
        return JsonResponse({"received": len(events), "unknown": unknown}, status=200)


def _unfit(request: HttpRequest, vendor: str) -> HttpResponse | None:
    """Refuse what says no size, or too large a one, before any of it is read."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return JsonResponse({"error": "send the length of the body"}, status=411)
    length = whole_number(request.META.get("CONTENT_LENGTH") or "0")
    if length is None or length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return JsonResponse({"error": "too large"}, status=413)
    if vendor in CONNECTORS and length > get_connector(vendor).most_bytes:
        return JsonResponse({"error": "too large"}, status=413)
    return None


def _slowed(request: HttpRequest) -> HttpResponse | None:
    """What an address that misses again and again is told; nothing is written about it. Hits are never refused."""
    if not flood.beyond(request):
        return None
    return JsonResponse(
        {"error": "too many wrong calls"}, status=TOO_MANY, headers={"Retry-After": str(flood.seconds_left())}
    )


def _later(vendor: str, seconds: int = RETRY_AFTER) -> HttpResponse:
    status = get_connector(vendor).busy_status if vendor in CONNECTORS else BUSY
    return JsonResponse({"error": "try again later"}, status=status, headers={"Retry-After": str(seconds)})


def _unreadable(call: WebhookRequest, exc: IntegrationError, name: str = "unreadable") -> ParsedEvent:
    """An authenticated body that becomes no event. One that we cannot read gets its 2xx: refusing it would cost us the
    webhook."""
    return ParsedEvent.unreadable(call.body.decode("utf-8", errors="replace"), exc.public, name=name)
