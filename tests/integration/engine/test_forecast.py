"""The forecast of a run: records, calls, time, and what it needs of the vendors' limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.insight import forecast
from integration.models import RateBudget
from integration.recipes.registry import get_recipe
from tests.support.factories import CallFactory, IntegrationFactory, LinkFactory, RunFactory

pytestmark = pytest.mark.django_db

USAGE = {"calls": {"left": 20, "right": 1000}, "spent": {"left:day": 2000}, "seconds": 200.0, "part": 13}


@pytest.fixture
def integration():
    integration = IntegrationFactory()
    type(integration.left).objects.filter(pk=integration.left_id).update(not_before="2099-01-01T00:00Z")
    integration.left.refresh_from_db()  # nobody is asked how many there are
    return integration


def foreseen(integration, flow="person_to_contact"):
    recipe = get_recipe(integration.recipe)
    [found] = forecast.before_start(integration, recipe, [recipe.flow(flow)])
    return found


def ran(integration, **values):
    chosen = {"state": "done", "done": 1000, "total": 1000, "usage": USAGE, "counts": {"create": 1000}, **values}
    return RunFactory(integration=integration, **chosen)


def budget(integration, remaining, hours=6):
    RateBudget.objects.create(
        connection=integration.left, window="day", limit=10_000, remaining=remaining,
        resets_at=timezone.now() + timedelta(hours=hours),
    )  # fmt: skip


def test_without_any_history_it_goes_by_what_the_connectors_declare(integration):
    for number in range(5_000):
        if number % 1000 == 0:
            LinkFactory(integration=integration, state="active")
    CallFactory(connection=integration.left, ms=150, status=200, at=timezone.now())

    found = foreseen(integration)

    assert (found.records, found.measured) == (5, False)
    assert found.calls == 1
    assert found.seconds < 1
    assert found.text == "5 records, 1 call, less than a minute"


def test_nobody_guesses_a_number_of_records(integration):
    assert foreseen(integration).text == "The number of records isn't known before they are read."


def test_a_second_pass_reads_and_a_dry_run_says_how_much_it_writes(integration):
    ran(integration)
    second = foreseen(integration)
    assert (second.records, second.calls, second.measured) == (1000, 20, True)

    ran(integration, dry_run=True, counts={"update": 500, "skipped:unchanged": 500})

    assert foreseen(integration).calls == 20 + 500
    assert foreseen(integration).seconds == pytest.approx(200 * 520 / 1020)


def test_what_is_not_left_of_a_limit_is_waited_for(integration):
    ran(integration, usage={**USAGE, "spent": {"left:day": 12_000}})
    budget(integration, remaining=6_000)

    found = foreseen(integration)

    # 4,000 now, the rest after six hours: live changes keep a fifth of 10,000.
    assert found.seconds == pytest.approx(6 * 3600, abs=5)
    assert found.text == "1,000 records, 20 calls, about 6 hours"
    [said] = found.limit_texts
    assert said.startswith("Pipedrive, Tokens per day: 12,000 of 10,000. 20% stays free for live changes.")
    assert said.endswith("It pauses when this is used up, and continues by itself.")


def test_what_is_left_of_a_limit_is_not_waited_for(integration):
    ran(integration)
    budget(integration, remaining=6_000)

    assert foreseen(integration).limit_texts == [
        "Pipedrive, Tokens per day: 2,000 of 10,000. 20% stays free for live changes."
    ]
    assert foreseen(integration).seconds < 60


def test_time_left_is_told_from_the_start_and_corrected_by_what_is_seen(integration):
    ran(integration, counts={"skipped:unchanged": 1000})
    run = RunFactory(integration=integration, state="waiting", total=1000)
    recipe = get_recipe(integration.recipe)
    assert forecast.seconds_left(run, recipe) == pytest.approx(200, abs=2)
    assert forecast.time_left(run, recipe) == "about 4 minutes left"

    run.done, run.usage = 900, {"calls": {"left": 18}, "seconds": 1800.0}

    assert forecast.seconds_left(run, recipe) == pytest.approx(100 * (0.9 * 2 + 0.1 * 0.2), abs=2)


def test_the_present_wait_for_a_limit_is_part_of_the_time_left(integration):
    run = RunFactory(
        integration=integration, state="running", total=10, next_attempt_at=timezone.now() + timedelta(minutes=170)
    )

    assert forecast.time_left(run, get_recipe(integration.recipe)) == "about 3 hours left"


def test_another_tenants_runs_say_nothing(integration):
    ran(IntegrationFactory())

    assert foreseen(integration).records is None


def test_a_continued_runs_total_is_not_that_of_all(integration):
    ran(integration)
    ran(integration, total=10, done=10, options={"continues": 1})

    assert foreseen(integration).records == 1000


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(59, "less than a minute"), (61, "about 2 minutes"), (2400, "about 40 minutes"), (7200, "about 2 hours"),
     (3 * 86400, "about 3 days")],
)  # fmt: skip
def test_a_length_of_time_in_words(seconds, said):
    assert forecast.about(seconds) == said
