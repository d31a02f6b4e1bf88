"""The reasons are a closed list: every code used anywhere is on it, and every one can be acted on."""

from __future__ import annotations

import re
from pathlib import Path

from integration.reasons import FAILURE, HOLD, REASONS, SKIP, WAIT

ROOT = Path(__file__).parents[2] / "integration"
USES = re.compile(r"""(?:\breason(?:: str)? ?= ?|Skip\(\s*)"([a-z_]+)\"""")


def test_every_reason_used_in_code_is_on_the_list():
    used = {
        code for path in ROOT.rglob("*.py") if "migrations" not in path.parts for code in USES.findall(path.read_text())
    }

    assert len(used) > 25
    assert used <= REASONS.keys(), used - REASONS.keys()


def test_a_reason_says_what_happened_why_and_what_to_do():
    for code, reason in REASONS.items():
        assert reason.kind in (SKIP, FAILURE, HOLD, WAIT), code
        for text in (reason.what, reason.cause, reason.fix):
            assert text.endswith("."), code
            assert len(text) > 10, code
