"""Faults of vendors: broken connections, a limit that is one tenant's, search that lags, lists that move under us."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from integration import retry, tasks
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.clients import connection_health
from integration.engine.sync import router, runner, runs
from integration.errors import ContractError, RateLimited, TransientError
from integration.guard import HostPolicy
from integration.http import Effect, Transport, retry_after
from integration.models import Connection, SyncJob, SyncRun
from integration.recipes.pipedrive_brevo import person_to_contact
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with
from tests.support.leadboxer_world import ACTIVITIES, LEADS

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ZIPPED = gzip.compress(b'{"id": 1}' * 1000)


class Broken:
    """A server that says `words` to whoever connects, and hangs up; `reset` does it rudely."""

    def __init__(self, words, *, reset=False):
        self.words, self.reset, self.calls = words, reset, 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                caller, _ = self.door.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(2)
                caller.recv(65536)
                self.calls += 1
                caller.sendall(self.words)
                if self.reset:
                    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def transport(url):
    return Transport("Vendor", url, HostPolicy(()), headers={}, timeout=(1, 1))


BROKEN = {
    "reset": Broken(b"", reset=True),
    "hung up": Broken(b""),
    "half a head": Broken(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": Broken(HEAD + b"Content-Length: 900\r\n\r\n" + b'{"id": 1, "na'),
    "half a chunk": Broken(HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{"),
    "no http": Broken(b"220 mail.example.com ESMTP\r\n"),
    "half a gzip": Broken(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(ZIPPED) // 2) + ZIPPED[: len(ZIPPED) // 2]
    ),
    "no gzip": Broken(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"),
}


@pytest.mark.chaos("V3", "V6")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_an_error_of_the_vendor_and_the_call_is_not_repeated(name, settings):
    server = BROKEN[name]
    settings.SANDBOX_URL = server.url
    before = server.calls

    with pytest.raises((TransientError, ContractError)):
        transport(server.url).request("POST", "/x", effect=Effect.WRITE, json={}).json()

    assert server.calls == before + 1


@pytest.mark.chaos("V3")
def test_a_broken_certificate_and_an_unknown_name_are_tried_later(settings, monkeypatch):
    plain = Broken(b"not TLS at all").url.replace("http://", "https://")
    settings.SANDBOX_URL = plain
    with pytest.raises(TransientError) as raised:
        transport(plain).request("POST", "/x", effect=Effect.WRITE)
    assert raised.value.reason == "vendor_unreachable"

    def unknown(*args, **more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransientError) as raised:
        Transport("Vendor", "https://api.vendor.example", HostPolicy(("api.vendor.example",)), headers={}).request(
            "POST", "/x", effect=Effect.WRITE
        )
    assert raised.value.reason == "vendor_unreachable"


@pytest.mark.chaos("V3")
def test_the_circuit_opens_for_longer_each_time_and_closes_with_the_first_success(db):
    integration = IntegrationFactory()
    flow = FakeFlow(source={"1": {"name": "Ada"}})
    pauses = []
    for _ in range(9):
        connection_health.note_error(integration.left, TransientError("down"))
        integration.left.refresh_from_db()
        pause = integration.left.not_before
        pauses.append(round((pause - timezone.now()).total_seconds()) if pause else 0)
    assert pauses[:4] == [0, 0, 0, 0]
    assert pauses[4:] == sorted(pauses[4:])
    assert 29 <= pauses[4] <= 30
    assert pauses[-1] <= retry.CONNECTION.cap

    JobFactory(integration=integration, external_id="1")
    assert runner.run(str(integration.pk), recipes_with(flow)) == "waiting"
    assert flow.reads == []

    Connection.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert runner.run(str(integration.pk), recipes_with(flow)) == "idle"
    assert Connection.objects.get(pk=integration.left_id).failures == 0


@pytest.mark.chaos("V1", "V3")
@pytest.mark.parametrize("error", [RateLimited("slow", retry_after=600), TransientError("down", retry_after=600)])
def test_a_tired_account_rests_as_a_whole_and_the_others_run(db, error):
    tired, awake = IntegrationFactory(), IntegrationFactory()
    for integration in (tired, awake):
        for key in ("1", "2", "3"):
            JobFactory(integration=integration, external_id=key)

    def refuse(ctx, writes):
        if ctx.integration.pk == tired.pk:
            raise error

    flow = FakeFlow(source={key: {"name": "Ada"} for key in "123"}, before_write=refuse, batch_size=1)
    for integration in (tired, awake, tired):
        runner.run(str(integration.pk), recipes_with(flow))

    found = {pk: set(SyncJob.objects.filter(integration=pk).values_list("state", flat=True)) for pk in (tired, awake)}
    assert found == {tired: {"waiting"}, awake: {"done"}}
    assert len(flow.reads) == 1 + 3, "one call at the tired account, and no more until its pause is over"


@pytest.mark.chaos("V1")
@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("3", 3, 3), ("-1", 0, 0), ("1000000000", 86400, 86400), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
     ("Fri, 31 Dec 9999 23:59:59 GMT", 86400, 86400), ("inf", 86400, 86400)],
)  # fmt: skip
def test_every_kind_of_retry_after_is_a_pause_between_nothing_and_a_day(header, low, high):
    assert low <= retry_after(header) <= high


@pytest.mark.chaos("V9")
@pytest.mark.parametrize("again", ["a second visit", "a second run"])
def test_what_search_does_not_find_yet_is_not_created_twice(leadboxer_install, again):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "search_delay_s": 3600})
    made = world.ada()
    world.poll()
    if again == "a second visit":
        world.ada(lead=made["lead"])
    world.poll()

    assert len(world.named("organization", "X GmbH")) == 1
    assert len(world.named("person", "Ada Byron")) == 1
    assert len(world.leads()) == 1


@pytest.mark.chaos("V9", "V13")
def test_a_change_that_search_shows_late_is_found_by_the_next_poll(hubspot_world):
    world = hubspot_world
    world.sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "search_delay_s": 20})
    world.contact("Ada Byron", maileon_subscribe="true")
    world.held()  # the webhook never arrives
    poll(world.integration)
    assert world.mails() == []

    world.sandbox.control("POST", "/time", {"advance_seconds": 25})
    poll(world.integration)
    assert world.mails() == ["ada.byron@example.com"]


def poll(integration):
    tasks.start_runs(integration, "poll")
    hub.drain()
    assert not SyncRun.objects.exclude(state="done").exists()


@pytest.mark.chaos("V10")
def test_people_of_one_second_and_people_who_move_while_they_are_listed_all_arrive(brevo_world, monkeypatch, tally):
    world, many, page_size = brevo_world, 350, 30
    monkeypatch.setattr(person_to_contact, "PAGE_SIZE", page_size)
    monkeypatch.setattr(person_to_contact.PersonToContact, "batch_size", page_size)
    world.seed_people(many)
    pages = pages_read(monkeypatch, PipedriveClient, "persons_page")
    ids = [row["id"] for row in world.sandbox.control("GET", "/pipedrive/acme/state")["persons"]]
    ours = [key for key in ids if world.shown(key)["name"].startswith("Seed ")]
    run = runs.start(world.integration, "fetch_all", "person_to_contact")
    for turn in range(40):
        word = runner.run(str(world.integration.pk), get_recipe, slice_seconds=0)
        run.refresh_from_db()
        if run.state != "done" and turn < 8:  # the first and the last of the list change their place
            world.change(ours[turn], name=f"Moved {turn}")
            world.change(ours[-1 - turn], name=f"Moved {turn}")
            tally.injected += 2
        if run.state == "done" and word in ("idle", "waiting"):
            break
    hub.drain()
    world.deliver()

    there = set(world.contacts())
    tally.events = many
    tally.lost = sum(f"seed{n}@example.com" not in there for n in range(many))
    assert run.state == "done"
    assert len(pages) > many // page_size, "every page was read by a call of its own"
    assert tally.injected == 16, "they moved while the run was under way"
    moved = [row for row in world.contacts().values() if str(row["attributes"].get("FULLNAME")).startswith("Moved ")]
    assert len(moved) == 16, "and what they changed into arrived"


@pytest.mark.chaos("V10")
@pytest.mark.parametrize("moves", ["one joins", "one leaves the list of pages"])
def test_contacts_who_come_and_go_while_brevos_pages_are_walked_are_not_passed_over(
    brevo_install, monkeypatch, tally, moves
):
    """Brevo's pages are counted from the start: whoever goes shifts all that follow by one."""
    world, many, page_size = brevo_install(create_persons=True), 45, 10
    for n in range(many):
        world.make_contact(f"form{n}@example.com", attributes={"FIRSTNAME": "Form", "LASTNAME": f"Nr{n}"})
    world.lose()
    monkeypatch.setitem(BrevoClient.contacts_page.__kwdefaults__, "limit", page_size)

    gone = []

    def move(number, found):
        if number >= 3:
            return
        if moves == "one joins":
            world.make_contact(f"late{number}@example.com", attributes={"FIRSTNAME": "Late", "LASTNAME": f"Nr{number}"})
        else:
            gone.append(found.records[0].email)  # of the page that was just read: all others move up by one
            world.sandbox.control("DELETE", f"/brevo/801/contacts/{gone[-1]}")
        tally.injected += 1

    pages = pages_read(monkeypatch, BrevoClient, "contacts_page", after=move)
    runs.start(world.integration, "fetch_all", "new_contact_to_person")
    hub.drain()
    world.poll()

    assert len(pages) > many // page_size
    assert tally.injected == 3
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values()
    there = [point["value"] for row in rows for point in row["emails"]]
    stayed = {f"form{n}@example.com" for n in range(many)} - set(gone)
    tally.events = len(stayed)
    tally.lost = len([email for email in stayed if email not in there])
    tally.doubled = sum(there.count(email) - 1 for email in set(there) if email.startswith(("form", "late")))


def pages_read(monkeypatch, client, name, after=lambda number, found: None):
    """Note each page a client reads; `after` happens when it was read, with its number and what was on it."""
    really, read = getattr(client, name), []

    def page(self, *args, **how):
        found = really(self, *args, **how)
        read.append(args)
        after(len(read) - 1, found)
        return found

    monkeypatch.setattr(client, name, page)
    return read


@pytest.mark.chaos("V2", "V3", "V4", "V5", "V6")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 429, 500, 503])
def test_a_person_is_never_lost_whatever_the_vendor_says_once(world, status, tally):
    """The first call of the work fails; afterwards there is one mail, or a job that says why there is none."""
    failure = {"status": status, "times": 1, "path_contains": "/contacts"}
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "fail_next": [failure]})
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "webhooks": {"hold": True}})
    person_id = world.person("Ada Byron")
    for _ in range(3):
        world.deliver()
        Connection.objects.update(not_before=None)
        for connection in Connection.objects.filter(health="needs_you"):
            connection_health.check(connection)
        SyncJob.objects.filter(state="waiting").update(next_attempt_at=timezone.now())

    tally.injected, tally.events = 1, 1
    tally.doubled = max(len(world.mails()) - 1, 0)
    stopped = SyncJob.objects.filter(external_id=person_id, state__in=("dead", "held")).exclude(reason="")
    tally.lost = int(not world.mails() and not stopped.exists())
    assert world.mails() == ["ada.byron@example.com"] or stopped.exists()


@pytest.mark.chaos("V2")
def test_a_block_page_is_a_limit_and_the_account_is_left_alone_for_minutes(world):
    page = {"status": 403, "times": 1, "path_contains": "/persons", "body": "html"}
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [page]})
    person_id = world.person("Ada Byron")
    for delivery in world.held():
        world.post(delivery)
    assert router.route_new_events(get_recipe)
    SyncJob.objects.update(next_attempt_at=timezone.now())
    runner.run(str(world.integration.pk), get_recipe)

    job, account = SyncJob.objects.get(external_id=person_id), world.integration.left
    account.refresh_from_db()
    assert (job.state, job.attempts, account.health) == ("waiting", 0, "ok")
    assert 290 < (account.not_before - timezone.now()).total_seconds() <= 300
    world.sandbox.control("DELETE", "/calls")
    assert runner.run(str(world.integration.pk), get_recipe) == "waiting"
    assert world.calls("pipedrive") == []

    Connection.objects.update(not_before=None)
    SyncJob.objects.update(next_attempt_at=timezone.now())
    hub.drain()
    assert world.mails() == ["ada.byron@example.com"]
