"""One file decides when something is tried again: its figures, its function, and that nobody else computes a delay."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from integration import retry
from integration.retry import RetryPolicy, next_delay

ROOT = Path(__file__).parents[2]
HOME = "integration/retry.py"

# A number with such a name, or a delay written down where it is used, is a rule about retries.
NAMED = re.compile(r"(^|_)(BACK_?OFF|PAUSE|ATTEMPTS|TRIES|CRASHES|RETRY|GIVE_?UP)(_|$)", re.IGNORECASE)
GIVEN = frozenset({"retry_after", "backoff_factor", "backoff_max", "base_delay", "attempts"})
# What looks like a retry and is none, each with its reason.
EXEMPT = {
    ("integration/recipes/hubspot_maileon/contact_to_contact.py", "BURST_PAUSE"): "a debounce: events come in bursts",
    ("integration/recipes/hubspot_maileon/contact_to_contact.py", "DELETION_PAUSE"): "a debounce: a merge also deletes",
    ("integration/webhooks/views.py", "RETRY_AFTER"): "what we ask of vendors while our own database is away",
}


@pytest.mark.parametrize(
    ("name", "delays"),
    [
        ("JOB", [15, 30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400]),
        ("CRASHED_JOB", [0, 0, 0, 0]),
        ("LEFT_BY_RUN", [0, 0]),
        ("RUN_PAGE", [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
        ("LOST_WAKEUP", [30, 30]),
        ("BROKER", [5, 5]),
        ("CONNECTION", [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]),
        ("TOKEN_RACE", [3, 3]),
        ("REFUSED_TOKEN", [120, 120]),
        ("SETUP_STEP", [2.5, 2.5]),
        ("SIGN_IN_RACE", [0, 0]),
        ("HTTP_CONNECT", [0.1, 0.2]),
        ("HTTP_READ", [0.1]),
        ("SEARCH_LIMIT", [1, 1]),
        ("BURST_LIMIT", [2, 2]),
        ("MINUTE_LIMIT", [60, 60]),
        ("DAY_LIMIT", [3600, 3600]),
        ("BLOCKED_CLIENT", [300, 300]),
        ("NOTICE", [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        ("PERSON_QUEUED", [5, 10, 20, 40, 60, 60]),
        ("PERSON_ANNOUNCED", [5, 5]),
        ("PERSON_GONE", [5, 5]),
        ("CONTACT_QUEUED", [10, 10]),
        ("TARGET_SETTLING", [15, 30, 60, 120]),
        ("IMPORT_RUNNING", [15, 30, 60, 120, 240, 300, 300]),
        ("FAILED_IMPORT", [0, 0]),
        ("LATE_IMPORT", [3600, 3600]),
        ("FILE_IMPORT", [60, 60]),
    ],
)
def test_delays(name, delays, monkeypatch):
    policy = policies()[name]
    monkeypatch.setattr(retry.random, "uniform", lambda least, most: 1.0)
    assert [next_delay(policy, attempt) for attempt in range(1, len(delays) + 1)] == pytest.approx(delays)
    assert next_delay(policy, 10**6) <= policy.cap, "however often it failed"


def test_every_policy_is_in_the_table_of_delays():
    marks = [mark for mark in test_delays.pytestmark if mark.name == "parametrize"]
    assert {name for name, _ in marks[0].args[1]} == policies().keys()


def test_attempts():
    ends = {name: policy.attempts for name, policy in policies().items() if policy.attempts != retry.ENDLESS}
    assert ends == {
        "JOB": 16, "CRASHED_JOB": 4, "RUN_PAGE": 12, "SETUP_STEP": 9, "SIGN_IN_RACE": 3, "HTTP_CONNECT": 3,
        "HTTP_READ": 2, "PERSON_ANNOUNCED": 7, "PERSON_GONE": 5, "TARGET_SETTLING": 5, "FILE_IMPORT": 3,
        "FAILED_IMPORT": 2,
    }  # fmt: skip
    assert not retry.JOB.used_up(15)
    assert retry.JOB.used_up(16)


def test_jitter_stays_in_its_range():
    jobs = [next_delay(retry.JOB, 1) for _ in range(200)]
    assert min(jobs) >= 12
    assert max(jobs) <= 18
    assert len(set(jobs)) > 100
    bursts = [next_delay(retry.BURST_LIMIT) for _ in range(200)]
    assert min(bursts) >= 2, "never before the window is over"
    assert max(bursts) <= 3


def test_what_a_vendor_asked_for_wins():
    assert next_delay(retry.JOB, 9, asked=0.0) == 0.0
    assert next_delay(retry.JOB, 1, asked=90_000.0) == 90_000.0


@pytest.mark.parametrize(("age", "delay"), [(0, 5), (10, 5), (40, 20), (120, 60), (10_000, 60)])
def test_by_age_it_is_looked_at_ever_more_rarely(age, delay):
    assert next_delay(retry.PERSON_QUEUED, age=age) == delay


def test_nobody_else_computes_a_delay():
    found = {(path, name): line for path in sources() for name, line in rules_in(path)}
    beyond = {key: line for key, line in found.items() if key not in EXEMPT}
    assert beyond == {}, f"put it into {HOME}, or give the reason why it is no retry in EXEMPT"
    assert EXEMPT.keys() - found.keys() == set(), "exempt, and no longer there"


@pytest.mark.parametrize(
    "line",
    [
        "LONGEST_PAUSE = 60.0", "FIRST_PAUSE, LAST_PAUSE = 1.0, 2.0", "MAX_ATTEMPTS = 3",
        "delay = 15.0 * 2**attempts", "import random", "Result('retrying', retry_after=5.0)",
        "exc.retry_after = 3.0", "BACKOFF = timedelta(seconds=3)",
    ],
)  # fmt: skip
def test_a_rule_elsewhere_is_noticed(line):
    assert list(rules(ast.parse(line)))


def policies() -> dict[str, RetryPolicy]:
    return {name: value for name, value in vars(retry).items() if isinstance(value, RetryPolicy)}


def sources() -> list[str]:
    paths = [path for package in ("integration", "tenants", "config") for path in (ROOT / package).rglob("*.py")]
    names = [str(path.relative_to(ROOT)) for path in paths if "migrations" not in path.parts]
    return sorted(name for name in names if name != HOME)


def rules_in(path):
    return rules(ast.parse((ROOT / path).read_text()))


def rules(tree):
    """Name and line of each statement that decides about a retry."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not isinstance(node.right, ast.Constant):
            yield "**", node.lineno
        elif isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            yield "random", node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and has_number(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in names_in(target)]
            yield from ((name, node.lineno) for name in names if NAMED.search(name))
        elif isinstance(node, ast.keyword) and node.arg in GIVEN and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, int | float) and node.value.value:
                yield node.arg, node.value.lineno


def names_in(target):
    if isinstance(target, ast.Tuple):
        return [name for part in target.elts for name in names_in(part)]
    if isinstance(target, ast.Attribute):
        return [target.attr]
    return [target.id] if isinstance(target, ast.Name) else []


def has_number(value):
    """Whether a number other than zero, or a span of time made of numbers, stands there."""
    if isinstance(value, ast.Tuple):
        return any(has_number(part) for part in value.elts)
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") == "timedelta"
    if isinstance(value, ast.BinOp):
        return has_number(value.left) or has_number(value.right)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float) and value.value != 0
