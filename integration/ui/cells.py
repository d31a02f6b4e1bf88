"""The one writer of CSV files for people. What a vendor or a person wrote must not become a formula in a spreadsheet.

Files that a vendor's import reads are written by its connector: there a guard would change the value.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")  # a spreadsheet could run what begins like this


def guarded(value: object) -> str:
    """Return a value as the text of a cell that is shown and never run. Numbers stay numbers."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, (int, float)):
        return text
    return f"'{text}" if _begins_like_a_formula(text) else text


def _begins_like_a_formula(text: str) -> bool:
    """Whether its first sign is one of FORMULA, full width (＝) and behind blanks and invisible signs included."""
    plain = unicodedata.normalize("NFKC", text[:64])
    visible = next((sign for sign in plain if sign in FORMULA or not _is_passed_over(sign)), "")
    return visible in FORMULA


def _is_passed_over(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in ("Cf", "Cc")


def csv_file(name: str, head: Iterable[object], rows: Iterable[Iterable[object]]) -> HttpResponse:
    """The answer that downloads a table, each cell of it guarded."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    table = csv.writer(response)
    table.writerow([guarded(cell) for cell in head])
    table.writerows([guarded(cell) for cell in row] for row in rows)
    return response
