"""People in the middle of a run: they opt out, change the settings, uninstall, erase, attack the console."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.privacy import personal_data
from integration.engine.setup import lifecycle
from integration.engine.sync import runner, runs
from integration.models import FieldMapping, Integration, RecordLink, SyncJob, SyncRun, WebhookEvent
from integration.recipes.newsletter.to_contacts import ContactUpsertFlow
from integration.recipes.pipedrive_maileon import person_to_contact
from integration.recipes.registry import get_recipe
from tenants import guessing
from tests.support import hub
from tests.support.factories import MemberFactory, UserFactory

MANY, PAGE = 30, 10


def step(integration):
    """One page, or one batch of jobs."""
    return runner.run(str(integration.pk), get_recipe, slice_seconds=0)


@pytest.fixture
def running(world, monkeypatch):
    """A Fetch All that has done its first page; everybody in it is a reader already, by their own click."""
    monkeypatch.setattr(ContactUpsertFlow, "batch_size", PAGE)
    monkeypatch.setattr(person_to_contact, "PAGE_SIZE", PAGE)
    world.seed_people(MANY)
    fetch_all(world)
    hub.drain()
    for address in world.mails():
        world.click(address)
    world.deliver()
    RecordLink.objects.update(written_hash="")  # all of it is to be done again
    run = fetch_all(world)
    step(world.integration)
    run.refresh_from_db()
    assert 0 < run.done < MANY
    return run


def fetch_all(world):
    return runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})


@pytest.mark.chaos("H1")
def test_who_opts_out_while_a_fetch_all_says_yes_stays_out_on_both_sides(world, running, tally):
    people = {row["emails"][0]["value"]: row["id"] for row in persons(world) if row["name"].startswith("Seed ")}
    leaving = [f"seed{n}@example.com" for n in (0, 1, MANY - 2, MANY - 1)]  # of a page that is done, and of one to come
    mails = len(world.mails())
    for address in leaving:
        world.leave(address)
    for delivery in world.held():  # they wait in the inbox while the run goes on
        assert world.post(delivery) == 200
    while step(world.integration) == "more":
        pass
    world.deliver()
    hub.drain()

    tally.injected, tally.events = len(leaving), MANY
    tally.wrong = sum(address in world.contacts() for address in leaving)
    tally.wrong += sum(world.shown(people[address]) != ("no", "unsubscribed") for address in leaving)
    tally.wrong += len(world.mails()) - mails
    tally.lost = sum(f"seed{n}@example.com" not in world.contacts() for n in range(2, MANY - 2))


def persons(world):
    return world.sandbox.control("GET", "/pipedrive/acme/state")["persons"]


@pytest.mark.chaos("H5")
def test_an_integration_that_is_removed_and_installed_again_in_mid_run_does_not_go_on_with_the_old_run(world, running):
    old = world.integration
    lifecycle.uninstall(old, get_recipe)
    world.sandbox.control("DELETE", "/calls")
    assert step(old) in ("busy", "idle")
    assert world.calls("maileon") == []
    running.refresh_from_db()
    assert running.state not in ("waiting", "running")

    world.integration = hub.install(world.sandbox.url, old.tenant)
    world.hold("pipedrive", "maileon")
    person = world.person("Ada Byron")
    world.deliver()

    assert world.mails().count("ada.byron@example.com") == 1
    hooks = [row["subscription_url"] for row in world.sandbox.control("GET", "/pipedrive/acme/state")["webhooks"]]
    assert all(world.integration.left.endpoint.token in url for url in hooks)
    assert not SyncJob.objects.filter(integration=old).exclude(state__in=("done", "dead")).exists()
    assert SyncJob.objects.filter(external_id=person).values_list("integration", flat=True)[0] == world.integration.pk


@pytest.mark.chaos("H5")
def test_settings_that_change_in_mid_run_count_from_the_next_page(world, running):
    hub.save(world.integration, contacts_enabled=False)
    world.sandbox.control("DELETE", "/calls")
    for _ in range(5):
        step(world.integration)

    assert [call for call in world.calls("maileon") if not call.startswith("GET")] == []
    assert not SyncRun.objects.filter(pk=running.pk, state="done", done=MANY).exists()


@pytest.mark.chaos("H5")
def test_saving_again_and_again_makes_no_second_webhook(world):
    before = len(world.sandbox.control("GET", "/pipedrive/acme/state")["webhooks"])
    for _ in range(3):
        hub.save(world.integration)

    assert len(world.sandbox.control("GET", "/pipedrive/acme/state")["webhooks"]) == before


@pytest.mark.chaos("H10")
def test_an_erasure_while_changes_of_the_person_wait_leaves_no_word_of_them(world):
    person = world.person("Ada Lovelace")
    world.deliver()
    world.change(person, name="Ada King Noel")
    for delivery in world.held():
        assert world.post(delivery) == 200
    world.delete(person)

    for delivery in world.held():
        assert world.post(delivery) == 200

    first = personal_data.erase(world.integration.tenant, "ada.lovelace@example.com", get_recipe)
    world.deliver()
    assert any("just come in" in line for line in first)
    personal_data.erase(world.integration.tenant, "ada.lovelace@example.com", get_recipe)

    assert "ada.lovelace@example.com" not in world.contacts()
    rows = [*WebhookEvent.objects.values_list("payload", flat=True), *SyncJob.objects.values_list("hint", flat=True)]
    for word in ("Lovelace", "Noel", "ada.lovelace"):
        assert word not in str(rows)
    assert not SyncJob.objects.filter(external_id=person, state="waiting").exists()


# The console under attack


@pytest.mark.chaos("H15")
def test_guessing_a_password_is_stopped_and_the_owner_of_another_address_is_not(db, settings):
    settings.AXES_ENABLED = True
    user = UserFactory(is_staff=True, username="operator")
    user.set_password("the right one")
    user.save()
    answers = [sign_in(Client(), "wrong").status_code for _ in range(guessing.PASSWORD.name_here + 2)]

    assert answers[0] == 200
    assert answers[-1] in (403, 429)
    assert sign_in(Client(), "the right one").status_code in (403, 429), "also the right one, for the time being"
    assert sign_in(Client(REMOTE_ADDR="203.0.113.9"), "the right one").status_code == 302


def sign_in(client, password):
    return client.post("/admin/login/", {"username": "operator", "password": password, "next": "/admin/"})


@pytest.mark.chaos("H15")
def test_a_session_prepared_by_somebody_else_is_worth_nothing_after_signing_in(db):
    user = UserFactory(is_staff=True, username="operator")
    user.set_password("the right one")
    user.save()
    client = Client()
    client.get("/login/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = before = session.session_key

    assert sign_in(client, "the right one").status_code == 302

    assert client.session.session_key != before
    attacker = Client()
    attacker.cookies["sessionid"] = before
    assert attacker.get("/admin/").status_code == 302


@pytest.fixture
def console(db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.mark.chaos("H15")
def test_no_button_of_the_console_or_the_portal_works_from_another_site(console, world):
    integration = world.integration
    member = Client(enforce_csrf_checks=True)
    member.force_login(MemberFactory(tenant=integration.tenant).user)
    buttons = ("pause", "uninstall", "fetch-all")
    for button in buttons:
        address = f"/admin/integration/integration/{integration.pk}/{button}/"
        assert console.post(address, {"confirmed": "yes"}).status_code == 403
    listing = reverse("admin:integration_connection_changelist")
    chosen = {"action": "check_selected", "_selected_action": [str(integration.left_id)], "confirmed": "yes"}
    assert console.post(listing, chosen).status_code == 403
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    for name in ("settings", "account", "stop", "fields", "fetch_all", "record"):
        assert member.post(reverse(f"portal:{name}", kwargs=ids), {"do": "uninstall"}).status_code == 403

    assert Integration.objects.get().state == "active"
    assert not SyncRun.objects.exists()


@pytest.mark.chaos("H15")
def test_no_page_can_be_put_into_a_frame(console):
    for address in ("/admin/", "/admin/login/", "/login/", "/admin/integration/synclog/"):
        answer = console.get(address)
        assert answer["X-Frame-Options"] == "DENY", address
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"], address


SEARCHES = (
    "' OR 1=1 --",
    '"; DROP TABLE x; --',
    "%",
    "_",
    "\\",
    "'||(SELECT 1)||'",
    "1) UNION SELECT 1--",
    "🎉",
    "a" * 5000,
)


@pytest.mark.chaos("H15")
@pytest.mark.parametrize("words", SEARCHES, ids=range(len(SEARCHES)))
def test_a_search_box_searches_for_what_is_typed_and_for_nothing_else(console, world, words):
    world.person("Ada Byron")
    world.deliver()
    mappings = FieldMapping.objects.count()
    for name in ("synclog", "syncjob", "webhookevent", "recordlink", "syncrun"):
        began = time.process_time()
        answer = console.get(reverse(f"admin:integration_{name}_changelist"), {"q": words}, follow=True)
        assert answer.status_code == 200
        assert len(answer.context["cl"].result_list) == 0, name
        assert time.process_time() - began < 2
    assert console.get("/admin/find/", {"q": words}).status_code == 200
    assert FieldMapping.objects.count() == mappings
