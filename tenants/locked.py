"""The page for whoever has guessed too often: why, and when it opens again. It looks like the page they were on."""

from __future__ import annotations

import math
from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from tenants.lock_out import Credentials, SignInRequest

WHY = _("Too many wrong passwords came from your device, address or network.")
OTHERWISE = _("A device that has signed in before, or another network, works at once.")


def seconds_until(moment: datetime) -> int:
    """Whole seconds, at least one."""
    return max(math.ceil((moment - timezone.now()).total_seconds()), 1)


def opens(moment: datetime) -> str:
    """When it may be tried again, in words."""
    minutes = math.ceil(seconds_until(moment) / 60)
    text = ngettext(
        "Try again at {time} UTC, in {minutes} minute.", "Try again at {time} UTC, in {minutes} minutes.", minutes
    )
    return text.format(time=f"{moment:%H:%M}", minutes=minutes)


def locked(request: SignInRequest, response: HttpResponse | None, credentials: Credentials) -> HttpResponse:
    """Called by axes instead of the log-in page's own answer."""
    return page(request, request.locked_until or timezone.now(), WHY, OTHERWISE)


def page(request: HttpRequest, until: datetime, why: StrOrPromise, otherwise: StrOrPromise) -> HttpResponse:
    """Answer 429."""
    context = {
        "title": gettext("Please wait"),
        "why": why,
        "opens": opens(until),
        "otherwise": otherwise,
        "again": request.path,
    }
    console = request.path_info.startswith(reverse("admin:index"))
    shared = admin.site.each_context(request) if console else {}
    template = "lockstep/locked.html" if console else "portal/locked.html"
    answer = TemplateResponse(request, template, {**shared, **context}, status=429)
    answer.headers["Retry-After"] = str(seconds_until(until))
    add_never_cache_headers(answer)
    return answer.render()
