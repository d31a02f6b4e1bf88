"""The count behind a brake: whose it is, how long it holds, and how far a person's permission reaches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Result, Write
from integration.engine.safety import limits as brakes
from integration.models import Brake, BrakeKind
from tests.support.factories import IntegrationFactory, LinkFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db
FLOW = FakeFlow()
FLOW.destructive_actions = frozenset({"delete"})


@pytest.fixture(autouse=True)
def limits(settings):
    settings.BRAKE_FLOOR, settings.BRAKE_SHARE, settings.BRAKE_WINDOW_SECONDS = 10, 0.05, 600
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 100


@pytest.fixture
def integration():
    return IntegrationFactory()


def context(integration):
    return OpenSession(integration, recipes_with(FLOW)("fake"))


def deletions(count, action="delete"):
    return [Write(Item(str(n)), action, {}, None, None) for n in range(count)]


def held(ctx, count, action="delete"):
    return len(brakes.removals_held(ctx, FLOW, deletions(count, action), seen=count))


def took(ctx, count):
    held(ctx, count)
    brakes.note_removals(ctx, FLOW, deletions(count), [Result("synced")] * count)


def test_what_goes_beyond_the_floor_waits_as_a_whole(integration):
    ctx = context(integration)

    assert held(ctx, 10) == 0
    assert held(ctx, 11) == 11
    assert Brake.objects.get().tripped_at


def test_what_went_before_in_the_window_counts(integration):
    ctx = context(integration)
    took(ctx, 8)

    assert held(ctx, 3) == 3


def test_what_was_tried_and_failed_does_not_count(integration):
    ctx = context(integration)
    brakes.removals_held(ctx, FLOW, deletions(8), seen=8)
    brakes.note_removals(ctx, FLOW, deletions(8), [Result("failed")] * 8)

    assert held(ctx, 8) == 0


def test_a_large_account_may_lose_its_share_of_linked_records(integration):
    LinkFactory.create_batch(300, integration=integration)
    LinkFactory.create_batch(300, integration=integration, state="removed")
    ctx = context(integration)

    assert held(ctx, 15) == 0
    assert held(ctx, 16) == 16


def test_what_takes_nothing_away_is_never_held(integration):
    assert held(context(integration), 500, action="update") == 0


def test_an_engaged_brake_holds_every_further_one(integration):
    ctx = context(integration)
    assert held(ctx, 11) == 11

    assert held(ctx, 1) == 1
    Brake.objects.update(window_at=timezone.now() - timedelta(days=3))
    assert held(ctx, 1) == 1


def test_a_permission_reaches_as_far_as_what_the_person_saw(integration):
    ctx = context(integration)
    Brake.objects.create(integration=integration, kind=BrakeKind.REMOVALS, allowance=20)

    assert held(ctx, 30) == 0  # ten beyond are within the floor
    assert held(ctx, 31) == 11
    took(ctx, 20)
    assert Brake.objects.values_list("allowance", "count").get() == (0, 0)


def test_a_permission_that_was_not_used_ends_with_its_window(integration):
    Brake.objects.create(
        integration=integration, kind=BrakeKind.REMOVALS, allowance=500, window_at=timezone.now() - timedelta(days=7)
    )

    assert held(context(integration), 20) == 20
    assert Brake.objects.get().allowance == 0


def test_the_count_begins_anew_with_the_next_window(integration):
    ctx = context(integration)
    took(ctx, 10)
    assert held(ctx, 1) == 1

    Brake.objects.update(tripped_at=None, window_at=timezone.now() - timedelta(seconds=601))
    assert held(ctx, 10) == 0


def test_opt_in_mails_are_counted_over_all_integrations_of_a_tenant(integration):
    sister, stranger = IntegrationFactory(tenant=integration.tenant), IntegrationFactory()
    brakes.mails_left(context(integration))
    brakes.note_mails(context(integration), 70)
    brakes.mails_left(context(sister))
    brakes.note_mails(context(sister), 25)

    assert brakes.mails_left(context(integration)) == 5
    assert brakes.mails_left(context(sister)) == 5
    assert brakes.mails_left(context(stranger)) == 100


def test_mails_of_yesterday_do_not_count(integration):
    ctx, sister = context(integration), context(IntegrationFactory(tenant=integration.tenant))
    brakes.mails_left(ctx)
    brakes.note_mails(ctx, 100)
    assert brakes.mails_left(ctx) == 0

    Brake.objects.update(window_at=timezone.now() - timedelta(hours=25))
    assert brakes.mails_left(sister) == 100
    assert brakes.mails_left(ctx) == 100


def test_somebody_is_asked_about_mails_that_are_held(integration):
    ctx = context(integration)
    brakes.mails_left(ctx)

    result = brakes.mail_held(ctx)

    assert (result.outcome, result.reason) == ("held", "opt_in_limit")
    assert Brake.objects.get().tripped_at is not None


def test_the_last_records_of_a_small_account_are_asked_about(integration):
    LinkFactory.create_batch(5, integration=integration, link_type=FLOW.link_type)
    ctx = context(integration)

    assert held(ctx, 4) == 0, "a few of them go as ever"
    assert held(ctx, 5) == 5, "all there are do not"
