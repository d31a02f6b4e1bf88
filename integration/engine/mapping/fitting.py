"""Which types go together: what a transform takes and what a field holds. Pure tables; what is not named fits."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from integration.connectors.base import FieldSpec
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.mapping.transforms import SOURCELESS, TRANSFORM_TYPES

NEVER, PERHAPS = "never", "perhaps"
TYPE_WORDS = {
    "text": _("text"), "number": _("numbers"), "integer": _("whole numbers"), "boolean": _("Yes or No"),
    "date": _("dates"), "datetime": _("dates with a time"), "option": _("one of its options"),
    "options": _("some of its options"), "phone": _("phone numbers"), "email": _("email addresses"),
    "money": _("amounts"), "json": _("structured values"),
}  # fmt: skip
TYPE_NAMES = {  # of the fields people create
    "text": _("Text"), "number": _("Numbers"), "integer": _("Whole numbers"), "boolean": _("Yes or No"),
    "date": _("Dates"),
}  # fmt: skip


def _table(*, perhaps: str = "", never: str = "") -> Mapping[str, str]:
    return {**dict.fromkeys(perhaps.split(), PERHAPS), **dict.fromkeys(never.split(), NEVER)}


_NUMBER = _table(perhaps="text option", never="phone email date datetime options json")
_DATE = _table(perhaps="text option", never="number integer money boolean phone email options json")
_CHOICE = _table(perhaps="text option options number integer boolean", never="date datetime json phone email money")
# Type of a target → what a row yields → whether it fits.
_HOLDS: Mapping[str, Mapping[str, str]] = {
    "number": _NUMBER, "money": _NUMBER, "integer": {**_NUMBER, "number": PERHAPS, "money": PERHAPS},
    "date": _DATE, "datetime": _DATE, "option": _CHOICE, "options": _CHOICE,
    "boolean": _table(perhaps="text option number integer", never="money date datetime phone email options json"),
    "email": _table(perhaps="text option",
                    never="number integer date datetime boolean phone money options json"),
    "phone": _table(perhaps="text option number integer", never="date datetime boolean email money options json"),
}  # fmt: skip
_WORDS = _table(never="number integer money boolean date datetime phone email options json")
# Transform → type of its source → whether it makes anything of it.
_TAKES: Mapping[str, Mapping[str, str]] = {
    "number": _table(perhaps="text option phone", never="date datetime email options json"),
    "date": _table(perhaps="text option number integer", never="boolean money phone email options json"),
    "datetime": _table(perhaps="text option number integer", never="boolean money phone email options json"),
    "yes_no": _table(perhaps="text option options number integer", never="money date datetime phone email json"),
    "phone": _table(perhaps="text option number integer", never="date datetime boolean email money options json"),
    "gender": _WORDS, "locale": _WORDS,
}  # fmt: skip


def takes(transform: str, source_type: str) -> str:
    """Whether a transform makes something of values of this type: empty for always, `perhaps`, or `never`."""
    return _TAKES.get(transform, {}).get(source_type, "")


def made_type(row: MappingRow, source: FieldSpec | None) -> str:
    """The type of what the row yields."""
    return TRANSFORM_TYPES.get(row.transform) or (source.type if source else "text")


def fits(row: MappingRow, source: FieldSpec | None, target_type: str) -> str:
    """Whether what the row yields can be held by a field of this type: empty for always, `perhaps`, or `never`."""
    if row.transform not in SOURCELESS and source is not None and takes(row.transform, source.type) == NEVER:
        return NEVER
    return _HOLDS.get(target_type, {}).get(made_type(row, source), "")
