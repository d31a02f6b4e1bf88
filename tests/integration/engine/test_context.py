"""The lease as a worker sees it: prolonged while it is ours, lost when another has it or its time is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.context import Context
from integration.errors import LeaseLost
from integration.models import Integration
from tests.support.factories import IntegrationFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration():
    return IntegrationFactory(lease_token="mine", lease_until=timezone.now() + timedelta(seconds=5))


@pytest.fixture
def ctx(integration):
    return Context(integration, recipes_with(FakeFlow())("fake"), token="mine")


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
