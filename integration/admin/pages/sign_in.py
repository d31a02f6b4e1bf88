"""The console's sign-in page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

admin.site.login_template = "lockstep/login.html"


def sign_in(request: HttpRequest) -> HttpResponse:
    """Django's page in the console's clothes."""
    return admin.site.login(request)
