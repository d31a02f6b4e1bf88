"""Fetch All from the portal: a dry run first, then for real, with progress and Cancel."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import SyncRun
from tests.support import hub
from tests.support.factories import IntegrationFactory, MemberFactory, RunFactory

pytestmark = pytest.mark.django_db


def address(integration, name, **more):
    return reverse(
        f"portal:{name}", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk, **more}
    )


def member(integration, role="owner"):
    client = Client()
    client.force_login(MemberFactory(tenant=integration.tenant, role=role).user)
    return client


def test_a_dry_run_counts_and_the_real_one_follows(world):
    world.seed_people(12)
    world.sandbox.control("DELETE", "/calls")
    client = member(world.integration)
    start = address(world.integration, "fetch_all")
    assert "Dry run" in client.get(start).content.decode()

    answer = client.post(start, {"mode": "dry", "allow_doi": "yes"})
    hub.drain()

    html = client.get(answer.url).content.decode()
    assert "Would be" in html
    assert "Seed 0" in html
    assert "Run it now" in html
    assert world.mails() == []

    answer = client.post(start, {"mode": "real", "allow_doi": "yes"})
    hub.drain()

    html = client.get(answer.url).content.decode()
    assert "Done" in html
    assert len(world.mails()) == 12
    assert "every 2s" not in html


def test_without_a_choice_it_only_counts(world):
    client = member(world.integration)

    client.post(address(world.integration, "fetch_all"), {"mode": "dry", "allow_doi": "no"})

    assert list(SyncRun.objects.values_list("kind", "dry_run")) == [("fetch_all", True)]
    client.post(address(world.integration, "fetch_all"), {"mode": "something", "allow_doi": "no"})
    assert SyncRun.objects.count() == 1


def test_a_second_start_says_that_one_is_under_way(world):
    client = member(world.integration)
    form = {"mode": "real", "allow_doi": "no"}
    client.post(address(world.integration, "fetch_all"), form)

    html = client.post(address(world.integration, "fetch_all"), form, follow=True).content.decode()

    assert "under way already" in html
    assert SyncRun.objects.count() == 1


def test_progress_refreshes_in_place_and_can_be_cancelled():
    integration = IntegrationFactory()
    run = RunFactory(integration=integration, state="running", total=10, done=5)
    client = member(integration, "editor")
    page = address(integration, "run", run_id=run.pk)

    assert "every 2s" in client.get(page).content.decode()
    fragment = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert fragment.startswith("<div")
    assert "5 of 10 records" in fragment

    answer = client.post(address(integration, "cancel", run_id=run.pk), follow=True).content.decode()

    run.refresh_from_db()
    assert run.cancel_requested
    assert "Stopping after the current batch." in answer
    assert address(integration, "cancel", run_id=run.pk) not in answer


@pytest.mark.django_db(transaction=True)
def test_the_page_says_before_start_how_long_it_takes(world):
    world.seed_people(12)

    html = member(world.integration).get(address(world.integration, "fetch_all")).content.decode()

    assert "How long it takes" in html
    assert "less than a minute" in html
    assert "Pipedrive, Tokens per day:" in html
    assert "20% stays free for live changes." in html


def test_a_cancelled_run_says_what_was_done_and_continues():
    integration = IntegrationFactory()
    run = RunFactory(
        integration=integration, state="cancelled", done=5, counts={"update": 5}, cursor="7", page_done=["31"],
        options={"allow_doi": True},
    )  # fmt: skip
    client = member(integration, "editor")
    assert "Changes already made are kept." in client.get(address(integration, "run", run_id=run.pk)).content.decode()

    answer = client.post(address(integration, "continue", run_id=run.pk))

    again = SyncRun.objects.exclude(pk=run.pk).get()
    assert answer.url == address(integration, "run", run_id=again.pk)
    assert (again.cursor, again.page_done, again.options["allow_doi"]) == ("7", ["31"], True)
    twice = client.post(address(integration, "continue", run_id=run.pk), follow=True).content.decode()
    assert "another is under way" in twice
    assert SyncRun.objects.count() == 2


@pytest.mark.parametrize("state", ["running", "done", "failed"])
def test_only_a_cancelled_run_continues(state):
    integration = IntegrationFactory()
    run = RunFactory(integration=integration, state=state)
    client = member(integration, "editor")

    assert "/continue/" not in client.get(address(integration, "run", run_id=run.pk)).content.decode()
    client.post(address(integration, "continue", run_id=run.pk))

    assert SyncRun.objects.count() == 1


def test_an_editor_continues_no_run_of_another_tenant():
    integration, run = IntegrationFactory(), RunFactory(state="cancelled")

    assert member(integration, "editor").post(address(integration, "continue", run_id=run.pk)).status_code == 404

    assert SyncRun.objects.count() == 1


def test_a_viewer_looks_but_starts_and_cancels_nothing():
    integration = IntegrationFactory()
    run = RunFactory(integration=integration, state="running")
    client = member(integration, "viewer")

    assert "Ask an editor" in client.get(address(integration, "fetch_all")).content.decode()
    assert client.post(address(integration, "fetch_all"), {"mode": "real"}).status_code == 404
    assert client.post(address(integration, "cancel", run_id=run.pk)).status_code == 404
    run.refresh_from_db()
    assert not run.cancel_requested


@pytest.mark.parametrize("state", ["draft", "paused", "uninstalled"])
def test_an_integration_that_is_not_active_starts_nothing(state):
    integration = IntegrationFactory(state=state)
    client = member(integration)

    html = client.post(address(integration, "fetch_all"), {"mode": "real", "allow_doi": "no"}).content.decode()

    assert "needs an active integration" in html
    assert not SyncRun.objects.exists()


def test_an_editor_cancels_no_run_of_another_tenant():
    integration, run = IntegrationFactory(), RunFactory(state="running")

    answer = member(integration, "editor").post(address(integration, "cancel", run_id=run.pk))

    assert answer.status_code == 404
    run.refresh_from_db()
    assert not run.cancel_requested


@pytest.mark.parametrize(
    ("asked", "said", "allowed"), [(True, "yes", True), (True, "no", False), (False, "yes", False), (False, "", False)]
)
def test_nobody_is_mailed_unless_somebody_says_so(asked, said, allowed):
    integration = IntegrationFactory(settings={"doi_enabled": asked})

    member(integration, "editor").post(address(integration, "fetch_all"), {"mode": "real", "allow_doi": said})

    assert [run.options["allow_doi"] for run in SyncRun.objects.all()] == [allowed]
