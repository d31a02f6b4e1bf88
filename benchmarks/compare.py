"""A comparison of very many records: rate, calls of the target, memory; and whether an edit behind our back is found.

The baseline is a bare loop that reads the same pages of both sides (`tape`).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import fetch
from benchmarks.figures import Figure, at_least, at_most, show
from benchmarks.stage import Stage, stage
from benchmarks.tape import Tape

# Recipe → the flow that is compared, the path of its target's list, and how many records a page of it has.
FLOWS = {
    "pipedrive_maileon": ("person_to_contact", "/contacts", 1000),
    "pipedrive_brevo": ("person_to_contact", "/contacts", 1000),
}


def run(*, stack: str, rows: int, as_json: bool, short: bool, recipe: str = "pipedrive_maileon") -> bool:
    """Bring everybody in step, edit one, compare, then read it all bare."""
    os.environ.update(fetch.HUBSPOT_APP)
    subject = fetch.SUBJECTS[recipe]
    count = rows or (fetch.SHORT if short else fetch.RECORDS)
    with stage(f"compare_{recipe}", stack) as hub, tempfile.TemporaryDirectory() as folder:
        integration = subject.install(hub)
        for first in range(0, count, fetch.PORTION):
            subject.seed(hub, integration, first, min(fetch.PORTION, count - first))
        fetch._pass(integration)
        tape = Tape(Path(folder) / "tape")
        name = f"compare, {recipe}, {stack}"
        return show(_figures(hub, name, integration, recipe, count, 0.5 if short else 1.0, tape), as_json=as_json)


def _figures(
    hub: Stage, name: str, integration: Any, recipe: str, count: int, half: float, tape: Tape
) -> Iterator[Figure]:
    from integration import gc_tuning
    from integration.models import Drift

    flow, path, size = FLOWS[recipe]
    _edit(integration, recipe)
    hub.control("DELETE", "/calls")
    gc_tuning.freeze_startup_objects()
    before = fetch._memory()
    with tape.recording():
        took, counts = _compared(integration, flow)
    grown = fetch._memory() - before
    calls = [row for row in hub.control("GET", "/calls") if path in row["path"]]
    least = -(-count // size)
    bare = tape.seconds(integration)
    yield at_least(f"{name}: records per second", count / took, "/s", count / bare, 0.6 * half)
    yield at_most(f"{name}: calls of the target, least {least}", len(calls), "calls", least * 1.02 + 1)
    yield at_most(f"{name}: memory grown by", grown, "MB", 50 / half)
    yield at_least(f"{name}: edits behind our back found, of 1", counts.get("differs", 0), "", 1, 1)
    assert Drift.objects.filter(kind="differs").count() >= 1, counts


def _edit(integration: Any, recipe: str) -> None:
    """Somebody changes one name at the target."""
    from tests.support import hub as support

    client = support.client_of(integration.right)
    if recipe == "pipedrive_maileon":
        from integration.connectors.maileon.records import Contact

        client.update_contact("p7@example.com", Contact("p7@example.com", standard_fields={"LASTNAME": "Changed"}))
    else:
        from integration.connectors.brevo.records import Contact as BrevoContact

        client.update_contact("p7@example.com", BrevoContact(attributes={"FULLNAME": "Changed"}))


def _compared(integration: Any, flow: str) -> tuple[float, dict[str, int]]:
    from integration.engine.sync import runner, runs
    from integration.models import SyncRun
    from integration.recipes.registry import get_recipe

    run = runs.start(integration, "compare", flow)
    started = time.monotonic()
    while SyncRun.objects.filter(pk=run.pk, state__in=("waiting", "running")).exists():
        if runner.run(str(integration.pk), get_recipe) != "more":
            time.sleep(0.01)
    took = time.monotonic() - started
    run.refresh_from_db()
    assert run.state == "done", run.problem
    return took, run.counts
