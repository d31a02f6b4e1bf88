"""The gate every vendor call passes: journal, simulated latency, planned failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from sandbox.control import ControlRoute
from sandbox.http import Incoming, Record
from sandbox.misbehave import with_odd_rows
from sandbox.state import Sandbox


@dataclass(frozen=True)
class Vendor:
    """What a vendor's folder offers to the rest. `switches` obeys the misbehaviour wishes only it understands."""

    name: str
    account_of: Callable[[Sandbox, Incoming], str]
    answer: Callable[[Sandbox, Incoming], Response]
    controls: list[ControlRoute] = field(default_factory=list)
    switches: Callable[[Sandbox, str, Record], None] = lambda sandbox, account, wish: None
    pages: list[ControlRoute] = field(default_factory=list)


async def serve(sandbox: Sandbox, vendor: Vendor, incoming: Incoming) -> Response:
    started, at = time.perf_counter(), sandbox.clock.rfc3339_ms()
    account = vendor.account_of(sandbox, incoming)
    verdict = sandbox.misbehaviour.judge(vendor.name, account, incoming)
    if verdict.latency_s:
        await asyncio.sleep(verdict.latency_s)
    if verdict.failure is None:
        response = vendor.answer(sandbox, incoming)
        if verdict.odd_rows:
            response = with_odd_rows(response, verdict.odd_rows)
    else:
        if verdict.failure.after:
            vendor.answer(sandbox, incoming)
        response = verdict.failure.response()
    for name, value in verdict.headers.items():
        response.headers[name] = value
    ms = (time.perf_counter() - started) * 1000
    _note(sandbox, vendor.name, account, incoming, response.status_code, at, ms)
    return response


def _note(sandbox: Sandbox, vendor: str, account: str, incoming: Incoming, status: int, at: str, ms: float) -> None:
    sandbox.journal.add(
        at=at, vendor=vendor, account=account, method=incoming.method, path=incoming.path,
        query=str(incoming.query), status=status, ms=ms, body=incoming.body,
    )  # fmt: skip
