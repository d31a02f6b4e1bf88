"""Hard cases of consent and of work that must end: each was once wrong."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integration import tasks
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Contact
from integration.connectors.maileon.records import Page as ReportPage
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, RecordOutcome, Result
from integration.engine.sync import composite, replay, router, runner, runs
from integration.models import (
    Brake,
    Connection,
    Doorbell,
    RateBudget,
    RecordLink,
    SyncJob,
    SyncLog,
    SyncRun,
    WebhookEvent,
)
from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.integration.recipes.pipedrive_maileon.test_people import came_back, check_connections, confirmed
from tests.support import hub
from tests.support.factories import EventFactory, IntegrationFactory
from tests.support.world import World


@pytest.fixture
def world(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    return World.install(sandbox)


def mclient(world):
    return MaileonClient(world.integration.right.plain_credentials)


def test_a_returner_whose_name_changes_stays(world):
    person_id, email = came_back(world)
    world.change(person_id, name="Ada King")
    world.deliver()
    assert world.shown(person_id) == ("yes", "confirmed")


def test_a_reader_of_a_website_form_is_left_alone(world):
    world.person("Alan Web", email="web@example.com", newsletter=None)
    world.deliver()
    mclient(world).create_contact(Contact(email="web@example.com"), permission=1, doi=True, doiplus=True)
    world.click("web@example.com")
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()
    world.deliver()
    assert "web@example.com" in world.contacts()


def test_a_poll_with_many_strangers_ends(world):
    c = mclient(world)
    for n in range(40):
        c.create_contact(Contact(email=f"u{n}@example.com"), permission=1, doi=True, doiplus=True)
        world.click(f"u{n}@example.com")
    world.held()
    world.sandbox.control("DELETE", "/calls")
    start_runs(world.integration, "poll")

    for _i in range(25):
        Connection.objects.update(not_before=None)
        SyncRun.objects.filter(state__in=("waiting", "running")).update(next_attempt_at=timezone.now())
        RateBudget.objects.filter(window__in=("search", "burst")).delete()  # 3 seconds later
        world.sandbox.control("POST", "/time", {"advance_seconds": 3})
        runner.run(str(world.integration.pk), get_recipe)
    n = Counter(x.split("?")[0] for x in world.calls("pipedrive"))
    r = SyncRun.objects.get(kind="poll", flow="consent_to_person")
    assert r.state == "done"


def test_jobs_of_a_switched_off_flow_ring_for_nobody(world, rings):
    SyncJob.objects.create(integration=world.integration, flow="deal_to_event", external_id="77")
    rings.clear()
    for _ in range(5):
        Doorbell.objects.update(rung_at=None)
        runner.run(str(world.integration.pk), get_recipe)
    assert len(rings) == 0
    job = SyncJob.objects.get(flow="deal_to_event")
    assert (job.state, job.reason) == ("held", "flow_off")


def test_the_deal_of_a_held_person_is_held_too(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, deals_enabled=True)
    world.sandbox.control("PATCH", "/maileon/501", {"default_doi_mailing": None})
    pid = world.person("Ada Byron")
    world.deal(title="D", person_id=int(pid))
    for d in world.held():
        world.post(d)
    router.route_new_events(get_recipe)
    world.calls("pipedrive")
    for _i in range(30):
        SyncJob.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
        runner.run(str(world.integration.pk), get_recipe)

    assert SyncLog.objects.filter(flow="deal_to_event").count() < 5


@pytest.mark.chaos("H1")
def test_an_opt_out_never_waits_behind_an_import(world, monkeypatch):
    pid, email = confirmed(world)
    world.leave(email)
    for d in world.held():
        world.post(d)
    for n in range(40):
        world.person(f"P{n}")
    for d in world.held():
        world.post(d)
    router.route_new_events(get_recipe)
    from integration.recipes.newsletter.subscription import ContactWriter

    real = ContactWriter.ask

    def slow(self, entry):
        time.sleep(0.1)
        return real(self, entry)

    monkeypatch.setattr(ContactWriter, "ask", slow)
    for _i in range(6):
        runner.run(str(world.integration.pk), get_recipe, slice_seconds=0.5)
    assert world.shown(pid) == ("no", "unsubscribed")


def test_a_second_opt_out_is_no_echo(world):
    person_id, email = confirmed(world)
    world.leave(email)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    world.say(person_id, "Yes")
    for d in world.held():
        world.post(d)
    router.route_new_events(get_recipe)
    # pipedrive writes are down: only person flow works
    world.sandbox.control(
        "POST",
        "/misbehave",
        {
            "vendor": "pipedrive",
            "webhooks": {"hold": True},
            "fail_next": [{"status": 500, "times": 1, "method": "PATCH", "path_contains": "/persons/"}],
        },
    )
    runner.run(str(world.integration.pk), get_recipe)
    world.click(email)
    world.leave(email)
    world.deliver()
    assert world.shown(person_id) == ("no", "unsubscribed")


@pytest.mark.chaos("H1")
def test_a_resync_keeps_the_opt_out_it_meets(world):
    person_id, email = confirmed(world)
    world.leave(email)
    world.sandbox.control(
        "POST",
        "/misbehave",
        {
            "vendor": "pipedrive",
            "webhooks": {"hold": True},
            "fail_next": [{"status": 400, "times": 2, "method": "PATCH", "path_contains": "/persons/"}],
        },
    )
    for d in world.held():
        world.post(d)
    hub.drain()
    start_runs(world.integration, "poll")
    hub.drain()
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "webhooks": {"hold": True}, "fail_next": []})
    replay.resync(world.integration, "consent_to_person", [person_id])
    world.deliver()
    assert world.shown(person_id) == ("no", "unsubscribed")


def test_a_status_field_made_anew_gets_its_values_back(world):
    person_id, email = confirmed(world)
    key = world.integration.resources["status"]
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")
    check_connections(world)
    world.deliver()
    assert world.shown(person_id) == ("yes", "confirmed")


def test_restoring_a_field_swallows_no_opt_out(world):
    person_id, email = confirmed(world)
    key = world.integration.resources["status"]
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")
    world.leave(email)
    for d in world.held():
        world.post(d)
    hub.drain()
    start_runs(world.integration, "poll")
    hub.drain()
    check_connections(world)
    world.deliver()
    assert world.shown(person_id) == ("no", "unsubscribed")


def test_an_opted_out_address_gets_no_permission(sandbox, settings, transactional_db):
    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, doi_enabled=False, permission="2")
    world.sandbox.state.maileon.accounts[501].markers.add("shop@example.com")
    mclient(world).create_contact(Contact(email="shop@example.com"), permission=1)
    world.person("Shop", email="shop@example.com")
    world.deliver()
    assert world.contacts()["shop@example.com"]["permission"] == 1


@pytest.mark.chaos("H3")
def test_an_opted_out_address_gets_no_mail(world):
    world.sandbox.state.maileon.accounts[501].markers.add("shop@example.com")
    mclient(world).create_contact(Contact(email="shop@example.com"), permission=1)
    person_id = world.person("Shop", email="shop@example.com")
    world.deliver()
    assert world.mails() == []
    assert world.shown(person_id) == ("no", "unsubscribed")
    assert SyncLog.objects.filter(source_id=person_id, flow="person_to_contact").latest("id").reason == "unsubscribed"


def test_fetch_all_mails_no_changed_address(world):
    person_id, email = confirmed(world)
    world.change(person_id, emails=[{"value": "new@example.com", "primary": True}])
    world.held()
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": False})
    hub.drain()
    assert world.mails() == [email]


@pytest.mark.chaos("V10")
def test_a_page_that_always_fails_ends_the_run(world, monkeypatch):
    from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact

    monkeypatch.setattr(PersonToContact, "page", lambda *a: 1 / 0)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    for _i in range(20):
        SyncRun.objects.update(next_attempt_at=timezone.now())
        runner.run(str(world.integration.pk), get_recipe)
    r = SyncRun.objects.get()
    assert r.state == "failed"


def test_one_unreadable_secret_stops_nobody_else(world):
    other = IntegrationFactory()
    event = EventFactory(connection=other.left)
    with database.cursor() as cursor:
        cursor.execute(
            "update integration_connection set credentials='gAAAAAbroken' where id=%s",
            [other.left_id.hex if database.vendor == "sqlite" else str(other.left_id)],
        )
    person_id = world.person("Ada Byron")
    for delivery in world.held():
        assert world.post(delivery) == 200

    router.route_new_events(get_recipe)

    assert not WebhookEvent.objects.filter(state="new").exists()
    assert SyncJob.objects.filter(integration=world.integration, external_id=person_id, state="waiting").count() == 1
    assert SyncJob.objects.filter(integration=other, external_id=event.external_id, state="waiting").count() == 1
    assert runner.run(str(world.integration.pk), get_recipe) == "idle"
    assert world.mails() == ["ada.byron@example.com"]


@pytest.mark.parametrize("many", [3, 30], ids=["few, which no brake holds", "many"])
def test_people_we_cannot_see_stay_subscribed(world, many):
    ids = [confirmed(world, f"P{n} Q")[0] for n in range(many)]
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    for person_id in ids:
        rows.pop(int(person_id))
    before = set(world.contacts())
    SyncLog.objects.all().delete()

    replay.resync(world.integration, "person_to_contact", ids)
    hub.drain()

    assert set(world.contacts()) == before
    assert len(before) == many
    said = SyncLog.objects.filter(flow="person_to_contact").values_list("source_id", "outcome", "reason")
    assert sorted(said) == sorted((person_id, "skipped", "not_visible") for person_id in ids)
    assert not Brake.objects.exclude(tripped_at=None).exists(), "no decision of a person is needed for this"


def test_one_person_we_may_not_edit_stops_nobody_else(world):
    a, ea = confirmed(world, "Ada Byron")
    b, eb = confirmed(world, "Bob Leaver")
    world.leave(ea)
    world.leave(eb)
    refusal = {"status": 403, "times": 99, "method": "PATCH", "path_contains": f"/persons/{a}"}
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "pipedrive", "webhooks": {"hold": True}, "fail_next": [refusal]}
    )
    for delivery in world.held():
        assert world.post(delivery) == 200
    for _ in range(4):
        hub.drain()
        tasks.check_integration(str(world.integration.pk))
        world.held()
    hub.drain()

    assert world.shown(b) == ("no", "unsubscribed")
    assert world.shown(a) == ("yes", "confirmed"), "Pipedrive refuses this one"
    world.integration.left.refresh_from_db()
    assert world.integration.left.health == "ok", "the right is missing for one person, not for all"
    stopped = SyncJob.objects.get(flow="consent_to_person", external_id=a)
    assert (stopped.state, stopped.reason) == ("held", "permission_missing")


def test_a_run_leaves_waiting_jobs_alone(world):
    """A run met a failure of a record whose own job still waits: the job keeps its tries, its time and its hint."""
    flow = get_recipe("pipedrive_maileon").flow("person_to_contact")
    waiting = SyncJob.objects.create(
        integration=world.integration, flow=flow.key, external_id="5", hint={"merged_into": "9"}, attempts=16
    )
    ctx = OpenSession(world.integration, get_recipe("pipedrive_maileon"))
    failed = Result("failed", reason="record_refused")
    items = [Item(key, {"run": "fetch_all"}) for key in ("5", "6")]

    composite.keep_unfinished(ctx, flow, [RecordOutcome(item, None, None, failed) for item in items])

    rows = {job.external_id: job for job in SyncJob.objects.all()}
    assert rows.keys() == {"5", "6"}
    assert (rows["6"].state, rows["6"].reason) == ("dead", "record_refused"), "what has no job gets one"
    assert (rows["5"].state, rows["5"].attempts, rows["5"].hint) == ("waiting", 16, {"merged_into": "9"})
    assert rows["5"].next_attempt_at == waiting.next_attempt_at


@pytest.mark.parametrize("order", ["oldest first", "newest first"])
def test_of_several_report_rows_the_newest_counts(world, monkeypatch, order):
    """Somebody left, came back and left again; no webhook arrived. The report names them twice, in any order."""
    person_id, email = confirmed(world)
    world.leave(email)
    world.held()
    really = MaileonClient.unsubscriptions_page
    first = really(mclient(world)).records[0]
    rows = [replace(first, mailing_id="111"), replace(first, timestamp=a_minute_after(first), mailing_id="222")]
    if order == "newest first":
        rows.reverse()
    monkeypatch.setattr(MaileonClient, "unsubscriptions_page", lambda self, *args, **how: ReportPage(tuple(rows), None))

    start_runs(world.integration, "poll")
    hub.drain()

    link = RecordLink.objects.get(source_id=person_id, link_type="person")
    assert link.notes["report_seen"] == a_minute_after(first)
    assert world.shown(person_id) == ("no", "unsubscribed")
    entries = SyncLog.objects.filter(flow="consent_to_person", source_id=person_id, action="mark_unsubscribed")
    assert entries.count() == 1, "two rows are one opt-out"


def a_minute_after(row):
    """The time of a report's row, a minute later, in the vendor's own form."""
    return (datetime.fromisoformat(row.timestamp) + timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S")


def test_the_newsletter_field_stands_where_people_are_added_and_is_brought_back_there(world):
    """The vendor hides a field that is made by its API there; an installation of before is mended when it is set up."""
    fields = world.sandbox.state.pipedrive.companies["acme"].fields["person"]
    newsletter, status = (fields[str(world.integration.resources[name])] for name in ("newsletter", "status"))
    assert (newsletter.add_visible, status.add_visible) == (True, False)

    newsletter.add_visible, newsletter.extra = False, {}
    hub.save(world.integration)
    assert not newsletter.add_visible  # an administrator who hides it afterwards means it

    del world.integration.resources["newsletter_shown"]
    world.integration.save(update_fields=["resources"])
    hub.save(world.integration)
    assert newsletter.add_visible


def test_a_place_in_pipedrives_list_that_has_expired_loses_nobody(world, monkeypatch):
    """How long a cursor is good for is not documented: the stand-in forgets it after five minutes."""
    world.sandbox.control("POST", "/pipedrive/acme/seed", {"count": 1100})
    before = len(world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows)
    really, pages = PersonToContact.page, []

    def slow(self, ctx, kind, cursor, since):
        pages.append(cursor)
        if len(pages) == 2:  # the queue was long
            world.sandbox.control("POST", "/time", {"advance_seconds": 600})
        return really(self, ctx, kind, cursor, since)

    monkeypatch.setattr(PersonToContact, "page", slow)
    run = runs.start(world.integration, "fetch_all", "person_to_contact", dry_run=True)
    hub.drain()

    run.refresh_from_db()
    assert (run.state, run.done, run.options["begun_anew"]) == ("done", before, 1)
    assert pages.count(None) == 2


def test_whoever_may_not_edit_fields_can_do_without_the_dialog(world):
    del world.integration.resources["newsletter_shown"]
    world.integration.save(update_fields=["resources"])
    field = world.sandbox.state.pipedrive.companies["acme"].fields["person"][world.integration.resources["newsletter"]]
    field.add_visible, field.extra = False, {}
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [
        {"status": 403, "path_contains": "personFields/", "method": "PATCH"},
    ]})  # fmt: skip
    hub.save(world.integration)

    world.integration.refresh_from_db()
    assert all(step["ok"] for step in world.integration.provisioning)
    assert world.integration.left.health == "ok"
