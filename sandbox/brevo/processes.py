"""Asynchronous work: it is queued, done when due, and answers with counters only; `notifyUrl` is called at its end."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.responses import Response

from sandbox.brevo.api import OTHER, Call, Endpoint, error, id_of, page, stamp
from sandbox.brevo.model import Account, Process
from sandbox.delivery import Delivery
from sandbox.http import Record, reply
from sandbox.state import Sandbox


def start(
    call: Call, name: str, work: Callable[[], Record], notify_url: str = "", rows: list[Record] | None = None
) -> int:
    """Queue work and return the id of its process."""
    due = call.sandbox.clock.seconds() + call.account.import_delay_s
    process = Process(call.account.next("process", 78), name, call.now(), due, work, notify_url)
    process.rows = rows if rows is not None else []
    call.account.processes[process.id] = process
    if notify_url:
        call.sandbox.courier.submit(_notice(call.sandbox, call.account, process), call.account.import_delay_s)
    return process.id


def settle(sandbox: Sandbox, account: Account) -> None:
    """Do what has come due. Called before anything looks at the account."""
    with account.lock:
        for process in list(account.processes.values()):
            if process.status == "queued" and process.due <= sandbox.clock.seconds():
                process.status = "completed"
                process.info = process.work()
                process.completed = stamp(sandbox)


def end(sandbox: Sandbox, account: Account, process: Process, *, failed: bool, rows: int | None) -> None:
    """Bring queued work to its end now: done or failed, and with only so many rows carried out."""
    if rows is not None:
        del process.rows[rows:]
    with account.lock:
        process.info = process.work() if process.rows else {}
        process.status = "failed" if failed else "completed"
        process.completed = stamp(sandbox)


def _notice(sandbox: Sandbox, account: Account, process: Process) -> Delivery:
    def body(attempt: int) -> bytes:
        settle(sandbox, account)
        return json.dumps({"processId": process.id, "status": process.status}).encode()

    return Delivery(
        vendor="brevo", account=account.id, webhook_id="notifyUrl", event="process", method="POST",
        url=process.notify_url, body=body, headers={"content-type": "application/json"}, timeout_s=10.0,
    )  # fmt: skip


def get(call: Call) -> Response:
    found = call.account.processes.get(id_of(call))
    return reply(_shown(found)) if found else error(404, "document_not_found", "Process not found")


def list_processes(call: Call) -> Response:
    rows = page(call, [_shown(row) for row in call.account.processes.values()], 10, 50)
    return reply({"processes": list(rows), "count": len(call.account.processes)})


def _shown(row: Process) -> Record:
    done = {"completed_at": row.completed, "info": row.info} if row.completed else {}
    return {"id": row.id, "name": row.name, "status": row.status, "created_at": row.created, **done}


ENDPOINTS = [
    Endpoint("GET", "processes", list_processes, OTHER),
    Endpoint("GET", "processes/{id}", get, OTHER),
]
