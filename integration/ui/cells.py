"""Cells of a table that people open in a spreadsheet: none of them is taken for a formula."""

from __future__ import annotations

FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def guarded(value: object) -> str:
    """The value as text; one that a spreadsheet would calculate begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text
