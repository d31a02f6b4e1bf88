"""What an administrator does in Pipedrive's settings, as control calls: fields and their options, pipelines, stages.

None of it sends a webhook. Pipelines and stages are renamed and deleted like any record, see `control`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.pipedrive import fieldapi
from sandbox.pipedrive.api import Actor, Call

FIELD_KINDS = ("person", "organization", "deal")


def _at_the_screen(handler: Callable[[str, Call], Response], kind: str, control: ControlCall) -> Response:
    company = control.sandbox.pipedrive.companies[control.params["domain"]]
    call = Call(control.sandbox, company, Actor(company.admin(), "ui", source="app"), control.incoming, control.params)
    return handler(kind, call)


def _routes(kind: str) -> list[ControlRoute]:
    fields = f"{{domain}}/{kind}Fields"
    actions = (
        ("POST", fields, fieldapi.create_field),
        ("PATCH", f"{fields}/{{code}}", fieldapi.update_field),
        ("DELETE", f"{fields}/{{code}}", fieldapi.delete_field),
        ("POST", f"{fields}/{{code}}/options", fieldapi.add_options),
        ("PATCH", f"{fields}/{{code}}/options", fieldapi.rename_options),
        ("DELETE", f"{fields}/{{code}}/options", fieldapi.delete_options),
    )
    return [(method, path, partial(_at_the_screen, handler, kind)) for method, path, handler in actions]


ROUTES: list[ControlRoute] = [route for kind in FIELD_KINDS for route in _routes(kind)]
