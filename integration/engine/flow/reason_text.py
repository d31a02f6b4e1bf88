"""What people read of a reason. The general texts hold for every recipe; a recipe adds its own and may replace some.

The sync log stores the code alone, so that pages always show the present text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.texts import StrOrPromise, english
from integration.reasons import Reason, ReasonCode


class ReasonKind(StrEnum):
    """What a reason means for the record."""

    SKIP = "skip"  # left out by rule
    FAILURE = "failure"  # it will not go without a change
    HOLD = "hold"  # it waits for a person, and nothing is lost
    WAIT = "wait"  # it is tried again by itself


@dataclass(frozen=True)
class ReasonText:
    """What happened, the likely cause and what to do, as a marketing manager would say it. Each is a sentence."""

    code: ReasonCode
    kind: ReasonKind
    what: StrOrPromise
    cause: StrOrPromise
    fix: StrOrPromise

    @property
    def sentence(self) -> str:
        """What happened and what to do, as one line for lists."""
        return f"{self.what} {self.fix}"

    @property
    def asks_nothing(self) -> bool:
        """Whether nobody has to do anything. Every such fix begins alike, in the language of the code."""
        with english():
            return str(self.fix).startswith("Nothing to")


def by_code(texts: Sequence[ReasonText]) -> dict[str, ReasonText]:
    """Return the texts by their code. Of two with one code the later one counts."""
    return {str(text.code): text for text in texts}


def find(code: str, texts: Mapping[str, ReasonText]) -> ReasonText | None:
    """Return the text of a stored code, None for an empty one.

    A code that no version knows any more is shown with its own words.
    """
    if not code:
        return None
    if code in texts:
        return texts[code]
    unknown = texts[Reason.UNKNOWN]
    words = code.replace("_", " ").capitalize()
    return ReasonText(Reason.UNKNOWN, unknown.kind, f"{words}.", unknown.cause, unknown.fix)
