"""Redis and the cache's folder are no way in: what somebody plants there is never run, and installations stay apart."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import pickle
import queue
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import yaml
from django.core import signing
from django.core.cache import CacheHandler
from django.test import Client
from django.urls import reverse
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.pusher import pusher
from django_q.signing import PickleSerializer, SignedPackage
from django_q.status import Stat

from config import settings as production
from integration.admin.pages import dashboard_figures
from tests.support import factories

ROOT = Path(__file__).parents[2]
needs_redis = pytest.mark.skipif(not production.REDIS_URL, reason="asks a Redis")
VALUES = [None, 0, 5, 1.5, True, "text", "ü", [1, "a"], {"a": {"b": [None]}}]
JUNK = [b"", b"\x00", b"nothing of ours", b"\xff\xfe", b"[" * 200_000, b'{"no": "list"}', b"[1]", b'["soon", 1]']


class Bomb:
    """Opening its pickle makes a file."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (open, (self.marker, "w"))


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "code-was-run"


@pytest.fixture
def cache(tmp_path):
    """The cache as config/settings.py configures it, in a place of its own."""
    row = {**production.CACHES["default"], "KEY_PREFIX": f"test-{os.getpid()}"}
    place = {} if production.REDIS_URL else {"LOCATION": str(tmp_path / "cache")}
    found = CacheHandler({"default": {**row, **place}})["default"]
    yield found
    for key in ("a", "b"):
        found.delete(key)


def overwrite(cache, key, data):
    """Put bytes where the cache keeps an entry."""
    if production.REDIS_URL:
        broker_connection().set(cache.make_key(key), data)
    else:
        Path(cache._key_to_file(key)).write_bytes(data)


def broker_connection():
    import redis

    return redis.from_url(production.REDIS_URL)


@pytest.mark.parametrize("value", VALUES)
def test_what_was_set_is_got(cache, value):
    cache.set("a", value, 60)
    assert cache.get("a", "nothing") == value
    assert cache.get("b", "nothing") == "nothing"


def test_a_pickle_in_the_cache_is_not_opened(cache, marker):
    cache.set("a", "ours", 60)
    pickled = pickle.dumps(Bomb(marker))
    for data in (pickled, pickle.dumps(None) + zlib.compress(pickled), pickle.dumps(9e12) + zlib.compress(pickled)):
        cache.set("a", "ours", 60)
        overwrite(cache, "a", data)
        assert cache.get("a") is None
        assert cache.get_many(["a"]).get("a") is None
        overwrite(cache, "a", data)
        cache.touch("a", 60)
        overwrite(cache, "a", data)
        cache.has_key("a")
        cache.add("a", "ours", 60)

    assert not marker.exists()


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_the_cache_breaks_nothing(cache, junk):
    cache.set("a", "ours", 60)
    overwrite(cache, "a", junk)
    assert cache.get("a") != "ours"
    cache.set("a", "again", 60)
    assert cache.get("a") == "again"


def test_entries_of_the_cache_end_are_renewed_and_are_json(cache):
    cache.set("a", {"of": "ours"}, 60)
    assert cache.touch("a", 90)
    assert not cache.touch("b", 90)
    assert not cache.add("a", "another", 60)
    assert cache.get("a") == {"of": "ours"}
    cache.set("a", 1, 0)
    assert cache.get("a") is None
    with pytest.raises(TypeError):
        cache.set("b", object(), 60)


@pytest.mark.django_db
@pytest.mark.parametrize("planted", ["text", 5, {"records": 1}, {"records": [{"hour": "never"}], "events": []}, [[]]])
def test_the_front_page_counts_itself_when_the_cache_holds_something_else(planted):
    dashboard_figures.cache.set("console-charts", planted, 60)
    factories.LogFactory(outcome="synced")
    client = Client()
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))

    page = client.get("/admin/")

    assert page.status_code == 200
    assert page.context["charts"]["records"][-1].counts["synced"] == 1
    again = client.get("/admin/")
    assert again.context["charts"] == page.context["charts"], "as kept for a moment"


# The queue


def offered(payload):
    """What a cluster takes from the queue when this lies in it."""
    broker, tasks, stop = get_broker(), queue.Queue(), multiprocessing.Event()
    broker.enqueue(payload)
    stop.set()
    pusher(tasks, stop, broker)
    left = broker.queue_size()
    broker.delete_queue()
    return tasks, left


def signed(task, *, key, salt):
    return signing.dumps(task, key=key, salt=salt, serializer=PickleSerializer)


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["bare", "compressed", "another key", "another installation", "cut off"])
def test_a_forged_message_is_never_opened(forged, marker):
    bomb, bare = Bomb(marker), base64.urlsafe_b64encode(pickle.dumps(Bomb(marker))).decode()
    whole = signed(bomb, key=Conf.SECRET_KEY, salt=Conf.PREFIX)
    payload = {
        "bare": bare,
        "compressed": f".{bare}:1abcde:forged",
        "another key": signed(bomb, key="x" * 60, salt=Conf.PREFIX),
        "another installation": signed(bomb, key=Conf.SECRET_KEY, salt="lockstep-000000000000"),
        "cut off": whole[:-1],
    }[forged]

    tasks, left = offered(payload)

    assert tasks.empty()
    assert not marker.exists()
    assert left == 0, "it does not come back"


@pytest.mark.django_db
def test_a_message_of_our_own_is_taken():
    tasks, left = offered(SignedPackage.dumps({"id": "1", "name": "ours", "func": "x", "args": (), "kwargs": {}}))
    assert tasks.get_nowait()["name"] == "ours"


@needs_redis
def test_a_forged_state_of_a_cluster_is_not_opened(marker):
    redis = broker_connection()
    key = Stat.get_key("planted")
    redis.set(key, signed(Bomb(marker), key="x" * 60, salt=Conf.PREFIX), 5)
    try:
        assert Stat.get_all() == []
    finally:
        redis.delete(key)
    assert not marker.exists()


# Installations apart


def names_of(**environment):
    """What an installation's keys begin with: of the cache, of the queue, of the clusters' states."""
    program = (
        "import json, django; django.setup(); from django.core.cache import cache; from django_q.conf import Conf;"
        " from django_q.brokers import get_broker;"
        " print(json.dumps([cache.make_key('x'), get_broker().list_key, Conf.Q_STAT, Conf.PREFIX]))"
    )
    fixed = {"LOCKSTEP_DEVELOPMENT": "1", "DJANGO_SETTINGS_MODULE": "config.settings", "Q_CLUSTER": "lockstep",
             "DATABASE_URL": "sqlite:///:memory:"}  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **fixed, **environment}, check=True,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return json.loads(said.stdout)


@pytest.mark.parametrize("redis", ["", "redis://127.0.0.1:6379/7"])
def test_two_installations_share_no_key_and_no_queue(redis):
    first, second = (names_of(SECRET_KEY=letter * 60, REDIS_URL=redis) for letter in "ab")
    copy = names_of(SECRET_KEY="a" * 60, REDIS_URL=redis, Q_CLUSTER="staging")

    assert first == names_of(SECRET_KEY="a" * 60, REDIS_URL=redis), "all processes of one have the same"
    for one, another in ((first, second), (first, copy), (second, copy)):
        assert not set(one) & set(another)
    assert all("a" * 60 not in name for name in first)


def test_redis_has_a_password_in_the_deploy_files():
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    redis = compose["services"]["redis"]
    assert "requirepass $$(cat /run/secrets/redis_password)" in redis["command"][-1].splitlines()
    assert "ports" not in redis
    assert compose["x-hub"]["environment"]["REDIS_URL_FILE"] == "/run/secrets/redis_url"
    lines = (ROOT / "deploy" / "env.example").read_text().splitlines()
    assert "REDIS_URL=redis://:change-me@127.0.0.1:6379/0" in lines, "a start with it is refused"


def test_the_consoles_own_search_answers_twice(admin_client):
    """The theme keeps what it found as objects of its own."""
    first = admin_client.get(reverse("admin:search"), {"s": "connections"})
    again = admin_client.get(reverse("admin:search"), {"s": "connections"})

    assert "Connections" in first.content.decode()
    assert again.content == first.content
