"""What a recipe needs to be permitted at a vendor, and what for. Shown before the vendor's own page opens."""

from __future__ import annotations

from dataclasses import dataclass

from config.texts import StrOrPromise


@dataclass(frozen=True)
class NeededPermission:
    """One permission by the vendor's name: a scope of its consent page, or what a key can do. `why` is a sentence.

    `optional`: the vendor's page offers it, and everything else works without it.
    """

    name: str
    why: StrOrPromise
    optional: bool = False
