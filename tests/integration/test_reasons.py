"""Reasons are enums: a bare or misspelled word fails the type check, and every code has a text that can be acted on."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from integration.reasons import FAILURE, HOLD, REASONS, SKIP, WAIT, Reason, ReasonCode, stored_reason

ROOT = Path(__file__).parents[2]
APP = ROOT / "integration"
FILTERS = {"reason", "reason__in", "health_reason", "health_reason__in", "ignored"}
MISSPELLED = """
from integration.engine.api import Result, Skip
from integration.errors import RecordError
from integration.models import Outcome
from integration.reasons import Reason

Skip(Reason.NO_EMAIL)
Result(Outcome.SKIPPED, reason=Reason.NO_EMAIL)
Skip("no_email")
Skip(Reason.NO_EMIAL)
Result(Outcome.SKIPPED, reason="no_emial")
Result("skiped")
RecordError("", reason="record_refsed")
"""
WRONG_LINES = (9, 10, 11, 12, 13)


def classes():
    """Every class of codes, with its module loaded."""
    for path in APP.rglob("*reasons.py"):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return ReasonCode.__subclasses__()


def sources():
    return [path for path in APP.rglob("*.py") if "migrations" not in path.parts]


def test_every_code_has_a_text_and_every_text_a_code():
    codes = [code for kind in classes() for code in kind]

    assert len(codes) == len(set(codes)) > 60, "two classes have one code"
    assert set(codes) == REASONS.keys()


def test_a_name_is_its_code():
    for kind in classes():
        for code in kind:
            assert code.name == code.value.upper()
            assert len(code) <= 40, "longer than its column"


def test_a_reason_says_what_happened_why_and_what_to_do():
    for code, reason in REASONS.items():
        assert reason.kind in (SKIP, FAILURE, HOLD, WAIT), code
        for text in (reason.what, reason.cause, reason.fix):
            assert text.endswith("."), code
            assert len(text) > 10, code


def test_a_stored_code_is_read_back():
    other = next(code for kind in classes() if kind is not Reason for code in kind)

    assert stored_reason("no_email") is Reason.NO_EMAIL
    assert stored_reason(str(other), type(other)) is other
    assert stored_reason("of_an_older_version") is Reason.UNKNOWN


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_misspelled_or_bare_reason_fails_the_type_check(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(MISSPELLED)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(snippet)]
    cache = {"MYPY_CACHE_DIR": os.environ.get("MYPY_CACHE_DIR", str(ROOT / ".mypy_cache"))}

    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **cache})

    lines = {int(number) for number in re.findall(r"snippet\.py:(\d+): error", found.stdout)}
    assert lines == set(WRONG_LINES), found.stdout + found.stderr


def test_no_reason_is_a_bare_word_in_a_query_or_comparison():
    """The type check does not see these: a row's column is text."""
    codes, found = {str(code) for kind in classes() for code in kind}, []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            for word in _compared_or_asked(node):
                assert word.value in codes or not word.value, f"{path}:{word.lineno}: {word.value} is no reason"
                found += [f"{path}:{word.lineno}: {word.value}"] if word.value else []

    assert not found, "name the enum's member"


def _compared_or_asked(node):
    """Texts that stand where a reason is meant."""
    values = []
    if isinstance(node, ast.keyword) and node.arg in FILTERS:
        values = [node.value, *getattr(node.value, "elts", ())]
    elif isinstance(node, ast.Compare) and any(getattr(side, "attr", "") == "reason" for side in _sides(node)):
        values = [*_sides(node), *(word for side in _sides(node) for word in getattr(side, "elts", ()))]
    return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def _sides(node):
    return (node.left, *node.comparators)
