"""The lease as a worker sees it: prolonged while it is ours, lost when another has it or its time is over."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from integration.engine.clients.session import OpenSession, open_client
from integration.errors import LeaseLost, SetupUnfinished, TenantActionError
from integration.models import Connection, Integration, ReferenceCache
from tests.support.factories import ConnectionFactory, IntegrationFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration():
    return IntegrationFactory(lease_token="mine", lease_until=timezone.now() + timedelta(seconds=5))


@pytest.fixture
def ctx(integration):
    return OpenSession(integration, recipes_with(FakeFlow())("fake"), token="mine")


def test_a_lease_of_ours_is_prolonged(ctx):
    ctx.keep_lease(now=True)

    assert Integration.objects.get().lease_until > timezone.now() + timedelta(seconds=60)


def test_a_worker_that_slept_past_its_lease_writes_nothing_more(ctx):
    Integration.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    with pytest.raises(LeaseLost):
        ctx.keep_lease(now=True)


def test_a_lease_that_another_worker_has_is_lost(ctx):
    Integration.objects.update(lease_token="another")

    with pytest.raises(LeaseLost):
        ctx.keep_lease(now=True)
    assert Integration.objects.get().lease_token == "another"


# What provisioning makes


def test_what_was_made_meanwhile_is_seen(ctx):
    Integration.objects.update(resources={"company_key": "pipedrive_id"})

    assert ctx.resource("company_key") == "pipedrive_id"


def test_what_is_not_made_yet_is_said(ctx):
    with pytest.raises(SetupUnfinished) as raised:
        ctx.resource("company_key")

    assert raised.value.reason == "setup_unfinished"


# What is remembered


def ages(kind, minutes, ctx):
    ReferenceCache.objects.create(
        connection=ctx.integration.left, kind=kind, entries={"1": "old"},
        fetched_at=timezone.now() - timedelta(minutes=minutes),
    )  # fmt: skip


@pytest.mark.parametrize(("minutes", "found"), [(59, {"1": "old"}), (61, {"1": "new"})])
def test_a_list_of_the_vendors_is_read_again_after_an_hour(ctx, minutes, found):
    ages("users", minutes, ctx)

    assert ctx.reference_list("left", "users", lambda: {"1": "new"}) == found


@pytest.mark.parametrize(("minutes", "found"), [(59, {"1": "old", "2": "new"}), (61, {"1": "new", "2": "new"})])
def test_a_name_is_asked_for_again_after_an_hour(ctx, minutes, found):
    ages("organizations", minutes, ctx)

    assert ctx.resolve_many("left", "organizations", {"1", "2"}, lambda ids: dict.fromkeys(ids, "new")) == found


def test_what_a_client_remembers_is_of_its_own_account(monkeypatch):
    opened = SimpleNamespace(windows=(), open=lambda credentials, wire: wire.memory)
    monkeypatch.setattr(Connection, "connector", property(lambda self: opened))
    mine, theirs = ConnectionFactory(), ConnectionFactory()

    assert open_client(mine) is open_client(mine)
    assert open_client(mine) is not open_client(theirs)
    mine.external_account_id = "another"
    assert open_client(mine) is not open_client(Connection.objects.get(pk=mine.pk))


def test_an_address_that_is_not_the_vendors_asks_for_a_person():
    try:
        open_client(ConnectionFactory(base_url="https://evil.example"))
    except Exception as exc:
        said = exc

    assert isinstance(said, TenantActionError)
    assert said.reason == "address_refused"
