"""Where the person at the console is signed in, with the buttons that end it."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from tenants import own_sessions as shown


def own_sessions(request: HttpRequest) -> HttpResponse:
    """The person's sessions. Everybody at the console sees their own."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        shown.end(request, user)
        return HttpResponseRedirect(request.path)
    context = {
        **admin.site.each_context(request), "title": gettext("My sessions"),
        "rows": shown.listed(request, user), "limits": shown.limits_of(user),
    }  # fmt: skip
    return TemplateResponse(request, "lockstep/own_sessions.html", context)
