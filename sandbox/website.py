"""The sandbox's own web page: overview, deliveries, call journal and the misbehaviour switches.

Vendors add their pages through `Vendor.pages`; all of them are plain forms without scripts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Incoming, NotRouted, Record, Refused, RouteTable
from sandbox.pages import redirect, render, stylesheet
from sandbox.state import Sandbox
from sandbox.vendors import VENDORS

SHOWN_ROWS = 200
Pages = RouteTable[Callable[[ControlCall], Any]]


def answer(sandbox: Sandbox, pages: Pages, incoming: Incoming) -> Response:
    try:
        handler, params = pages.find(incoming.method, incoming.segments)
        response: Response = handler(ControlCall(sandbox, incoming, params))
    except NotRouted:
        return render("message.html", 404, title="Not found", text="There is no such page.")
    except KeyError as missing:
        return render("message.html", 404, title="Not found", text=f"{missing.args[0]} does not exist.")
    except Refused as refused:
        text = refused.response.body.decode() if isinstance(refused.response.body, bytes) else "Refused"
        return render("message.html", 400, title="Not accepted", text=text)
    return response


def overview(call: ControlCall) -> Response:
    sandbox = call.sandbox
    return render(
        "overview.html",
        base_url=sandbox.base_url,
        companies=sandbox.pipedrive.companies.values(),
        portals=sandbox.hubspot.portals.values(),
        hubspot_apps=sandbox.hubspot.apps.values(),
        accounts=sandbox.maileon.accounts.values(),
        brevo_accounts=sandbox.brevo.accounts.values(),
        leadboxer_accounts=sandbox.leadboxer.accounts.values(),
        planhat_accounts=sandbox.planhat.accounts.values(),
        apps=sandbox.pipedrive.apps.values(),
        totals=sorted(sandbox.journal.totals.items()),
        faults=sandbox.misbehaviour.switches,
    )


def deliveries(call: ControlCall) -> Response:
    rows = [delivery.as_dict() for delivery in list(call.sandbox.courier.deliveries)[-SHOWN_ROWS:]]
    return render("deliveries.html", rows=rows[::-1], held=len(call.sandbox.courier.held))


def release(call: ControlCall) -> Response:
    call.sandbox.courier.release()
    return redirect("/ui/deliveries")


def calls(call: ControlCall) -> Response:
    query = call.incoming.query
    rows = call.sandbox.journal.select(query.get("vendor") or None, query.get("account") or None)
    return render("calls.html", rows=rows[::-1][:SHOWN_ROWS], total=call.sandbox.journal.last)


def misbehave_page(call: ControlCall) -> Response:
    return render("misbehave.html", vendors=list(VENDORS), switches=call.sandbox.misbehaviour.switches)


def misbehave(call: ControlCall) -> Response:
    """Take the switches form; an empty input leaves its switch alone."""
    form = read_form(call)
    if form.get("clear"):
        call.sandbox.misbehaviour.clear()
        return redirect("/ui/misbehave")
    vendor, account = VENDORS[form["vendor"]], form.get("account", "")
    wish = read_switches(form)
    call.sandbox.misbehaviour.change(vendor.name, account, wish)
    vendor.switches(call.sandbox, account, wish)
    return redirect("/ui/misbehave")


def read_switches(form: dict[str, str]) -> Record:
    numbers: dict[str, Callable[[str], Any]] = {
        "latency_ms": int,
        "error_rate": float,
        "error_status": int,
        "search_delay_s": float,
        "daily_budget_left": int,
    }
    wish: Record = {name: read(form[name]) for name, read in numbers.items() if form.get(name)}
    webhooks: Record = {name: float(form[name]) for name in ("drop_rate", "duplicate_rate") if form.get(name)}
    if form.get("delay_ms"):
        webhooks["delay_ms"] = int(form["delay_ms"])
    wish["webhooks"] = webhooks | {"hold": "hold" in form, "reorder": "reorder" in form}
    if form.get("fail_status"):
        wish["fail_next"] = [
            {
                "status": int(form["fail_status"]),
                "times": int(form.get("fail_times") or 1),
                "after": "after" in form,
                "path_contains": form.get("path_contains", ""),
            }
        ]
    if "expire_tokens" in form:
        wish["expire_tokens"] = True
    return wish


def read_form(call: ControlCall) -> dict[str, str]:
    return dict(parse_qsl(call.incoming.body.decode("utf-8", "replace"), keep_blank_values=True))


def advance(call: ControlCall) -> Response:
    call.sandbox.clock.advance(float(read_form(call).get("seconds") or 0))
    call.sandbox.courier.wake()
    return redirect("/")


def reset(call: ControlCall) -> Response:
    call.sandbox.reset()
    return redirect("/")


def style(call: ControlCall) -> Response:
    return stylesheet()


ROUTES: list[ControlRoute] = [
    ("GET", "", overview),
    ("GET", "_web/style.css", style),
    ("GET", "ui/deliveries", deliveries),
    ("POST", "ui/deliveries/release", release),
    ("GET", "ui/calls", calls),
    ("GET", "ui/misbehave", misbehave_page),
    ("POST", "ui/misbehave", misbehave),
    ("POST", "ui/advance", advance),
    ("POST", "ui/reset", reset),
]


def page_routes() -> Pages:
    routes = list(ROUTES)
    for vendor in VENDORS.values():
        routes += [(method, f"ui/{vendor.name}/{path}", handler) for method, path, handler in vendor.pages]
    return RouteTable(routes)
