"""Fetch All of very many people: calls, records per second and memory, and a second pass in which nothing has changed.

The baseline is a bare loop that reads the same pages and writes the same records in bulk, with no bookkeeping at all.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from math import ceil
from typing import Any

from benchmarks.figures import Figure, at_least, at_most, show
from benchmarks.stage import Stage, install, stage

PEOPLE, SHORT = 100_000, 5_000
READ, WRITE = 500, 1_000  # people per call: Pipedrive's pages, Maileon's bulk
OTHERS = 8  # lists of fields, options and owners, one each


def run(*, stack: str, rows: int, as_json: bool, short: bool) -> bool:
    """The bare loop, the first pass, the second pass."""
    with stage("fetch", stack) as hub:
        return show(_figures(hub, stack, rows or (SHORT if short else PEOPLE), short), as_json=as_json)


def _figures(hub: Stage, stack: str, count: int, short: bool) -> Iterator[Figure]:
    half = 0.5 if short else 1.0
    integration = install(hub, doi_enabled=False, permission="1")
    _seed(hub, integration, count)
    before = _memory()
    first = _pass(integration)
    grown = _memory() - before
    calls = hub.calls("pipedrive") + hub.calls("maileon")
    least = ceil(count / READ) + ceil(count / WRITE)
    bare = _bare_loop(integration, count)
    yield at_least(f"fetch all, {stack}: people per second", count / first, "/s", count / bare, 0.5 * half)
    yield at_most(f"fetch all, {stack}: calls, least {least}", calls, "calls", least * 1.02 + OTHERS + 1)
    yield at_most(f"fetch all, {stack}: memory grown by", grown, "MB", 50 / half)
    hub.control("DELETE", "/calls")
    second = _pass(integration)
    writes = [row for row in hub.control("GET", "/calls?vendor=maileon") if row["method"] != "GET"]
    yield at_least(f"unchanged, {stack}: people per second", count / second, "/s", count / first, 3 * half)
    yield at_most(f"unchanged, {stack}: writes", len(writes), "calls", 1)


def _seed(hub: Stage, integration: Any, count: int) -> None:
    resources = integration.resources
    fields = {resources["newsletter"]: int(resources["newsletter_yes"])}
    for start in range(0, count, 5_000):
        rows = [
            {"name": f"Person {n}", "emails": [{"value": f"p{n}@example.com"}], "custom_fields": fields}
            for n in range(start, min(start + 5_000, count))
        ]
        hub.control("POST", "/pipedrive/acme/seed", {"persons": rows})


def _bare_loop(integration: Any, count: int) -> float:
    """Read all pages and write in bulk what the first pass wrote, to addresses of their own.

    What to write is looked up before the clock starts: the loop maps nothing and decides nothing.
    """
    from integration.engine.context import open_client
    from integration.engine.flow import Item, Write
    from integration.models import RecordLink
    from integration.recipes.newsletter.subscription import contact_of

    ready = {}
    for link in RecordLink.objects.filter(integration=integration):
        values = {**link.written, "email": f"bare-{link.written['email']}", "external_id": f"bare-{link.source_id}"}
        ready[link.source_id] = contact_of(Write(Item(link.source_id), "subscribe", values, None, link))
    left, right = open_client(integration.left), open_client(integration.right)
    started, cursor, waiting, seen = time.monotonic(), None, [], 0
    while True:
        page = left.persons_page(cursor, since=None, limit=READ)
        waiting += [ready[person.id] for person in page.records if person.id in ready]
        cursor = page.next_cursor
        while len(waiting) >= WRITE or (cursor is None and waiting):
            part, waiting = waiting[:WRITE], waiting[WRITE:]
            right.synchronize_contacts(part, permission=1)
            seen += len(part)
        if cursor is None:
            break
    assert seen >= count
    return time.monotonic() - started


def _pass(integration: Any) -> float:
    """One Fetch All, worked on in this process."""
    from integration.engine import runner, runs
    from integration.models import SyncRun
    from integration.recipes.registry import get_recipe

    run = runs.start(integration, "fetch_all", "person_to_contact")
    started = time.monotonic()
    while SyncRun.objects.get(pk=run.pk).state in ("waiting", "running"):
        runner.run(str(integration.pk), get_recipe)
    seconds = time.monotonic() - started
    run.refresh_from_db()
    assert run.state == "done", run.problem
    return seconds


def _memory() -> float:
    """Resident memory of this process in MB."""
    gc.collect()
    with open("/proc/self/status") as status:
        line = next(row for row in status if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
