"""Never report a 401 that a fresh access token cures as refused credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.clients import connection_health, tokens
from integration.engine.sync import router, runner, runs
from integration.errors import AuthError
from integration.models import Connection, Health, SyncJob, SyncRun
from integration.recipes.registry import get_recipe


def end_access_tokens(sandbox):
    """HubSpot ends all access tokens before their time; the refresh token stays good."""
    for grant in sandbox.state.hubspot.grants:
        grant.access_tokens.clear()


def age_tokens():
    Connection.objects.filter(vendor="hubspot").update(
        credentials_changed_at=timezone.now() - timedelta(minutes=20),
        token_expires_at=timezone.now() + timedelta(minutes=10),
    )


def test_a_token_that_ends_during_fetch_all_is_renewed_and_the_run_goes_on(hubspot_world):
    world = hubspot_world
    for n in range(3):
        world.contact(f"Ada {n}")
    age_tokens()
    end_access_tokens(world.sandbox)
    runs.start(world.integration, "fetch_all", "contact_to_contact")

    runner.run(str(world.integration.pk), get_recipe)

    connection = Connection.objects.get(vendor="hubspot")
    run = SyncRun.objects.get()
    assert connection.health == Health.OK, connection.health_detail
    assert run.state == "done"


def test_the_same_for_a_job(hubspot_world):
    """Control: the job path renews and goes on."""
    world = hubspot_world
    world.contact("Ada Job")
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    SyncJob.objects.update(next_attempt_at=timezone.now())
    age_tokens()
    end_access_tokens(world.sandbox)
    runner.run(str(world.integration.pk), get_recipe)
    connection = Connection.objects.get(vendor="hubspot")
    assert connection.health == Health.OK, connection.health_detail


def test_two_workers_that_meet_the_401_at_once_renew_once_and_nobody_is_asked_to_reconnect(hubspot_world, monkeypatch):
    """Two integrations share a portal (or a check runs beside a runner). While one renews, the other meets its 401."""
    age_tokens()
    one = Connection.objects.get(vendor="hubspot")
    other = Connection.objects.get(vendor="hubspot")
    really = tokens.oauth_of("hubspot").refresh
    said = []

    def slow(*args):
        # while the vendor answers the first worker, the second one meets its 401
        if not said:
            said.append(None)
            said[0] = connection_health.note_error(other, AuthError("401"))
        return really(*args)

    monkeypatch.setattr(tokens.oauth_of("hubspot"), "refresh", slow)
    connection_health.note_error(one, AuthError("401"))
    stored = Connection.objects.get(vendor="hubspot")
    assert stored.health == Health.OK


@pytest.mark.django_db(transaction=True)
def test_a_token_that_ends_in_the_middle_of_single_calls_is_renewed_not_held(monkeypatch):
    """`batch.each`: the first of two people went through, the second met the 401 of a token that had just ended."""
    from integration.engine.flow.base import Result
    from integration.engine.sync.one_by_one import write_each
    from tests.support.factories import ConnectionFactory, IntegrationFactory, JobFactory
    from tests.support.fake_recipe import FakeFlow, recipes_with

    left = ConnectionFactory(
        auth_kind="oauth", credentials={"access_token": "a" * 20, "refresh_token": "r" * 20},
        credentials_changed_at=timezone.now() - timedelta(minutes=20),
        token_expires_at=timezone.now() + timedelta(minutes=10),
    )  # fmt: skip
    integration = IntegrationFactory(left=left)
    renewed = []
    monkeypatch.setattr(tokens, "ensure_fresh", lambda connection, force=False: renewed.append(force))
    good = {"token": False}

    class Flow(FakeFlow):
        def write(self, ctx, writes):
            ctx.last_side = "left"
            good["token"] = good["token"] or bool(renewed)

            def call(write):
                if write.item.external_id == "2" and not (good["token"] or renewed):
                    raise AuthError("401")
                return Result("synced", target_id=write.item.external_id)

            return write_each(ctx, writes, call)

    flow = Flow(source={"1": {"name": "a"}, "2": {"name": "b"}})
    for key in ("1", "2"):
        JobFactory(integration=integration, flow=flow.key, external_id=key)
    runner.run(str(integration.pk), recipes_with(flow))
    states = dict(SyncJob.objects.values_list("external_id", "state"))
    left.refresh_from_db()
    assert states == {"1": "done", "2": "done"}
