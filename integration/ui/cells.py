"""Cells of the CSV files we offer. What comes from a vendor or a person must not become a formula in a spreadsheet."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins like this


def guarded(value: object) -> str:
    """Return a value as the text of a cell that is shown and never run."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
