"""Faults of processes and of the machine, with real ones: killed, stopped, restarted, doubled, cut off."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import connection as database
from django.db.models import Q
from django.utils import timezone
from django_q.models import Schedule

from integration.engine.alerts import ledger
from integration.engine.insight.status import status_of
from integration.management.schedules import ensure_schedules
from integration.models import Alert, Connection, Doorbell, EventState, Integration, SyncJob, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe
from integration.retry import CRASHED_JOB
from tests.chaos.conftest import _database_url
from tests.chaos.load import Load
from tests.chaos.proxy import Proxy
from tests.chaos.rows import NOT_EMBEDDED
from tests.support import hub
from tests.support.factories import EventFactory, IntegrationFactory, LogFactory

pytestmark = pytest.mark.slow

PEOPLE = 40
KILLS = 3


class Stage:
    """A hub with people in Pipedrive who said Yes, a load, and the oracle."""

    def __init__(self, farm, **settings):
        self.farm = farm
        self.integration = hub.install(farm.sandbox_url, **settings)
        resources = self.integration.resources
        people = [
            {
                "name": f"Person {n}",
                "emails": [{"value": f"p{n}@example.com"}],
                "custom_fields": {resources["newsletter"]: int(resources["newsletter_yes"])},
            }
            for n in range(PEOPLE)
        ]
        farm.control("POST", "/pipedrive/acme/seed", {"persons": people})
        rows = farm.control("GET", "/pipedrive/acme/state")["persons"]
        self.ids = [str(row["id"]) for row in rows if row["name"].startswith("Person ")]
        self.load = Load(farm.web_url, self.integration)

    def in_background(self, **how):
        thread = threading.Thread(target=self.load.send, args=(self.ids,), kwargs=how, daemon=True)
        thread.start()
        return thread

    def at_rest(self):
        waiting = SyncJob.objects.filter(state__in=("waiting", "running")).exists()
        return not waiting and not WebhookEvent.objects.filter(state=EventState.NEW).exists()

    def mails(self):
        return Counter(row["email"] for row in self.farm.control("GET", "/maileon/501/doi-mails"))

    def judge(self, tally):
        """The end state is that of an undisturbed run: each person was asked once, nothing waits, nothing is dead."""
        self.farm.until("everything to be done", self.at_rest)
        self.load.judge(tally)
        mails = self.mails()
        tally.lost += PEOPLE - len(mails)
        tally.doubled += sum(mails.values()) - len(mails)
        tally.wrong += SyncJob.objects.filter(state__in=("dead", "held")).count()


@pytest.mark.chaos("P1")
def test_killing_the_web_process_loses_nothing_that_was_acknowledged(farm, tally):
    stage = Stage(farm)
    sending = stage.in_background(rounds=8)
    for _ in range(KILLS):
        time.sleep(0.7)
        farm.processes.kill("web")
        tally.injected += 1
        farm.start_web()
    sending.join()

    stage.judge(tally)
    assert len(stage.load.acked) == PEOPLE * 8, stage.load.answers


@pytest.mark.chaos("P3")
def test_ten_minutes_without_any_worker_raise_the_alarm_and_are_worked_off(farm, tally):
    stage = Stage(farm)
    farm.kill_worker()
    stage.load.send(stage.ids)
    tally.injected = 1
    ago = timezone.now() - timedelta(minutes=10)
    WebhookEvent.objects.update(received_at=ago)
    Doorbell.objects.update_or_create(key="worker:killed:1", defaults={"rung_at": ago})
    Doorbell.objects.filter(Q(key="sweeper") | Q(key__startswith="worker:")).update(rung_at=ago)
    ledger.evaluate(get_recipe)
    assert Alert.objects.get(kind="worker", resolved_at=None)

    farm.start_worker()
    stage.judge(tally)

    refused = [row for row in farm.control("GET", "/calls?vendor=maileon") if row["status"] == 429]
    assert refused == []
    ledger.evaluate(get_recipe)
    assert not Alert.objects.filter(kind="worker", resolved_at=None).exists()


@pytest.mark.chaos("P3")
@pytest.mark.parametrize("how", ["killed", "stopped", "orphaned"])
def test_dead_workers_are_told_within_fifteen_seconds(farm, how):
    """Killed, stopped where they stand, or without the process that hands out their tasks."""
    integration = hub.install(farm.sandbox_url)
    LogFactory(integration=integration)
    health = f"{farm.web_url}/healthz"
    wait_until(lambda: requests.get(health, timeout=5).json()["worker"], 30)
    assert state_of(integration) in ("In sync", "Catching up")

    killed = time.monotonic()
    if how == "killed":
        farm.kill_worker()
    elif how == "stopped":
        farm.signal("worker", signal.SIGSTOP, group=True)
    else:
        os.kill(only_child(farm.processes.children["worker"].pid), signal.SIGKILL)
    wait_until(lambda: requests.get(health, timeout=5).json()["worker"] is False, 20)

    assert time.monotonic() - killed < 16
    assert requests.get(health, timeout=5).status_code == 503
    assert state_of(integration) == "Delayed"

    if how != "killed":
        farm.kill_worker()
    farm.start_worker()
    wait_until(lambda: requests.get(health, timeout=5).json()["worker"], 30)
    assert state_of(integration) != "Delayed"


def state_of(integration):
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=integration.pk)
    return str(status_of(row, get_recipe).state.label)


def wait_until(look, seconds):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.25)


def only_child(pid):
    """The process that a cluster starts to watch over its workers."""
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.chaos("P4")
def test_a_deploy_answers_every_vendor(farm, tally):
    """Reload with two web processes, as `systemctl reload lockstep-web` does; the worker is ended in order."""
    farm.processes.kill("web")
    farm.start_web(WEB_PROCESSES="2")
    stage = Stage(farm)
    sending = stage.in_background(rounds=12, tries=1)
    for _ in range(2):
        time.sleep(0.8)
        farm.signal("web", signal.SIGHUP)
        tally.injected += 1
    farm.signal("worker", signal.SIGTERM)
    sending.join()
    farm.processes.children["worker"].wait(timeout=60)
    farm.start_worker()

    stage.judge(tally)
    assert stage.load.answers == {200: PEOPLE * 12}


@pytest.mark.chaos("P5")
def test_a_worker_that_sleeps_longer_than_its_lease_writes_nothing_twice(farm, tally):
    stage = Stage(farm)
    farm.control("POST", "/misbehave", {"vendor": "maileon", "latency_ms": 60})
    stage.load.send(stage.ids)
    farm.until("the first mails", lambda: len(stage.mails()) >= 5)
    farm.signal("worker", signal.SIGSTOP, group=True)
    tally.injected = 1
    farm.start_worker("second")
    farm.until("the second worker to take over", lambda: len(stage.mails()) >= PEOPLE - 5)
    farm.signal("worker", signal.SIGCONT, group=True)
    time.sleep(2)

    stage.judge(tally)
    assert stage.mails() == {f"p{n}@example.com": 1 for n in range(PEOPLE)}


@pytest.mark.chaos("P6")
@pytest.mark.skipif(database.vendor == "sqlite", reason=NOT_EMBEDDED["P6"])
def test_a_database_that_goes_away_is_never_acknowledged_and_comes_back_by_itself(farm, tally):
    row = database.settings_dict
    with Proxy((row["HOST"] or "127.0.0.1", int(row["PORT"] or 5432))) as proxy:
        farm.processes.kill("web")
        parts = urlsplit(farm.environment["DATABASE_URL"])
        through = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
        farm.start_web(DATABASE_URL=through)
        stage = Stage(farm)
        sending = stage.in_background(rounds=4, pause=0.02)
        time.sleep(0.5)
        proxy.cut()
        tally.injected = 1
        time.sleep(3)
        proxy.restore()
        sending.join()

        stage.judge(tally)
    assert set(stage.load.answers) <= {200, 503}, stage.load.answers
    assert stage.load.answers[503] > 0
    assert len(stage.load.acked) == PEOPLE * 4


@pytest.mark.chaos("P8")
def test_an_answer_that_never_arrives_makes_no_second_event(farm, tally):
    stage = Stage(farm)
    key = stage.ids[0]
    where = urlsplit(stage.load.url)
    body = json.dumps(stage.load.body(key, "load-cut")).encode()
    auth = b64encode(":".join(stage.load.auth).encode()).decode()
    head = (
        f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Basic {auth}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection((where.hostname, where.port)) as line:
            line.sendall(head.encode() + body)
        tally.injected += 1
    farm.until("the event to be stored", lambda: WebhookEvent.objects.filter(dedupe_key__contains="load-cut").exists())
    assert stage.load._post(stage.load.body(key, "load-cut")) == 200
    stage.load.acked.add("load-cut")

    farm.until("everything to be done", stage.at_rest)
    stage.load.judge(tally)
    assert stage.mails() == {"p0@example.com": 1}


@pytest.mark.chaos("P10")
def test_two_clusters_run_each_schedule_once(farm, tally):
    stage = Stage(farm)
    farm.start_worker("second")
    ensure_schedules()
    Schedule.objects.exclude(func="integration.tasks.poll_all").delete()
    flows = {"person_to_contact", "consent_to_person"}  # deals are off
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
    tally.injected = 1
    farm.until("the polls", lambda: SyncRun.objects.filter(kind="poll", state="done").count() >= len(flows))
    time.sleep(2)
    tally.doubled += SyncRun.objects.filter(kind="poll").count() - len(flows)
    assert set(SyncRun.objects.values_list("flow", flat=True)) == flows
    assert stage.at_rest()


@pytest.mark.chaos("P11")
@pytest.mark.timeout(400)
def test_a_record_that_kills_its_worker_is_set_aside_and_the_others_go_through(farm, tally, tmp_path):
    """A real worker process dies, killed as by the kernel, each time it comes to one person."""
    kills = tmp_path / "kills"
    kills.touch()
    farm.kill_worker()
    stage = Stage(farm)
    stage.load.send(stage.ids)
    command = [sys.executable, "-m", "tests.chaos.poisoned"]
    farm.processes.start("worker", command, **farm.environment, POISON="p7@example.com", POISON_LOG=str(kills))
    farm.until("everything to be done", stage.at_rest, patience=200)

    tally.injected = len(kills.read_text().splitlines())
    tally.events = PEOPLE
    stage.load.judge(tally)
    tally.lost += len({f"p{n}@example.com" for n in range(PEOPLE) if n != 7} - stage.mails().keys())
    tally.doubled += sum(count - 1 for count in stage.mails().values())
    dead = SyncJob.objects.get(state="dead")
    assert (dead.external_id, dead.reason) == (stage.ids[7], "crashed")
    assert dead.crashes == tally.injected == CRASHED_JOB.attempts, "it was tried so often and no more"
    assert "p7@example.com" not in stage.mails()


@pytest.mark.chaos("P10")
@pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite has one writer: a second router waits for the first")
def test_two_routers_at_once_route_each_event_once(transactional_db, tally):
    """Two processes, let go at one moment, over more events than one portion takes."""
    integration = IntegrationFactory()
    events, people = 6_000, 1_500
    rows = [
        EventFactory.build(
            connection=integration.left, external_id=str(n % people), dedupe_key=f"e{n}", received_at=timezone.now()
        )
        for n in range(events)
    ]
    WebhookEvent.objects.bulk_create(rows, batch_size=1000)
    program = (
        "import sys, django; django.setup(); from integration import tasks; print('ready', flush=True);"
        " sys.stdin.readline(); print(tasks.route_events())"
    )
    environment = {
        **os.environ, "DATABASE_URL": _database_url(), "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOCKSTEP_DEVELOPMENT": "1", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    routers = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=django_settings.BASE_DIR, **pipes)
        for _ in range(2)
    ]
    assert [router.stdout.readline() for router in routers] == ["ready\n"] * 2
    for router in routers:
        router.stdin.write("go\n")
        router.stdin.flush()
    said = [router.communicate(timeout=120)[0] for router in routers]

    routed = [int(line.split()[0]) for line in said]
    tally.injected, tally.events = sum(count > 0 for count in routed), events
    assert tally.injected == 2, f"both had a part in it: {routed}"
    tally.lost = WebhookEvent.objects.exclude(state="routed").count()
    tally.doubled = sum(routed) - events
    assert SyncJob.objects.filter(integration=integration, state="waiting").count() == people
    assert SyncJob.objects.values("external_id").distinct().count() == people


@pytest.mark.chaos("H14")
def test_keys_are_rotated_while_events_come_in(farm, tally):
    old, new = django_settings.LOCKSTEP_SECRET_KEYS[0], Fernet.generate_key().decode()
    stage = Stage(farm)
    sending = stage.in_background(rounds=12, pause=0.05)
    for keys in (f"{new},{old}", new):
        if keys == new:
            farm.manage("rotate_secrets", LOCKSTEP_SECRET_KEYS=f"{new},{old}")
        farm.kill_worker()
        farm.processes.kill("web")
        farm.start_web(LOCKSTEP_SECRET_KEYS=keys)
        farm.start_worker(LOCKSTEP_SECRET_KEYS=keys)
        tally.injected += 1
    sending.join()

    stage.judge(tally)
    assert not Connection.objects.exclude(health="ok").exists()
    assert 401 not in stage.load.answers
