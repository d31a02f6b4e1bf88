"""Go through a whole account: in slices, with a cursor, in more than one transaction."""

from __future__ import annotations

import os
import threading
import time

import pytest
from django.db import connection, connections

from integration.connectors.base import ParsedEvent
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Page, StoredContact
from integration.engine.clients.session import OpenSession
from integration.engine.intake import inbox
from integration.engine.sync import runner, runs
from integration.models import RecordLink, SyncJob, columnar
from integration.recipes.newsletter.steps import restore_values
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import EndpointFactory, IntegrationFactory


def test_maileon_listing_the_account_gives_way_and_goes_on_where_it_stopped(world, monkeypatch):
    """A Fetch All that may not ask anybody lists Maileon's contacts: 700 pages are 700,000 contacts. At 0.4 seconds a
    page the worker is killed by the queue's limit of 240 seconds, and the next one begins at page 1."""
    world.seed_people(60)
    pages = []

    def page(self, number=1, **how):
        pages.append(number)
        if len(pages) == 601:  # 240 seconds are over
            raise SystemExit("killed by the queue")
        return Page(
            (StoredContact(str(number), f"c{number}@example.com", permission=1),), number + 1 if number < 700 else None
        )

    monkeypatch.setattr(MaileonClient, "contacts_page", page)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    with pytest.raises(SystemExit):
        runner.run(str(world.integration.pk), get_recipe, slice_seconds=0)
    first = len(pages)
    monkeypatch.setattr(
        MaileonClient, "contacts_page", lambda self, number=1, **how: (pages.append(number), Page((), None))[1]
    )
    runner.run(str(world.integration.pk), get_recipe, slice_seconds=0)
    assert first <= 5 or pages[first] > 1


def test_brevo_the_whole_account_is_not_read_again_in_each_slice(brevo_install, monkeypatch):
    """Before each import all contacts are walked through, to see who left a list: once per slice of 20 seconds."""
    world = brevo_install()
    world.seed_people(90)
    monkeypatch.setattr(type(get_recipe("pipedrive_brevo").flow("person_to_contact")), "batch_size", 30)
    from integration.recipes.pipedrive_brevo import person_to_contact as module

    monkeypatch.setattr(module, "PAGE_SIZE", 30)
    walks = []
    really = BrevoClient.contacts_page

    def page(self, offset=0, **how):
        if how.get("modified_since") is None and offset == 0:
            walks.append(1)
        return really(self, offset, **how)

    monkeypatch.setattr(BrevoClient, "contacts_page", page)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    for _ in range(12):
        runner.run(str(world.integration.pk), get_recipe, slice_seconds=0)
    assert len(walks) <= 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not os.environ.get("BIG"), reason="set BIG=40000")
@pytest.mark.slow
def test_the_intake_is_not_kept_waiting_while_a_field_made_anew_is_filled_again():
    """restore_values puts a job for every person into one transaction."""
    count = int(os.environ["BIG"])
    integration = IntegrationFactory()
    endpoint = EndpointFactory()
    for start in range(0, count, 5000):
        columnar.insert(
            [
                columnar.new(
                    RecordLink,
                    integration_id=integration.pk,
                    link_type="person",
                    source_id=str(n),
                    state="active",
                    notes={"consent": "confirmed"},
                )
                for n in range(start, min(start + 5000, count))
            ]
        )
    ctx = OpenSession(integration, get_recipe("pipedrive_maileon"))
    waits, done = [], threading.Event()

    def vendor():
        number = 0
        while not done.is_set():
            number += 1
            began = time.monotonic()
            try:
                inbox.record(endpoint, [ParsedEvent("person.change", "person", str(number), f"k{number}")])
                waits.append(time.monotonic() - began)
            except Exception:
                waits.append(time.monotonic() - began)
            time.sleep(0.05)
        connections.close_all()

    thread = threading.Thread(target=vendor)
    thread.start()
    try:
        restore_values(ctx, "person", "consent_to_person")
    finally:
        done.set()
        thread.join()
    assert max(waits) < 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="SQLite takes 250,000 values in a statement (32,766 where it was built so)"
)
def test_more_jobs_at_once_than_sqlite_takes_values():
    from integration.engine.dispatch.jobs import _locked

    integration = IntegrationFactory()
    jobs = [SyncJob(integration=integration, flow="f", external_id=str(n)) for n in range(250_001)]
    assert len(_locked(jobs)) == 0


def test_maileon_sorting_out_a_page_gives_way(sandbox, settings, transactional_db, monkeypatch):
    """Opt-in mails are off. On each page somebody had opted out once. From the second page on the list of contacts,
    kept for an hour, does not know the people the page has just made: a call for each, up to 1000 in a row, without a
    look at the clock. At a quarter of a second each the queue kills the worker, and the page begins anew."""
    from integration.recipes.pipedrive_maileon import person_to_contact as module
    from tests.support.world import World

    settings.PUBLIC_URL = "https://hub.example.com"
    world = World.install(sandbox, doi_enabled=False, permission="2")
    world.seed_people(240)
    monkeypatch.setattr(module, "PAGE_SIZE", 120)
    monkeypatch.setattr(module.PersonToContact, "batch_size", 120)
    for number in (3, 203):
        hub.client_of(world.integration.right).set_unsubscription_marker(f"seed{number}@example.com")
    runs.start(world.integration, "fetch_all", "person_to_contact")
    found = []
    for _ in range(3):
        sandbox.control("DELETE", "/calls")
        runner.run(str(world.integration.pk), get_recipe, slice_seconds=0)
        found.append(
            len(
                [call for call in world.calls("maileon") if call.startswith("GET") and call.endswith("/unsubscription")]
            )
        )
    assert max(found) <= 50
