"""The quality files are complete, well-formed and true as far as a test can tell: what is done names a test we have."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from integration import quality
from integration.connectors.registry import CONNECTORS
from integration.quality import RULES, Answer, Quality, Status
from integration.recipes.registry import RECIPES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "quality.md"
ALL = [*quality.of_vendors(), *quality.of_recipes()]
ANSWERS = [(row, answer) for row in ALL for answer in row.answers]
# What is still to do. Whoever adds a line here says so in the review; whoever does one of them deletes it.
TODOS = {
    ("pipedrive", "credentials-renewed"),
    ("hubspot", "credentials-renewed"),
    ("maileon", "paging-complete"),
    ("maileon", "odd-row-alone"),
    ("leadboxer", "limits-honoured"),
    ("leadboxer", "paging-complete"),
    ("planhat", "paging-complete"),
    ("planhat", "webhooks-late"),
    ("pipedrive_maileon", "An event carries the copy address of the deal."),
}


def called(row: Quality) -> str:
    return row.key


@cache
def functions_of(path: Path) -> dict[str, bool]:
    """Every test function of a file by its name, and whether it is expected to pass."""
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        node.name: not any(
            word in ast.unparse(mark) for mark in node.decorator_list for word in ("mark.xfail", "mark.skip")
        )
        for node in functions
        if node.name.startswith("test_")
    }


def test_every_vendor_and_every_recipe_has_a_file() -> None:
    for folder, registered in (("connectors", CONNECTORS), ("recipes", RECIPES)):
        found = {path.parent.name for path in (ROOT / "integration" / folder).glob("*/quality.yaml")}
        assert found == set(registered)


@pytest.mark.parametrize("row", quality.of_vendors(), ids=called)
def test_a_vendor_answers_every_rule_once_and_in_their_order(row: Quality) -> None:
    assert [answer.asked for answer in row.answers] == [rule.key for rule in RULES]


@pytest.mark.parametrize("row", quality.of_recipes(), ids=called)
def test_a_recipe_names_each_demand_once_and_in_a_sentence(row: Quality) -> None:
    demands = [answer.asked for answer in row.answers]
    assert len(demands) == len(set(demands)) >= 15
    assert [demand for demand in demands if not is_sentence(demand)] == []


@pytest.mark.parametrize("row", ALL, ids=called)
def test_what_is_done_names_a_test_that_is_there_and_passes(row: Quality) -> None:
    wrong = [answer.text for answer in row.answers if answer.status == Status.DONE and not is_proof(answer.text)]
    assert wrong == []


def is_proof(name: str) -> bool:
    path, separator, function = name.partition("::")
    file = ROOT / path
    return bool(separator) and path.startswith("tests/") and file.is_file() and functions_of(file).get(function, False)


def test_what_is_not_done_says_why_in_a_sentence() -> None:
    reasons = [answer.text for _, answer in ANSWERS if answer.status != Status.DONE]
    assert [reason for reason in reasons if not is_sentence(reason)] == []


def is_sentence(text: str) -> bool:
    return text.endswith(".") and text[0].isupper() and len(text.split()) >= 3


def test_an_exemption_and_nothing_else_names_its_source() -> None:
    for row, answer in ANSWERS:
        assert bool(answer.source) == (answer.status == Status.EXEMPT), (row.key, answer.asked)
        if answer.source.startswith(("integration/", "docs/")):
            assert (ROOT / answer.source).is_file()


def test_what_is_still_to_do_is_this_and_no_more() -> None:
    assert {(row.key, answer.asked) for row, answer in ANSWERS if answer.status == Status.TODO} == TODOS


def test_the_rules_stand_on_their_page() -> None:
    rows = [f"| `{rule.key}` | {rule.title} | {rule.sentence} |" for rule in RULES]
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert table == rows
    assert len({rule.key for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("vendor", CONNECTORS)
def test_the_page_of_a_vendor_says_where_its_facts_come_from(vendor: str) -> None:
    page = (ROOT / "integration" / "connectors" / vendor / "README.md").read_text()
    beginning = page[:800].lower()
    assert "source" in beginning
    assert "sheet" in beginning
    assert "assumed" in page.lower()


@pytest.mark.parametrize(
    "text",
    [
        "rule: x",
        "- rule: x",
        "- done: y",
        "- {rule: x, done: y, todo: z}",
        "- {rule: x, finished: y}",
        "- {rule: x, done: y, note: z}",
        "- {rule: x, done: 3}",
        "- {rule: x, todo: ''}",
        "- x",
    ],
)
def test_a_file_that_is_not_well_formed_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "quality.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"quality\.yaml"):
        quality.read(file, "rule")


def test_a_row_is_read() -> None:
    [first, *_] = quality.of_vendors()
    assert first.answers[0].asked == "credentials-proven"
    assert first.count(Status.DONE) + first.count(Status.EXEMPT) + first.count(Status.TODO) == len(RULES)
    assert isinstance(first.answers[0], Answer)


def test_a_test_that_is_missing_proves_nothing() -> None:
    assert is_proof("tests/integration/test_quality.py::test_a_row_is_read")
    assert not is_proof("tests/integration/test_quality.py::test_nobody_wrote")
    assert not is_proof("tests/integration/nowhere.py::test_a_row_is_read")
    assert not is_proof("tests/integration/test_quality.py")


def test_a_test_that_is_expected_to_fail_proves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text("@pytest.mark.xfail(strict=True)\ndef test_a(): ...\n\ndef test_b(): ...\n")
    assert functions_of(file) == {"test_a": False, "test_b": True}
