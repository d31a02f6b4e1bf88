"""Read the quality files: which rule a vendor keeps, which demand a recipe meets, and what is still to do.

Every vendor and every recipe has a `quality.yaml` in its folder. The console shows them and the tests check them; no
work of the hub depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.connectors.registry import CONNECTORS, get_connector
from integration.recipes.registry import RECIPES, get_recipe

FOLDER = Path(__file__).resolve().parent
FILE = "quality.yaml"


class Status(StrEnum):
    """How a rule or a demand is answered."""

    DONE = "done"
    EXEMPT = "exempt"
    TODO = "todo"


@dataclass(frozen=True)
class Rule:
    """A rule of the house that every connector answers."""

    key: str
    title: StrOrPromise
    sentence: StrOrPromise


RULES = (
    Rule(
        "credentials-proven",
        _("Credentials are checked before they are saved"),
        _("A call to the vendor names the account; credentials that the vendor refuses are never stored."),
    ),
    Rule(
        "credentials-renewed",
        _("A 401 is answered with a fresh token"),
        _("Where the vendor has refresh tokens, a refused access token is renewed once, and the work continues."),
    ),
    Rule(
        "permission-told",
        _("A missing permission is told"),
        _("A refusal for a missing right asks for a person; it is no error of the record and no retry."),
    ),
    Rule(
        "limits-honoured",
        _("Limits are honoured before they are hit"),
        _("Every call is charged to the vendor's windows first, and nothing is called when a window is used up."),
    ),
    Rule(
        "paging-complete",
        _("Paging is complete while rows move"),
        _("Whoever is there throughout is read, although others come, go or change their place between two pages."),
    ),
    Rule(
        "odd-row-alone",
        _("An odd row fails alone"),
        _("A row that cannot be read is one unreadable record, and its neighbours on the page are read."),
    ),
    Rule(
        "wrong-envelope",
        _("A wrong envelope is a contract error"),
        _("A success in another shape than the documented one never passes as an empty answer and never crashes."),
    ),
    Rule(
        "timeouts",
        _("A silent vendor is given up"),
        _("Every call has a time limit, and a write that ran into it is not repeated by itself."),
    ),
    Rule(
        "create-idempotent",
        _("A lost answer makes nothing twice"),
        _("When the answer to a creation is lost, the second try finds what the first one made."),
    ),
    Rule(
        "webhooks-proven",
        _("Webhooks prove their origin"),
        _("Only a call with a valid secret or signature is accepted, also while secrets are rotated."),
    ),
    Rule(
        "webhooks-constant-time",
        _("Proofs are compared in constant time"),
        _("Every secret is compared whole, also after one has matched, so that the time tells nothing."),
    ),
    Rule(
        "webhooks-doubled",
        _("A doubled webhook is one event"),
        _("Deliveries of one event share their key, and deliveries of two events never do."),
    ),
    Rule(
        "webhooks-late",
        _("Late and reordered webhooks change nothing"),
        _("Whatever order the events come in, the end state is that of the newest one."),
    ),
    Rule(
        "events-declared",
        _("Unknown events are stored and ignored"),
        _("Every event is declared; one that nobody knows is kept, answered with a 2xx and passed over."),
    ),
    Rule(
        "secrets-hidden",
        _("No secret is shown or logged"),
        _("Credentials stand in no error, no log row, no recorded call and on no page."),
    ),
    Rule(
        "fields-typed",
        _("Fields are listed with their types"),
        _("Each field is known by the vendor's key and has a label, a type and, where it has choices, their ids."),
    ),
    Rule(
        "formatting-declared",
        _("What the vendor makes of a value is declared"),
        _("A text that was cut, a number that was rounded and a phone number that was rewritten are no difference."),
    ),
    Rule(
        "objects-alike",
        _("Objects keep the cases that all vendors share"),
        _("Each object API lists, finds and writes as all others do; what it cannot is named with its reason."),
    ),
    Rule(
        "sources-cited",
        _("Facts about the vendor have a source"),
        _("The README beside the code says where each fact comes from and what is only assumed."),
    ),
    Rule(
        "sandbox-plays",
        _("The sandbox plays the vendor"),
        _("The client runs against the stand-in, and the stand-in behaves as the vendor's documents say."),
    ),
)


@dataclass(frozen=True)
class Answer:
    """One answer of a file: to a rule by its key, or to a recipe's demand in a sentence.

    `text` is the id of the test that proves it when it is done, and a sentence otherwise. `source` names the page or
    decision an exemption rests on.
    """

    asked: str
    status: Status
    text: str
    source: str = ""


@dataclass(frozen=True)
class Quality:
    """The answers of one vendor or recipe."""

    key: str
    label: str
    answers: tuple[Answer, ...]

    def count(self, status: Status) -> int:
        """Count the answers of this status."""
        return sum(answer.status == status for answer in self.answers)


@cache
def of_vendors() -> tuple[Quality, ...]:
    """Read the file of every registered vendor. Raises ValueError for one that is not well-formed."""
    return tuple(
        Quality(key, get_connector(key).label, read(FOLDER / "connectors" / key / FILE, "rule")) for key in CONNECTORS
    )


@cache
def of_recipes() -> tuple[Quality, ...]:
    """Read the file of every registered recipe. Raises ValueError for one that is not well-formed."""
    return tuple(
        Quality(key, get_recipe(key).label, read(FOLDER / "recipes" / key / FILE, "demand")) for key in RECIPES
    )


@cache
def exceptions(vendor: str) -> Mapping[str, str]:
    """The cases of the standard suites that a vendor cannot pass, by their name, each with its sentence.

    A case is named like its test; one about an object like the object, a dot, and the case: `contact.null_clears`.
    """
    path = FOLDER / "connectors" / vendor / FILE
    rows = [_answer(row, "case", f"{path}, row {number}") for number, row in _rows(path) if "case" in row]
    if wrong := [row.asked for row in rows if row.status != Status.EXEMPT]:
        raise ValueError(f"{path}: a case is exempt or has no row: {wrong}.")
    return {row.asked: row.text for row in rows}


def read(path: Path, question: str) -> tuple[Answer, ...]:
    """Read one file. `question` names the entry of a row that says what is answered: `rule` or `demand`.

    Rows about a case of the standard suite are left out.
    """
    return tuple(_answer(row, question, f"{path}, row {number}") for number, row in _rows(path) if "case" not in row)


def _rows(path: Path) -> list[tuple[int, dict[object, object]]]:
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path}: a list of rows is expected.")
    return list(enumerate(rows, 1))


def _answer(row: object, question: str, where: str) -> Answer:
    if not isinstance(row, dict) or not all(isinstance(text, str) and text for text in (*row, *row.values())):
        raise ValueError(f"{where}: names and texts are expected.")
    statuses = [status for status in Status if status in row]
    if len(statuses) != 1:
        raise ValueError(f"{where}: exactly one of done, exempt and todo is expected.")
    [status] = statuses
    unknown = row.keys() - {question, status.value, "source"}
    if unknown or question not in row:
        raise ValueError(f"{where}: {question}, one status and perhaps a source are expected.")
    texts: Mapping[str, str] = row
    return Answer(texts[question], status, texts[status.value], texts.get("source", ""))
