"""Which deals become Sales: the tenant's list of rules, first match wins. Pure: settings in, license or sale out.

A rule names what it looks at (the pipeline, a product of the deal, or a deal field), the words it wants to see there,
and what the deal becomes. Without a match a deal is a License, for recurring revenue is the rule (seed 004).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

LICENSE, SALE = "license", "sale"
PIPELINE, PRODUCT = "pipeline", "product"
MOST = 20
NAME = re.compile(r"rule_(\d{1,2})_(what|value|to)")
Words = Callable[[str], Collection[str]]  # what a rule looks at → the words a deal has there


@dataclass(frozen=True)
class Rule:
    """If `what` of a deal is `value`, it becomes `to`."""

    what: str
    value: str
    to: str

    def fits(self, words: Words) -> bool:
        """Compare without regard to case and spaces around."""
        return self.value.strip().casefold() in {str(word).strip().casefold() for word in words(self.what)}


def rules_of(settings: Mapping[str, object]) -> list[Rule]:
    """The rules in their order; rows without a condition are none."""
    numbers = sorted({int(found.group(1)) for key in settings if (found := NAME.fullmatch(key))})
    rows = [
        [str(settings.get(f"rule_{number}_{part}") or "") for part in ("what", "value", "to")] for number in numbers
    ]
    return [Rule(what, value, to or SALE) for what, value, to in rows if what and value.strip()]


def kind_of(settings: Mapping[str, object], words: Words) -> str:
    """License or sale, by the first rule that fits."""
    return next((rule.to for rule in rules_of(settings) if rule.fits(words)), LICENSE)


def look_at(settings: Mapping[str, object], what: str) -> bool:
    """Whether any rule looks at this."""
    return any(rule.what == what for rule in rules_of(settings))
