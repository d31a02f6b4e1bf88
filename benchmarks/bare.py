"""The intake's baseline: a bare Django with one view that inserts the body and answers. Same server, same database."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path


def insert(request: HttpRequest) -> HttpResponse:
    """One INSERT of what came in, committed before the answer."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bare (body) VALUES (%s)", [request.body.decode()])
    return HttpResponse(b'{"received": 1}', content_type="application/json", headers={"Content-Length": "15"})


urlpatterns = [path("hooks/", insert)]


def application() -> Any:
    """The WSGI application, with the hub's own database settings."""
    import config.settings as ours

    settings.configure(
        DATABASES=ours.DATABASES, ROOT_URLCONF="benchmarks.bare", ALLOWED_HOSTS=["*"], USE_TZ=True,
        SECRET_KEY="bare", MIDDLEWARE=[],  # noqa: S106 (nothing is signed)
    )  # fmt: skip
    django.setup()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()
