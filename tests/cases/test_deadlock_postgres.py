"""PostgreSQL: the router puts jobs back while a runner claims and finishes them. They lock rows in different orders."""

from __future__ import annotations

import random
import threading
import time

import pytest
from django.db import connection, connections

from integration.engine.dispatch.jobs import save_jobs
from integration.engine.sync import runner
from integration.models import SyncJob
from tests.support.factories import IntegrationFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]
COUNT, SECONDS = 400, 20


@pytest.mark.chaos("E7")
def test_router_and_runner_never_deadlock():
    integration = IntegrationFactory()
    keys = [f"{n:04}" for n in range(COUNT)]
    random.Random(1).shuffle(keys)
    save_jobs([SyncJob(integration=integration, flow="person_to_contact", external_id=key) for key in keys])
    flow = FakeFlow(source={key: {"name": "x"} for key in keys}, batch_size=200)
    errors, rounds = [], {"router": 0, "runner": 0}
    end = time.monotonic() + SECONDS

    def router():
        rng = random.Random(2)
        while time.monotonic() < end and not errors:
            some = rng.sample(keys, 200)
            try:
                save_jobs(
                    [
                        SyncJob(integration=integration, flow="person_to_contact", external_id=key, hint={"a": 1})
                        for key in some
                    ]
                )
            except Exception as exc:
                errors.append(("router", type(exc).__name__, str(exc).splitlines()[0]))
            rounds["router"] += 1
        connections.close_all()

    def work():
        while time.monotonic() < end and not errors:
            try:
                runner.run(str(integration.pk), recipes_with(flow), slice_seconds=0)
            except Exception as exc:
                errors.append(("runner", type(exc).__name__, str(exc).splitlines()[0]))
            rounds["runner"] += 1
        connections.close_all()

    threads = [threading.Thread(target=router), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
