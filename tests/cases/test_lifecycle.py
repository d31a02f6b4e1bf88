"""An uninstall that dies on its way, and rows that others still write afterwards."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.engine.setup import lifecycle
from integration.engine.sync import router
from integration.models import Connection, Integration, RecordLink, SyncJob
from integration.recipes.registry import get_recipe


@pytest.mark.chaos("E6")
def test_an_uninstall_whose_process_died_is_finished(world, monkeypatch):
    """Deploy, gunicorn's time limit or a crash while it waits for a vendor or strips a million rows."""
    world.person("Ada")
    world.deliver()

    def dies(*args, **kwargs):
        raise SystemExit("the worker was stopped")

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle.provisioning, "run_step", dies)
        with pytest.raises(SystemExit):
            lifecycle.uninstall(Integration.objects.get(), get_recipe)
    for task in (tasks.sweep, tasks.check_connections, tasks.repair_integrations, tasks.purge, tasks.watch):
        task()
    left = {
        "credentials": Connection.objects.exclude(credentials_hint="").count(),
        "webhooks at Pipedrive": len(world.sandbox.state.pipedrive.companies["acme"].webhooks),
        "links": RecordLink.objects.count(),
    }
    assert not any(left.values()), left


@pytest.mark.chaos("E6")
def test_a_router_that_was_at_work_leaves_no_jobs_behind(world, monkeypatch):
    """The router has read who listens, the uninstall comes, the router writes its jobs: nobody ever removes them."""
    world.person("Ada")
    for delivery in world.held():
        assert world.post(delivery) == 200
    original = router._listeners

    def slow(ids, recipes):
        found = original(ids, recipes)
        Integration.objects.update(state="uninstalled")  # what an uninstall in another process has committed meanwhile
        SyncJob.objects.all().delete()
        return found

    monkeypatch.setattr(router, "_listeners", slow)
    router.route_new_events(get_recipe)
    assert not SyncJob.objects.exists()
