"""What a vendor says about the end of what we call: the headers Deprecation (RFC 9745) and Sunset (RFC 8594)."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST = 200  # characters of a place
_LINK = re.compile(
    r'<(https://[^<>"\s]{1,400})>\s*;[^<]*rel="?(?:deprecation|sunset|successor-version)"?', re.IGNORECASE
)
_IS_WORD = re.compile(r"[a-z][a-z_.-]*|v[0-9]{1,2}|[0-9]\.[0-9]|20[0-9]{2}-[0-9]{2}", re.IGNORECASE)
MOST_SECONDS = 4_000_000_000  # of an epoch; later than that is no date


@dataclass(frozen=True)
class Sunset:
    """That something ends. `ends_at` is None where only its deprecation is told; `link` is the vendor's page or ""."""

    ends_at: datetime | None
    link: str = ""


def sunset_in(headers: Mapping[str, str]) -> Sunset | None:
    """Read an answer's headers. None where they say nothing, as nearly all do."""
    deprecated, sunset = headers.get("Deprecation"), headers.get("Sunset")
    if not deprecated and not sunset:
        return None
    link = _LINK.search(headers.get("Link") or "")
    ends_at = _moment(sunset or "")
    if ends_at is None and (deprecated or "").strip().lower() in ("", "false", "?0"):
        return None
    return Sunset(ends_at, link[1] if link else "")


def place_of(method: str, path: str) -> str:
    """A call without the ids in its path and without its query, so that all calls of one kind are one place."""
    parts = [part if _IS_WORD.fullmatch(part) else "…" for part in path.partition("?")[0].split("/") if part]
    return f"{method} /{'/'.join(parts)}"[:LONGEST]


def _moment(text: str) -> datetime | None:
    """An HTTP date, or a structured date such as @1688169599; None for anything else."""
    text = text.strip()
    if text.startswith("@") and text[1:].isdigit() and int(text[1:11]) < MOST_SECONDS and len(text) < 12:
        return datetime.fromtimestamp(int(text[1:]), UTC)
    try:
        found = email.utils.parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
