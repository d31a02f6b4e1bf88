"""The person page asks both systems: in step or the first rule in the way, live values, the button that mends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Health, SyncJob
from tests.support import factories
from tests.support.world import World

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@example.com"


@pytest.fixture
def ada(world: World) -> str:
    person = world.person("Ada Lovelace")
    world.deliver()
    return person


def ask(client: Client, world: World, query: str = ADA) -> str:
    answer = client.get(reverse("console-why"), {"integration": world.integration.pk, "q": query})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_asks_the_integrations_that_know_the_person_at_once(console: Client, world: World, ada: str) -> None:
    factories.IntegrationFactory()
    page = console.get("/admin/find/", {"q": ADA}).content.decode()

    assert f"integration={world.integration.pk}" in page
    assert page.count("/admin/find/why/") == 1
    assert 'hx-trigger="load"' in page


def test_somebody_unknown_can_be_asked_for_anywhere(console: Client, world: World) -> None:
    page = console.get("/admin/find/", {"q": "nobody@example.com"}).content.decode()
    assert "Ask ACME, Pipedrive ↔ Maileon" in page
    assert 'hx-trigger="load"' not in page

    assert "cannot find this record in the app" in ask(console, world, "nobody@example.com")


def test_both_sides_are_shown_as_they_are_now(console: Client, world: World, ada: str) -> None:
    world.change(ada, name="Ada King")
    world.held()

    page = ask(console, world)

    assert "A change would update." in page
    assert "King" in page
    assert "Lovelace" in page
    assert "9001-" + ada in page


def test_the_number_of_a_deal_is_not_taken_for_a_persons(console: Client, world: World, ada: str) -> None:
    zora = world.person("Zora Hurston")
    factories.LinkFactory(
        integration=world.integration, link_type="deal_event", source_id=zora, target_id=f"deal_added-{zora}-0"
    )

    for query in (zora, f"deal_added-{zora}-0"):
        page = ask(console, world, query)
        assert "Hurston" not in page
        assert "belongs to a person" in page


@pytest.mark.parametrize("wrong", ["z" * 36, "zzz", "7", ""])
def test_what_is_no_id_of_an_integration_is_not_found(console: Client, db: None, wrong: str) -> None:
    assert console.get(reverse("console-why"), {"integration": wrong, "q": ADA}).status_code == 404


@pytest.mark.parametrize("term", ["source", "target"])
def test_an_id_of_either_side_finds_the_record(console: Client, world: World, ada: str, term: str) -> None:
    page = ask(console, world, ada if term == "source" else f"9001-{ada}")
    assert "compared fields are alike, just read." in page


def test_the_rule_in_the_way_comes_with_the_button_that_mends_it(console: Client, world: World, ada: str) -> None:
    SyncJob.objects.filter(external_id=ada).update(state="held", reason="doi_mailing_missing")
    page = ask(console, world)
    assert "doi_mailing_missing" in page
    assert reverse("admin:integration_integration_settings", args=[world.integration.pk]) in page

    right = world.integration.right
    right.health, right.health_reason = Health.NEEDS_YOU, "credentials_refused"
    right.save()
    page = ask(console, world)
    assert reverse("admin:integration_connection_change", args=[right.pk]) in page


def test_it_is_for_those_who_may_see_the_log(signed_in: Any, world: World, ada: str) -> None:
    query = {"integration": world.integration.pk, "q": ADA}
    assert signed_in("view_integration").get(reverse("console-why"), query).status_code == 403
    masked = signed_in("view_synclog").get(reverse("console-why"), query).content.decode()
    assert "Lovelace" not in masked
    assert "L•••" in masked
    assert signed_in("view_synclog").get(reverse("console-why"), {"integration": "x", "q": ADA}).status_code == 404


def test_a_dead_job_is_tried_again_from_its_page(console: Client, rows: Any) -> None:
    address = reverse("admin:integration_syncjob_try_again", args=[rows.job.pk])
    assert "read and synced at once" in console.get(address).content.decode()

    console.post(address)

    rows.job.refresh_from_db()
    assert (rows.job.state, rows.job.attempts) == ("waiting", 0)


def test_a_record_is_synced_again_from_its_log(console: Client, signed_in: Any, rows: Any) -> None:
    address = reverse("admin:integration_synclog_sync_again", args=[rows.log.pk])
    assert signed_in("view_synclog").post(address).status_code == 403

    assert console.post(address).url.startswith("/admin/find/?q=")

    rows.job.refresh_from_db()
    assert rows.job.state == "waiting"
