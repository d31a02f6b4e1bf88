"""A dry run writes nothing, whoever tries: no call to a vendor, no row of people."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from integration.dry_run import is_dry, nothing_written
from integration.engine.sync import dry
from integration.errors import IntegrationError, NotFound
from integration.guard import HostPolicy
from integration.http import Effect, Transport
from integration.models import RecordLink, SyncRun, VendorCall
from tests.support.factories import IntegrationFactory

from .test_http import Server, answer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def vendor_server(settings):
    server = Server()
    settings.SANDBOX_URL = server.url
    server.answers = [answer()]
    yield server
    server.server.shutdown()


@pytest.fixture
def transport(vendor_server):
    return Transport("Vendor", vendor_server.url, HostPolicy(()), headers={})


def seen(server):
    return [(method, path) for method, path, _, _ in server.seen]


def test_a_read_and_a_sign_in_are_made_and_a_write_is_not(transport, vendor_server):
    with nothing_written():
        transport.request("POST", "/search", effect=Effect.READ, json={})
        transport.request("POST", "/token", effect=Effect.SIGN_IN, json={})
        reply = transport.request("POST", "/people", effect=Effect.WRITE, accepted=b'{"id": 7}', json={})

    assert reply.json() == {"id": 7}
    assert seen(vendor_server) == [("POST", "/search"), ("POST", "/token")]


def test_a_write_whose_answer_is_not_declared_is_refused(transport, vendor_server):
    with nothing_written(), pytest.raises(IntegrationError, match="A dry run must not do this"):
        transport.request("DELETE", "/webhooks/1", effect=Effect.WRITE)
    assert seen(vendor_server) == []


def test_whoever_is_gone_is_noticed_without_a_write(transport, vendor_server):
    vendor_server.answers = [answer(404)]
    with nothing_written(), pytest.raises(NotFound):
        transport.request("PUT", "/people/1", effect=Effect.WRITE, accepted=b"", looks="/people/1", json={})
    assert seen(vendor_server) == [("GET", "/people/1")]


@pytest.mark.django_db(transaction=True)
def test_a_row_of_people_is_refused_even_where_somebody_forgot_to_ask():
    integration = IntegrationFactory()
    run = SyncRun.objects.create(integration=integration, kind="fetch_all", flow="x", dry_run=True)
    links = RecordLink.objects.filter(integration=integration)

    with dry.guarded(run):
        assert is_dry()
        with pytest.raises(IntegrationError, match="A dry run must not store this"):
            links.update(state="removed")
        VendorCall.objects.create(
            connection=integration.left, method="GET", path="/x", status=200, ms=1, at=integration.created_at
        )

    assert not is_dry()
    assert VendorCall.objects.count() == 1


def test_every_call_of_a_connector_says_what_it_does():
    """What says nothing counts as a write, so that a dry run refuses it; here nothing is left to that."""
    silent = []
    for path in sorted((ROOT / "integration" / "connectors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            keywords = {keyword.arg for keyword in node.keywords}
            if node.func.attr in ("call", "request") and not keywords & {"effect", None}:
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert silent == []
