"""What the vendors leave open: each question is a switch that changes answers, settled, or makes no difference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.assumptions import BY_VENDOR, SWITCHES, Irrelevant, Settled, Thrown
from tests.sandbox.probes import brevo, hubspot, leadboxer, maileon, pipedrive, planhat
from tests.sandbox.probes.look import Look, Probe

PROBES: dict[str, Probe] = {
    key: probe
    for module in (pipedrive, hubspot, maileon, brevo, leadboxer, planhat)
    for key, probe in module.PROBES.items()
}
ROOT = Path(__file__).parents[2]


def test_every_switch_has_a_probe():
    assert PROBES.keys() == SWITCHES.keys()


@pytest.mark.parametrize("key", SWITCHES)
def test_throwing_a_switch_changes_an_answer(key, sandbox, receiver):
    as_it_is = PROBES[key](Look(sandbox, receiver))
    sandbox.reset()
    receiver.got.clear()
    sandbox.control("POST", "/assumptions", {"thrown": [key]})
    thrown = PROBES[key](Look(sandbox, receiver))

    assert thrown != as_it_is


@pytest.mark.parametrize("vendor", BY_VENDOR)
def test_each_answer_says_why_it_may_be_relied_on(vendor):
    for row in BY_VENDOR[vendor]:
        assert row.question
        if isinstance(row, Settled):
            assert row.source
        elif isinstance(row, Irrelevant):
            named = re.search(r"((?:integration|tests|docs)/[\w/-]+(?:\.py|\.md))", row.because)
            assert named, row
            assert (ROOT / named.group(1)).exists(), row
        else:
            assert row.vendor == vendor
            assert row.default != row.other


def test_an_unknown_switch_is_refused_and_all_throws_all(sandbox):
    with pytest.raises(RuntimeError, match="unknown switch"):
        sandbox.control("POST", "/assumptions", {"thrown": ["brevo.nothing"]})
    assert list(Thrown(["all"])) == sorted(SWITCHES)
    assert {row["key"] for row in sandbox.control("GET", "/assumptions")} == SWITCHES.keys()
