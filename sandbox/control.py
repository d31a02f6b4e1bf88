"""The control API: reset, accounts, misbehaviour, journal, clock. For demo, tests and benchmarks only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from sandbox.assumptions import SWITCHES
from sandbox.http import Incoming, NotRouted, Record, Refused, RouteTable, reply
from sandbox.state import Sandbox


@dataclass(frozen=True)
class ControlCall:
    sandbox: Sandbox
    incoming: Incoming
    params: dict[str, str]

    def body(self) -> Record:
        """Return the JSON object sent, or {} for none; raises ValueError for anything else."""
        value = self.incoming.json() if self.incoming.body else {}
        if not isinstance(value, dict):
            raise ValueError("expected a JSON object")
        return value


ControlRoute = tuple[str, str, Callable[[ControlCall], Any]]


def answer(sandbox: Sandbox, routes: RouteTable[Callable[[ControlCall], Any]], incoming: Incoming) -> Response:
    """Run one control call: ValueError and TypeError answer 400, KeyError 404."""
    try:
        handler, params = routes.find(incoming.method, incoming.segments)
        result = handler(ControlCall(sandbox, incoming, params))
    except NotRouted as missing:
        return reply({"error": "no such control"}, 405 if missing.allowed else 404)
    except Refused as refused:
        return refused.response
    except KeyError as missing_key:
        return reply({"error": f"not found: {missing_key.args[0]}"}, 404)
    except (ValueError, TypeError) as wrong:
        return reply({"error": str(wrong)}, 400)
    return result if isinstance(result, Response) else reply(result)


def healthz(call: ControlCall) -> Record:
    return {"ok": True, "base_url": call.sandbox.base_url, "now": call.sandbox.clock.rfc3339_ms()}


def reset(call: ControlCall) -> Record:
    call.sandbox.reset()
    return {"ok": True}


def read_switches(call: ControlCall) -> list[Record]:
    return [
        {"vendor": vendor, "account": account, **vars(switches), "webhooks": vars(switches.webhooks),
         "fail_next": [vars(failure) for failure in switches.fail_next]}
        for (vendor, account), switches in call.sandbox.misbehaviour.switches.items()
    ]  # fmt: skip


def clear_misbehaviour(call: ControlCall) -> Record:
    call.sandbox.misbehaviour.clear()
    return {"ok": True}


def read_assumptions(call: ControlCall) -> list[Record]:
    """The switches: what is played by default, what when thrown, and which are thrown."""
    return [{**vars(row), "thrown": row.key in call.sandbox.thrown} for row in SWITCHES.values()]


def throw_switches(call: ControlCall) -> Record:
    """Throw exactly these switches, for all that comes; accounts keep what they hold."""
    call.sandbox.thrown.throw(str(key) for key in call.body()["thrown"])
    return {"thrown": list(call.sandbox.thrown)}


def read_calls(call: ControlCall) -> list[Record]:
    query = call.incoming.query
    return call.sandbox.journal.select(query.get("vendor"), query.get("account"), int(query.get("since", "0")))


def count_calls(call: ControlCall) -> Record:
    return dict(call.sandbox.journal.totals)


def clear_calls(call: ControlCall) -> Record:
    call.sandbox.journal.clear()
    return {"ok": True}


def read_deliveries(call: ControlCall) -> list[Record]:
    query = call.incoming.query
    wanted = {key: query[key] for key in ("vendor", "account", "state", "event") if key in query}
    rows = (delivery.as_dict() for delivery in list(call.sandbox.courier.deliveries))
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def release(call: ControlCall) -> Record:
    return {"released": call.sandbox.courier.release(shuffle=bool(call.body().get("shuffle")))}


def move_time(call: ControlCall) -> Record:
    call.sandbox.clock.advance(float(call.body()["advance_seconds"]))
    call.sandbox.courier.wake()
    return {"now": call.sandbox.clock.rfc3339_ms()}


def reseed(call: ControlCall) -> Record:
    """Seed the random numbers that decide about error, drop and duplicate rates; set the retry time scale."""
    body = call.body()
    if "seed" in body:
        call.sandbox.rng.seed(body["seed"])
    if "webhook_time_scale" in body:
        call.sandbox.courier.time_scale = float(body["webhook_time_scale"])
    return {"ok": True}


ROUTES: list[ControlRoute] = [
    ("GET", "healthz", healthz),
    ("POST", "reset", reset),
    ("GET", "misbehave", read_switches),
    ("DELETE", "misbehave", clear_misbehaviour),
    ("GET", "assumptions", read_assumptions),
    ("POST", "assumptions", throw_switches),
    ("GET", "calls", read_calls),
    ("GET", "calls/count", count_calls),
    ("DELETE", "calls", clear_calls),
    ("GET", "webhook-deliveries", read_deliveries),
    ("POST", "webhooks/release", release),
    ("POST", "time", move_time),
    ("POST", "settings", reseed),
]


def prefixed(vendor: str, routes: list[ControlRoute]) -> list[ControlRoute]:
    return [(method, f"{vendor}/{path}", handler) for method, path, handler in routes]


def stripped(incoming: Incoming, count: int) -> Incoming:
    return replace(incoming, segments=incoming.segments[count:])
