"""No cell of any CSV file for people runs in a spreadsheet, and one writer makes all of them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from integration.engine.flow.recipe import ReportRow, ReportTable
from integration.portal import report_page
from integration.ui.cells import csv_file, guarded

ROOT = Path(__file__).parents[2]
FOR_PROGRAMS = {"integration/connectors/brevo/companies.py"}  # Brevo's import: a guard would change the value
HOSTILE = (
    "=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1",
    "＝1", "＋1", "－1", "＠A1", "\ufeff=1",
    "\u200b=1", "\u00a0=1", "%0A=1", "|x", "\x00=1", "＝HYPERLINK(1)", "  \u2060＝1",
)  # fmt: skip


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_every_cell_is_guarded_and_so_is_the_head(text):
    head, row = cells(csv_file("x", ["plain", text], [[text, "Ada"]]).content)

    assert head == ["plain", f"'{text}"]
    assert row == [f"'{text}", "Ada"]


def test_numbers_and_plain_texts_stay_as_they_are():
    assert [guarded(value) for value in (-5, 1.5, None, True, "Ada", "a=b", "ada@example.com", "", " ", "1-2")] == [
        "-5", "1.5", "", "True", "Ada", "a=b", "ada@example.com", "", " ", "1-2",
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_of_a_pipeline_or_group_runs_in_no_report(text):
    table = ReportTable(text, "", (ReportRow(text, 1, 1, 0, 0, 0.0, 0.0),))

    assert cells(report_page.download([table]).content)[1][:2] == [f"'{text}", f"'{text}"]


def test_one_writer_makes_the_csv_files_of_people():
    users = set()
    for folder in ("integration", "tenants", "config"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if re.search(r"(?m)^\s*(import csv\b|from csv import)|text/csv", text):
                users.add(str(path.relative_to(ROOT)))

    assert users - {"integration/connectors/brevo/bodies.py"} == FOR_PROGRAMS | {"integration/ui/cells.py"}
