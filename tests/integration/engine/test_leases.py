"""Leases: one holder, a token that proves it, and an end that comes by itself. The same rules for each kind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Q
from django.utils import timezone

from integration.engine.dispatch import leases
from integration.engine.dispatch.leases import SETUP, SYNC, TOKEN_RENEWAL
from integration.errors import LeaseLost
from integration.models import Integration
from tests.support.factories import IntegrationFactory

pytestmark = pytest.mark.django_db
KINDS = [SYNC, SETUP, TOKEN_RENEWAL]
SECOND = timedelta(seconds=1)
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=KINDS, ids=["sync", "setup", "token renewal"])
def kind(request):
    return request.param


@pytest.fixture
def row(kind):
    integration = IntegrationFactory()
    return integration if kind.model is Integration else integration.left


def run_out(kind):
    kind.model.objects.update(**{kind.until: timezone.now() - SECOND})


def test_the_first_gets_it_and_the_second_does_not(kind, row):
    lease = leases.acquire(kind, row.pk)
    assert lease is not None
    assert leases.acquire(kind, row.pk) is None

    leases.release(lease)
    assert leases.acquire(kind, row.pk) is not None


def test_it_lasts_as_long_as_its_kind_says(kind, row):
    leases.acquire(kind, row.pk)
    row.refresh_from_db()
    left = getattr(row, kind.until) - timezone.now()
    assert kind.lasts - 5 * SECOND < left <= kind.lasts


def test_one_that_ran_out_is_taken_over_and_its_holder_learns_of_it(kind, row):
    slow = leases.acquire(kind, row.pk)
    run_out(kind)
    leases.acquire(kind, row.pk)
    with pytest.raises(LeaseLost):
        leases.renew(slow)


def test_one_that_ran_out_is_lost_although_nobody_took_it(kind, row):
    slow = leases.acquire(kind, row.pk)
    run_out(kind)
    with pytest.raises(LeaseLost):
        leases.renew(slow)


def test_renewing_prolongs_it(kind, row):
    lease = leases.acquire(kind, row.pk)
    kind.model.objects.update(**{kind.until: timezone.now() + SECOND})
    leases.renew(lease)
    row.refresh_from_db()
    assert getattr(row, kind.until) > timezone.now() + kind.lasts - 5 * SECOND


def test_a_lease_that_somebody_else_took_is_not_given_back(kind, row):
    slow = leases.acquire(kind, row.pk)
    run_out(kind)
    second = leases.acquire(kind, row.pk)
    leases.release(slow)
    row.refresh_from_db()
    assert getattr(row, kind.token) == second.token
    leases.renew(second)


def test_conditions_of_the_row_are_part_of_taking_it():
    integration = IntegrationFactory(state="paused")
    assert leases.acquire(SYNC, integration.pk, Q(state="active")) is None
    assert leases.acquire(SYNC, integration.pk, Q(state="paused")) is not None


def test_free_and_held_are_opposites(kind, row):
    assert kind.model.objects.filter(leases.free(kind), pk=row.pk).exists()
    leases.acquire(kind, row.pk)
    assert kind.model.objects.filter(leases.held(kind), pk=row.pk).exists()
    assert not kind.model.objects.filter(leases.free(kind), pk=row.pk).exists()


def test_no_other_module_names_the_columns():
    columns = {column for kind in KINDS for column in (kind.token, kind.until)}
    own = {
        "integration/engine/dispatch/leases.py",
        "integration/models/integration.py",
        "integration/models/connection.py",
    }
    paths = [path for path in (ROOT / "integration").rglob("*.py") if "migrations" not in path.parts]
    naming = {str(path.relative_to(ROOT)) for path in paths if any(name in path.read_text() for name in columns)}
    assert naming == own
