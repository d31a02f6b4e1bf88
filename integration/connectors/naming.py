"""Labels as people write them, made fit to be names: shared by the vendors' normalisers of field names."""

from __future__ import annotations

import unicodedata


def plain(label: str) -> str:
    """One line without invisible characters, and one space between words."""
    shown = "".join(part if unicodedata.category(part)[0] != "C" else _blank(part) for part in label)
    return " ".join(shown.split())


def ascii_capitals(label: str) -> str:
    """Capital letters and digits of ASCII; letters with accents lose them, other scripts are left out."""
    parts = unicodedata.normalize("NFKD", plain(label).upper())
    return "".join(part for part in parts if not unicodedata.combining(part))


def numbered(name: str, number: int, longest: int, joint: str) -> str:
    """The name cut to so many characters, with a number behind it from the second on."""
    ending = f"{joint}{number}" if number > 1 else ""
    return f"{name[: longest - len(ending)].rstrip(joint)}{ending}"


def _blank(part: str) -> str:
    """A line break or a tab parts words; what takes no room does not."""
    return " " if part.isspace() else ""
