"""Cut one person out of what is kept of many: bodies of calls and events, reports, sentences.

A record goes as a whole where it is the person's or speaks of them; its neighbours stay. Where a text cannot be taken
apart and holds the person, it is emptied. Pure functions: nothing here reads a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote_plus

from config.json_value import JSONValue
from integration.redact import MASK, mask_addresses

OWN_IDS = frozenset(
    "id _id vid uuid external_id externalid ext_id extid hs_object_id objectid object_id leadid lead_id".split()
)
RECORD_KEYS = OWN_IDS | {"email", "emails", "name", "fullname", "email_address"}
_OTHERS_ID = re.compile(r"(person|contact|lead|recipient|subject|enduser)s?_?ids?", re.IGNORECASE)
_SOMEBODY_ELSE = re.compile(r".*(owner|org|compan|account|user|creator|assign|employer|team)", re.IGNORECASE)
_NO_NAME = "compan|org|account|field|list|owner|event|file|label|user|creat"  # in keys that name something else
_NAMES = re.compile(rf"(?!.*({_NO_NAME})).*(name|phone|mobile|sms)", re.IGNORECASE)
_CUT_SHORT = re.compile(r"… \(\d+ characters\)\Z")
_WORD = re.compile(r"[\w@.+-]+")
_HIDDEN = re.compile(rf"(:\s*){MASK}")  # a secret of a body was masked together with its quotes
_TAG = re.compile(r"<([A-Za-z_][\w.-]*)")
LEAST_WORD = 4  # characters of a name that proves anything
LEAST_DIGITS = 7  # of a telephone number


@dataclass(frozen=True)
class Person:
    """How a person is known: by addresses, by the ids of their records, and by whole names and telephone numbers.

    Stored texts have their addresses masked ("a•••@example.com"), which others may share: see `masked`.
    """

    addresses: frozenset[str]
    ids: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    masked: frozenset[str] = field(init=False)
    sure: tuple[str, ...] = field(init=False)  # in lower case: whoever has this is the person

    def __post_init__(self) -> None:
        object.__setattr__(self, "masked", frozenset(mask_addresses(one).lower() for one in self.addresses))
        forms = {form for one in self.addresses for form in (one, quote(one), quote_plus(one), one.replace("@", "%40"))}
        telling = {word for word in self.words if is_telling(word)}
        object.__setattr__(self, "sure", tuple(sorted(word.lower() for word in forms | telling)))

    def is_named_in(self, text: str) -> bool:
        """Whether a text certainly speaks of this person."""
        low = text.lower()
        return any(word in low for word in self.sure)

    def may_be_in(self, text: str) -> bool:
        """The same, or of somebody with the same masked address."""
        low = text.lower()
        return self.is_named_in(low) or any(word in low for word in self.masked)


@dataclass
class Found:
    """What was cut out: how many records, and the names and numbers they held."""

    records: int = 0
    words: set[str] = field(default_factory=set)


def is_telling(word: str) -> bool:
    """Whether a word may be looked for in any text: an address, a whole name or a telephone number."""
    digits = sum(letter.isdigit() for letter in word)
    return "@" in word or digits >= LEAST_DIGITS or (" " in word.strip() and len(word) > LEAST_WORD)


def names_in(value: JSONValue) -> Iterator[str]:
    """Yield the names and telephone numbers of a record, by the names of its fields."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if isinstance(part, str) and len(part) >= LEAST_WORD and _NAMES.match(str(key)):
                yield part
            elif not isinstance(part, str) and not _SOMEBODY_ELSE.match(str(key)):
                yield from names_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from names_in(part)


def cut_text(text: str, person: Person, found: Found) -> str:
    """Return a stored body without the person. JSON and XML may have been cut short."""
    if not text:
        return text
    left = _cut_json(text, person, found) if text.lstrip()[:1] in ("{", "[") else None
    if left is None and text.lstrip().startswith("<"):
        left = _cut_xml(text, person, found)
    if left is None:
        is_about = person.may_be_in(text) or _holds_id(text, person)
    else:
        is_about = person.is_named_in(left)
    if is_about:
        found.records += 1
        return ""
    return text if left is None else left


def _holds_id(text: str, person: Person) -> bool:
    words = set(_WORD.findall(text)) if person.ids else set()
    return not words.isdisjoint(person.ids)


def cut_value(value: JSONValue, person: Person, found: Found) -> JSONValue:
    """Return a JSON value without the records that are the person's or speak of them."""
    if isinstance(value, list):
        return [cut_value(part, person, found) for part in value if not _taken(part, person, found)]
    if not isinstance(value, Mapping):
        return value
    if _taken(value, person, found):
        return {}
    if _is_record(value):
        return value
    return {key: cut_value(part, person, found) for key, part in value.items()}


def without_words(text: str, person: Person) -> str:
    """Mask the person's names, numbers and addresses in a sentence."""
    for word in (*person.sure, *person.masked):
        text = re.sub(re.escape(word), MASK, text, flags=re.IGNORECASE)
    return text


def mask_path(path: str, person: Person) -> str:
    """Mask in a call's path, or in its query, what names the person."""
    if not person.may_be_in(path) and not person.may_be_in(unquote_plus(path)):
        return path
    head, mark, query = path.partition("?")
    way = "/".join(_masked_part(part, person) for part in head.split("/"))
    asked = "&".join(_masked_pair(pair, person) for pair in query.split("&"))
    return way + mark + asked


def _masked_pair(pair: str, person: Person) -> str:
    key, sign, value = pair.partition("=")
    return key + sign + _masked_part(value, person)


def _masked_part(part: str, person: Person) -> str:
    return MASK if person.may_be_in(part) or person.may_be_in(unquote_plus(part)) else part


def _taken(value: JSONValue, person: Person, found: Found) -> bool:
    """Whether this record is to be cut; notes what it held."""
    if not isinstance(value, Mapping) or not _is_record(value) or not _is_about(value, person):
        return False
    found.records += 1
    if _is_own(value, person):  # a deal names others, too
        found.words.update(names_in(value))
    return True


def _is_record(value: Mapping[str, JSONValue]) -> bool:
    return any(str(key).lower() in RECORD_KEYS for key in value)


def _is_about(record: Mapping[str, JSONValue], person: Person) -> bool:
    text = json.dumps(record, ensure_ascii=False).lower()
    if person.is_named_in(text):
        return True
    own, others = _ids(record)
    has_their_address = any(word in text for word in person.masked)
    if own & person.ids:
        # A record with another address is of another kind: a deal 7 beside a person 7.
        return has_their_address or not person.masked or MASK not in text
    return bool(others & person.ids) or (has_their_address and not own)


def _is_own(record: Mapping[str, JSONValue], person: Person) -> bool:
    """Whether this is the person's own record, by its id or address."""
    own, others = _ids(record)
    text = json.dumps(record, ensure_ascii=False).lower()
    return bool(own & person.ids) or (not others and any(word in text for word in person.masked))


def _ids(record: Mapping[str, JSONValue]) -> tuple[set[str], set[str]]:
    """The record's own ids, and those of people it names."""
    own: set[str] = set()
    others: set[str] = set()
    for key, value in record.items():
        low = str(key).lower()
        if low in OWN_IDS and isinstance(value, str | int):
            own.add(str(value))
        elif _OTHERS_ID.fullmatch(low):
            others.update(_scalars(value))
    return own, others


def _scalars(value: JSONValue) -> Iterable[str]:
    if isinstance(value, str | int):
        return [str(value)]
    if isinstance(value, list):
        return [str(part) for part in value if isinstance(part, str | int)]
    if isinstance(value, Mapping):
        return [str(part) for key, part in value.items() if key in ("id", "value") and isinstance(part, str | int)]
    return []


def _cut_json(text: str, person: Person, found: Found) -> str | None:
    """None where it is no JSON, not even the beginning of some."""
    marked = _CUT_SHORT.search(text)
    is_short = marked is not None
    whole = text[: marked.start()] if marked else text
    whole = _HIDDEN.sub(rf'\1"{MASK}"', whole)
    kept = len(whole)
    try:
        value = json.loads(whole)
    except (ValueError, RecursionError):
        whole, kept = _closed(whole)
        is_short = True
        try:
            value = json.loads(whole)
        except (ValueError, RecursionError):
            return None
    before = found.records
    left = cut_value(value, person, found)
    if found.records == before:
        return None if is_short and person.may_be_in(text[kept:]) else text
    return json.dumps(left, ensure_ascii=False)


def _closed(text: str) -> tuple[str, int]:
    """Complete JSON that was cut short, and say how much of it was kept: up to the last whole value."""
    stack: list[str] = []
    end, closers, is_inside, escaped = 0, "", False, False
    for place, letter in enumerate(text):
        if is_inside:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                is_inside = False
            continue
        if letter == '"':
            is_inside = True
        elif letter in "{[":
            stack.append("}" if letter == "{" else "]")
            end, closers = place + 1, "".join(reversed(stack))
        elif letter in "}]" and stack:
            stack.pop()
            end, closers = place + 1, "".join(reversed(stack))
        elif letter == ",":
            end, closers = place, "".join(reversed(stack))
    return text[:end] + closers, end


def _cut_xml(text: str, person: Person, found: Found) -> str | None:
    """Cut the blocks that repeat below the root; None where there are none."""
    tags = _TAG.findall(text[:2000])
    if len(tags) < 2 or tags[0] == tags[1]:
        return None
    block = re.compile(rf"<{re.escape(tags[1])}[\s>/].*?(?:</{re.escape(tags[1])}>|\Z)", re.DOTALL)
    parts: list[str] = []
    last = 0
    for match in block.finditer(text):
        parts.append(text[last : match.start()])
        last = match.end()
        if _is_block_about(match.group(), person):
            found.records += 1
            found.words.update(_names_in_xml(match.group()))
        else:
            parts.append(match.group())
    parts.append(text[last:])
    return "".join(parts)


def _is_block_about(block: str, person: Person) -> bool:
    if person.is_named_in(block):
        return True
    ids = {value.strip() for tag, value in re.findall(r"<([\w.-]+)>([^<]*)<", block) if tag.lower() in OWN_IDS}
    if ids:
        return bool(ids & person.ids)
    return person.may_be_in(block)


def _names_in_xml(block: str) -> Sequence[str]:
    pairs = re.findall(r"<([\w.-]+)>([^<]*)<", block)
    return [value for tag, value in pairs if len(value) >= LEAST_WORD and _NAMES.match(tag)]
