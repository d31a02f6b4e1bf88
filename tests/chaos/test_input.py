"""What comes in at our door: floods, echoes, bodies of every size, tricks of addresses and headers."""

from __future__ import annotations

import base64
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.test import Client

from integration.engine.sync import router
from integration.models import SyncJob, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.chaos.load import Load
from tests.integration.webhooks.test_views import SECRET, body, post
from tests.support import hub
from tests.support.factories import (
    ConnectionFactory,
    EndpointFactory,
    IntegrationFactory,
    TenantFactory,
)

# One event, a hundred times at once


@pytest.mark.chaos("W2")
def test_one_event_a_hundred_times_at_once_is_one_job(transactional_db, tally):
    integration = IntegrationFactory(left=ConnectionFactory(external_account_id="9001"))
    door = EndpointFactory(connection=integration.left)

    def deliver(attempt):
        try:
            return post(door, body(attempt=attempt)).status_code
        finally:
            database.close()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(deliver, range(1, 101)))
    router.route_new_events(get_recipe)

    tally.injected, tally.events = 100, 1
    tally.wrong = sum(status != 200 for status in answers)
    tally.doubled = WebhookEvent.objects.count() - 1
    assert SyncJob.objects.filter(flow="person_to_contact").count() == 1


# Echoes


@pytest.mark.chaos("W5")
def test_ten_rounds_of_edits_on_both_sides_come_to_rest(brevo_world):
    world, ada = brevo_world, "ada.byron@example.com"
    person = world.person("Ada Byron")
    world.deliver()
    for turn in range(10):
        if turn % 2:
            world.edit(ada, FIRSTNAME=f"Ada{turn}")
        else:
            world.change(person, name=f"Ada{turn} Byron")
        world.deliver()
    world.calls("pipedrive")

    for _ in range(3):
        world.deliver()
        world.poll()
    writes = [
        call for call in world.calls("pipedrive") + world.calls("brevo") if not call.startswith(("GET", "POST /oauth"))
    ]

    assert world.shown(person)["name"] == "Ada9 Byron"
    assert world.contact(ada)["attributes"]["FIRSTNAME"] == "Ada9"
    assert writes == []


# Bodies


def raw(web, head, rest=b"", *, patience=5.0):
    """Send bytes as they are and return the status, how long it took (seconds), and 0 when nothing came back."""
    address = urlsplit(web)
    began = time.monotonic()
    with socket.create_connection((address.hostname, address.port), timeout=patience) as line:
        try:
            line.sendall(head.encode() + b"\r\n" + rest)
            answer = line.recv(4096)
        except (TimeoutError, ConnectionError):
            answer = b""
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0, time.monotonic() - began


def memory(pid):
    """What a process and its children hold, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = int(status.split("VmRSS:")[1].split()[0]) / 1024
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(memory(child) for child in children)


@pytest.mark.slow
@pytest.mark.chaos("W7")
def test_bodies_of_every_size_are_refused_at_once_and_take_no_memory(farm, tally):
    integration = hub.install(farm.sandbox_url)
    door = integration.left.endpoint
    proof = base64.b64encode(door.secret["current"].encode()).decode()
    pid = farm.processes.children["web"].pid

    def call(*headers, path=f"/hooks/pipedrive/{door.token}/", **more):
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Basic {proof}", *headers)
        return raw(farm.web_url, "".join(f"{line}\r\n" for line in lines), **more)

    json_type = "Content-Type: application/json"
    bomb = b"\x1f\x8b" + b"\x00" * 500
    cases = {
        "no body": (call(json_type, "Content-Length: 0"), {200}),
        "ten megabytes": (call(json_type, "Content-Length: 10485760", rest=b"x" * 1000), {413}),
        "a terabyte": (call(json_type, "Content-Length: 1099511627776"), {413}),
        "a gigabyte in chunks": (
            call(json_type, "Transfer-Encoding: chunked", rest=b"40000000\r\n" + b"x" * 2000), {411},
        ),
        "no number": (call(json_type, "Content-Length: ten"), {400, 413}),
        "below nothing": (call(json_type, "Content-Length: -1"), {400, 413}),
        "a zip nobody unpacks": (
            call(json_type, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}", rest=bomb), {200, 415},
        ),
        "a depth of ten thousand": (call(json_type, "Content-Length: 10000", rest=b"[" * 10000), {200}),
    }  # fmt: skip
    before = memory(pid)
    for _ in range(20):
        call(json_type, "Content-Length: 1099511627776", rest=b"x" * 5000)
        call(json_type, "Content-Length: 10000", rest=b"[" * 10000)
    short = call(json_type, "Content-Length: 1000", rest=b"{}", patience=1.0)  # says more than it sends, and stays

    tally.injected = tally.events = len(cases)
    wrong = {name: status for name, ((status, _), good) in cases.items() if status not in good}
    slow = {name: seconds for name, ((_, seconds), _) in cases.items() if seconds > 3}  # others use these cores too
    assert (wrong, slow) == ({}, {})
    assert short[0] in (0, 400)
    assert memory(pid) - before < 30
    load = Load(farm.web_url, integration)
    load.send(["1"], tries=1)
    assert load.answers == {200: 1}


@pytest.mark.slow
@pytest.mark.chaos("W13", "W14")
def test_a_burst_of_one_tenant_is_taken_in_and_the_other_tenants_change_goes_before_it(farm, tally):
    """One sends four hundred events, far beyond its share of the minute; the other one, after it."""
    farm.kill_worker()
    farm.processes.kill("web")
    farm.start_web(INTAKE_EVENTS_PER_MINUTE="50")
    loud, quiet = hub.install(farm.sandbox_url), hub.install(farm.sandbox_url, TenantFactory())
    burst, single = Load(farm.web_url, loud), Load(farm.web_url, quiet)
    burst.send([str(key) for key in range(1, 6)], rounds=80, tries=1)
    single.send(["1"], tries=1)

    assert (burst.answers, single.answers) == ({200: 400}, {200: 1})
    deferred = WebhookEvent.objects.filter(deferred=True)
    assert 300 <= deferred.count() < 400
    assert not deferred.filter(connection=quiet.left).exists()
    farm.start_worker()
    farm.until("the events to be routed", lambda: not WebhookEvent.objects.filter(state="new").exists())
    last = WebhookEvent.objects.filter(connection=quiet.left).get().routed_at
    tally.injected, tally.events = 400, 401
    tally.lost = 401 - WebhookEvent.objects.count()
    tally.wrong = deferred.filter(routed_at__lt=last).count()


@pytest.mark.chaos("W7")
@pytest.mark.parametrize(
    "odd",
    [b'{"meta": {"entity": "person"}, "meta": {"entity": "deal"}}', b'{"a":1e999}', b'{"a":-Infinity}',
     b"\xef\xbb\xbf[]",
     b'"\xed\xa0\x80"', b"\x00", b'{"meta":{"entity":"person","entity_id":"1\\u0000","action":"change"}}', b"\xe4",
     b"1" * 5000, b'{"' + b"k" * 90_000 + b'":1}'],
)  # fmt: skip
def test_what_is_no_plain_json_is_kept_bare_and_answered(transactional_db, odd):
    door = EndpointFactory(connection__external_account_id="9001")

    assert post(door, odd).status_code == 200

    assert "\x00" not in json.dumps(list(WebhookEvent.objects.values()), default=str)
    assert "\\u0000" not in json.dumps(list(WebhookEvent.objects.values()), default=str)


# Tricks of addresses and headers


@pytest.mark.chaos("W17")
@pytest.mark.parametrize(
    "path",
    ["//hooks/pipedrive/{}/", "/hooks//pipedrive/{}/", "/hooks/pipedrive/{}/../x/", "/hooks/pipedrive/./{}/",
     "/hooks/pipedrive/{}%2f/", "/hooks/pipedrive/{}%00/", "/HOOKS/pipedrive/{}/", "/hooks/Pipedrive/{}/"],
)  # fmt: skip
def test_an_address_that_is_nearly_ours_is_unknown(transactional_db, path):
    door = EndpointFactory()
    headers = {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}

    answer = Client(headers=headers).generic("POST", path.format(door.token), b"{}", content_type="application/json")

    assert answer.status_code in (400, 404)
    assert not WebhookEvent.objects.exists()


@pytest.mark.chaos("W17")
def test_headers_that_name_another_host_or_sender_change_nothing(transactional_db, settings):
    settings.ALLOWED_HOSTS = ["hub.example.com"]
    door = EndpointFactory(connection__external_account_id="9001")
    path, proof = f"/hooks/pipedrive/{door.token}/", base64.b64encode(SECRET.encode()).decode()
    spoofed = {
        "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "10.0.0.1", "X-Original-URL": "/admin/",
        "X-HTTP-Method-Override": "DELETE", "Host": "hub.example.com", "Authorization": f"Basic {proof}",
    }  # fmt: skip
    data = json.dumps(body()).encode()

    assert Client(headers=spoofed).post(path, data, content_type="application/json").status_code == 200
    assert WebhookEvent.objects.count() == 1
    for address in ("/login/", "/admin/login/"):
        answer = Client(headers={"Host": "evil.example"}).get(address)
        assert answer.status_code == 400
        assert b"evil.example" not in answer.content
