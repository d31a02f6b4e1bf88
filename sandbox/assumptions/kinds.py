"""The three ways in which a question that a vendor's documents leave open is answered here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """The stand-in can do both. It does what hurts more, and the other when the switch `key` is thrown."""

    key: str  # vendor.name
    question: str
    default: str
    other: str
    source: str

    @property
    def vendor(self) -> str:
        return self.key.partition(".")[0]


@dataclass(frozen=True)
class Settled:
    """The question is answered: `source` says where."""

    question: str
    answer: str
    source: str


@dataclass(frozen=True)
class Irrelevant:
    """Whatever the answer is, the hub does the same; `because` says by which of its lines."""

    question: str
    choice: str
    because: str


Assumption = Switch | Settled | Irrelevant
