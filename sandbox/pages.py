"""Renders the HTML templates; everything is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

FOLDER = Path(__file__).parent / "web"
_ENVIRONMENT = Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined)


def render(template: str, status: int = 200, **context: Any) -> Response:
    body = _ENVIRONMENT.get_template(template).render(**context)
    headers = {"content-security-policy": "default-src 'self'; img-src 'self' data:; form-action *; base-uri 'none'"}
    return Response(body, status, headers, "text/html; charset=utf-8")


def redirect(location: str) -> Response:
    return Response(b"", 303, {"location": location})


def stylesheet() -> Response:
    return Response((FOLDER / "style.css").read_bytes(), 200, None, "text/css; charset=utf-8")
