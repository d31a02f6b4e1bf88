"""The ASGI program: control API, vendor hosts and the web page, told apart by the first path segment."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import control, website
from sandbox.control import ControlCall, prefixed, stripped
from sandbox.gate import serve
from sandbox.http import Record, RouteTable, receive
from sandbox.seeds import furnish
from sandbox.state import Sandbox
from sandbox.vendors import VENDORS

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def misbehave(call: ControlCall) -> Record:
    """Set switches; what only the vendor understands (tokens, budgets) is passed on to it."""
    wish = call.body()
    vendor, account = VENDORS[wish["vendor"]], str(wish.get("account") or "")
    call.sandbox.misbehaviour.change(vendor.name, account, wish)
    vendor.switches(call.sandbox, account, wish)
    return {"ok": True}


def control_routes() -> RouteTable[Callable[[ControlCall], Any]]:
    routes = [*control.ROUTES, ("POST", "misbehave", misbehave)]
    for vendor in VENDORS.values():
        routes += prefixed(vendor.name, vendor.controls)
    return RouteTable(routes)


def build_app(sandbox: Sandbox) -> Starlette:
    controls, pages = control_routes(), website.page_routes()

    async def dispatch(request: Request) -> Response:
        response = await answer(request)
        response.headers["Date"] = email.utils.format_datetime(sandbox.clock.now(), usegmt=True)
        return response

    async def answer(request: Request) -> Response:
        incoming = await receive(request)
        first = incoming.segments[0]
        if first == "_control":
            return control.answer(sandbox, controls, stripped(incoming, 1))
        vendor = VENDORS.get(first)
        if vendor is not None:
            return await serve(sandbox, vendor, stripped(incoming, 1))
        return website.answer(sandbox, pages, incoming)

    return Starlette(routes=[Route("/{path:path}", dispatch, methods=METHODS)])


def build(
    base_url: str, *, seed: int = 1, time_scale: float = 1.0, thrown: Iterable[str] = ()
) -> tuple[Sandbox, Starlette]:
    sandbox = Sandbox(base_url, furnish, seed=seed, time_scale=time_scale, thrown=thrown)
    return sandbox, build_app(sandbox)
