"""The mapping engine: pure, so its rules are stated as properties."""

from __future__ import annotations

import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies

from integration.connectors.base import FieldSpec, Option
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.mapping import conversions, transforms
from integration.engine.mapping.conversions import NotConvertible, convert
from integration.engine.mapping.transforms import ABSENT, pick

JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=8,
)
COLOURS = FieldSpec("abc", "Colour", "option", (Option("1", "Red"), Option("2", "Blue")), custom=True)


def apply(row, record, *, type_name="text", creating=False, source=None):
    target = {row.target: FieldSpec(row.target, row.target, type_name)}
    return transforms.apply([row], record, source_fields=source or {}, target_fields=target, creating=creating)


@pytest.mark.chaos("W10")
def test_an_absent_value_is_left_alone_and_a_null_clears():
    row = MappingRow("first_name", "FIRST")

    assert apply(row, {}).values == {}
    assert apply(row, {"first_name": None}).values == {"FIRST": None}
    assert apply(row, {"first_name": ""}).values == {"FIRST": None}


@pytest.mark.chaos("W10")
def test_a_default_stands_in_for_an_empty_value_but_not_for_an_absent_one():
    row = MappingRow("first_name", "FIRST", default="friend")

    assert apply(row, {"first_name": None}).values == {"FIRST": "friend"}
    assert apply(row, {"first_name": ""}).values == {"FIRST": "friend"}
    assert apply(MappingRow("org.name", "FIRST", default="x"), {"org": {"name": ""}}).values == {"FIRST": "x"}
    assert apply(row, {"first_name": "Ada"}).values == {"FIRST": "Ada"}
    assert apply(MappingRow("org.name", "FIRST", default="x"), {"org": {"name": "Y"}}).values == {"FIRST": "Y"}
    assert apply(row, {}).values == {}


@pytest.mark.parametrize("direction", ["backward", "off"])
def test_rows_of_the_other_direction_are_passed_over(direction):
    assert apply(MappingRow("a", "A", direction=direction), {"a": "x"}).values == {}


def test_only_create_rows_apply_on_create_only():
    row = MappingRow("a", "A", only_create=True)

    assert apply(row, {"a": "x"}).values == {}
    assert apply(row, {"a": "x"}, creating=True).values == {"A": "x"}


@pytest.mark.chaos("V11")
def test_a_field_that_vanished_is_reported_and_the_others_travel():
    rows = [MappingRow("a", "GONE"), MappingRow("a", "A")]

    mapped = transforms.apply(rows, {"a": "x"}, source_fields={}, target_fields={"A": FieldSpec("A", "A", "text")})

    assert mapped.values == {"A": "x"}
    assert set(mapped.problems) == {"GONE"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("org.name", "X"),
        ("org.other", ABSENT),
        ("gone", ABSENT),
        ("empty.name", None),
        ("list.1", "b"),
        ("list.9", ABSENT),
        ("name.first", ABSENT),
    ],
)
def test_source_paths(path, expected):
    record = {"org": {"name": "X"}, "empty": None, "list": ["a", "b"], "name": "text"}

    assert pick(record, path) is expected or pick(record, path) == expected


@pytest.mark.parametrize(
    ("transform", "options", "value", "expected"),
    [
        ("text", {}, 12, "12"),
        ("text", {}, True, "Yes"),
        ("text", {}, ["a", "b"], "a, b"),
        ("text", {}, {"value": 200, "currency": "EUR"}, "200 EUR"),
        ("number", {}, "12.50", 12.5),
        ("number", {}, {"value": 200, "currency": "EUR"}, 200),
        ("date", {}, "2026-02-28T23:30:00-02:00", "2026-03-01"),
        ("phone", {"region": "DE"}, "0171 2345678", "+491712345678"),
        ("first_word", {}, "Ada King Lovelace", "Ada"),
        ("other_words", {}, "Ada King Lovelace", "King Lovelace"),
        ("join", {"with": ["last"], "separator": "-"}, "Ada", "Ada-Byron"),
        ("constant", {"value": "fixed"}, None, "fixed"),
        ("option_label", {}, "2", "Blue"),
        ("option_label", {}, ["1", "2"], "Red, Blue"),
        ("yes_no", {"yes": ["red"]}, "1", True),
        ("lower", {}, "ADA", "ada"),
    ],
)
def test_transforms(transform, options, value, expected):
    row = MappingRow("field", "T", transform, options)
    kind = {int: "number", float: "number", bool: "boolean"}.get(type(expected), "text")

    mapped = apply(row, {"field": value, "last": "Byron"}, type_name=kind, source={"field": COLOURS})

    assert mapped.values == {"T": expected}
    assert not mapped.problems


@pytest.mark.parametrize("transform", ["option_label", "yes_no", "gender", "option_key"])
def test_an_option_nobody_knows_is_told_and_its_id_does_not_travel(transform):
    mapped = apply(MappingRow("field", "T", transform), {"field": "99"}, source={"field": COLOURS})
    assert mapped.values == {}
    assert "has no option '99'" in mapped.problems["T"]
    assert mapped.unknown == {"source"}


def test_yes_is_still_yes_by_another_name_and_never_no():
    renamed = replace(COLOURS, options=(Option("1", "Rouge"), Option("2", "Blue")))
    by_key, by_name = (MappingRow("field", "T", "yes_no", {"yes": [word]}) for word in ("1", "red"))
    told = [apply(row, {"field": "1"}, type_name="boolean", source={"field": renamed}) for row in (by_key, by_name)]
    assert told[0].values == {"T": True}
    assert told[1].values == {}
    assert "no option red any more" in told[1].problems["T"]


def test_a_name_nobody_knows_is_told_and_its_id_does_not_travel():
    record = {"owner": {"id": "7", "name": None}, "org": {"id": "5", "name": None, "email": None}}
    for row in (MappingRow("owner", "T"), MappingRow("org.name", "T"), MappingRow("org.email", "T")):
        mapped = apply(row, record)
        assert mapped.values == {}
        assert "Nobody knows the name of" in mapped.problems["T"]


@pytest.mark.parametrize(
    ("value", "zone", "day"),
    [
        ("2026-01-31T23:30:00Z", "Europe/Amsterdam", "2026-02-01"), ("2026-01-31T22:30:00Z", "Europe/Amsterdam",
         "2026-01-31"), ("2028-02-28T23:30:00Z", "Europe/Berlin", "2028-02-29"),
        ("2026-07-31T22:30:00Z", "Europe/Berlin", "2026-08-01"),  # summer time
        ("2026-03-28T23:30:00Z", "Europe/Berlin", "2026-03-29"), ("2026-03-29T22:30:00Z", "Europe/Berlin",
         "2026-03-30"), ("2026-10-25T22:30:00Z", "Europe/Berlin", "2026-10-25"),
        ("2026-03-01T03:30:00Z", "America/New_York", "2026-02-28"), ("2026-02-01 23:30:00", "Asia/Tokyo",
         "2026-02-02"), ("2026-02-01", "America/New_York", "2026-02-01"),
        ("1769904000000", "America/New_York", "2026-02-01"),  # a day in milliseconds
    ],
)  # fmt: skip
@pytest.mark.parametrize("transform", ["date", "text"])
def test_a_day_is_the_accounts_day(value, zone, day, transform):
    target = {"T": FieldSpec("T", "T", "date")}
    rows = [MappingRow("at", "T", transform)]
    mapped = transforms.apply(rows, {"at": value}, source_fields={}, target_fields=target, zone=ZoneInfo(zone))
    assert mapped.values == {"T": day}


def test_a_day_becomes_a_time_at_the_accounts_midnight():
    assert conversions.convert("2026-02-01", "datetime", ZoneInfo("Europe/Berlin")) == "2026-01-31T23:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2026-02-31"), ("date", "tomorrow"), ("number", "1.234,56"), ("number", "1e308"), ("number", "nan"),
        ("integer", "1.5"), ("boolean", "perhaps"), ("datetime", "25:00"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_reported_and_does_not_travel(kind, value):
    mapped = apply(MappingRow("a", "A"), {"a": value}, type_name=kind)

    assert mapped.values == {}
    assert value in mapped.problems["A"] or "not" in mapped.problems["A"]


@pytest.mark.chaos("W16")
@given(
    value=JSON,
    transform=strategies.sampled_from(sorted(transforms.TRANSFORMS)),
    kind=strategies.sampled_from(sorted(conversions.CONVERTERS)),
)
def test_no_value_breaks_a_transform(value, transform, kind):
    mapped = apply(MappingRow("a", "A", transform), {"a": value}, type_name=kind)

    assert set(mapped.values) | set(mapped.problems) <= {"A"}


@pytest.mark.chaos("W16")
@given(strategies.integers(-(10**14), 10**14))
def test_numbers_keep_their_value(number):
    assert convert(str(number), "number") == number


@given(strategies.floats(-1e9, 1e9))
def test_decimals_keep_their_value(number):
    assert math.isclose(convert(number, "number"), number, abs_tol=1e-9)


@given(JSON)
def test_conversion_happens_once(value):
    try:
        once = convert(value, "text")
    except NotConvertible:
        return
    assert convert(once, "text") == once


@given(strategies.dictionaries(strategies.sampled_from("abc"), JSON))
def test_mapping_is_deterministic_and_leaves_the_record_alone(record):
    rows = [MappingRow(key, key.upper()) for key in "abc"]
    fields = {key.upper(): FieldSpec(key, key, "text") for key in "abc"}
    before = repr(record)

    first = transforms.apply(rows, record, source_fields={}, target_fields=fields)
    second = transforms.apply(rows, record, source_fields={}, target_fields=fields)

    assert first == second
    assert repr(record) == before
    assert set(first.values) <= {key.upper() for key in record}


@pytest.mark.parametrize(
    ("word", "code"),
    [("female", "f"), ("Herr", "m"), ("Mr.", "m"), (" D ", "d"), ("weiblich", "f"), ("", None), (None, None)],
)
def test_genders_are_read_as_people_write_them(word, code):
    assert apply(MappingRow("g", "GENDER", "gender"), {"g": word}, type_name="option").values == {"GENDER": code}


@pytest.mark.parametrize(("word", "locale"), [("de", "de"), ("de-at", "de_AT"), ("EN_us", "en_US"), ("", None)])
def test_languages_are_brought_into_one_form(word, locale):
    assert apply(MappingRow("l", "LOCALE", "locale"), {"l": word}).values == {"LOCALE": locale}


@pytest.mark.parametrize(("transform", "word"), [("gender", "perhaps"), ("locale", "German"), ("locale", "zh-hant")])
def test_what_is_neither_is_reported_and_stays_behind(transform, word):
    mapped = apply(MappingRow("a", "A", transform), {"a": word})
    assert mapped.values == {}
    assert set(mapped.problems) == {"A"}


@pytest.mark.chaos("W16")
@pytest.mark.parametrize(("text", "date"), [("1772359200000", "2026-03-01"), ("-631152000000", "1950-01-01")])
def test_milliseconds_are_a_date_too(text, date):
    assert convert(text, "date") == date


FREE_TEXT = FieldSpec("vip", "VIP", "text")
CLOSED = FieldSpec("vip", "VIP", "option", options=(Option("1", "Gold"), Option("2", "Silver")))
CHOICES = (Option("a", "News"), Option("b", "Jobs"))


@pytest.mark.parametrize(
    ("row", "value", "source", "target", "expected"),
    [
        (("yes_no", {}), "Oui", FREE_TEXT, "boolean", "neither yes nor no"),
        (("yes_no", {}), "Nee", FREE_TEXT, "boolean", False),
        (("yes_no", {"yes": ["Gold"]}), "2", CLOSED, "boolean", False),
        (("yes_no", {"yes": ["Gold"]}), "perhaps", FREE_TEXT, "boolean", "neither yes nor no"),
        (("text", {}), {"from": "2026-03-01", "until": "2026-03-31"}, FREE_TEXT, "text", "2026-03-01 – 2026-03-31"),
        (("number", {}), {"from": 1, "until": 2}, FREE_TEXT, "number", "A range is not one number."),
        (("text", {}), {"value": 200, "currency": "EUR"}, FREE_TEXT, "number", 200),
        (("text", {}), {"lat": 1, "lon": 2}, FREE_TEXT, "text", "It holds lat, lon, of which none is its text."),
        (("phone", {}), "0171 2345678", FREE_TEXT, "text", "has no country code"),
        (("phone", {}), "0171 1", FREE_TEXT, "text", "has no country code"),
    ],
)
def test_what_cannot_be_converted_is_told_and_does_not_travel(row, value, source, target, expected):
    mapped = transforms.apply(
        [MappingRow("vip", "to", *row)], {"vip": value},
        source_fields={"vip": source}, target_fields={"to": FieldSpec("to", "To", target)},
    )  # fmt: skip

    if mapped.problems:
        assert "to" not in mapped.values
        assert str(expected) in mapped.problems["to"]
    else:
        assert mapped.values == {"to": expected}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("options", ["1", "2"], ["a", "b"]),
        ("option", "1", "a"),
        ("option", ["1", "2"], "To takes one option, not 2."),
        ("options", ["1", "3"], "To has no option 'Cars'."),
    ],
)
def test_choices_become_the_targets_choices_of_the_same_name(kind, value, expected):
    topics = FieldSpec(
        "topics", "Topics", "options", options=(Option("1", "News"), Option("2", "Jobs"), Option("3", "Cars"))
    )
    mapped = transforms.apply(
        [MappingRow("topics", "to", "option_label")], {"topics": value},
        source_fields={"topics": topics}, target_fields={"to": FieldSpec("to", "To", kind, options=CHOICES)},
    )  # fmt: skip

    assert (mapped.problems or mapped.values) == {"to": expected}


@pytest.mark.parametrize(("country", "number"), [("DE", "+49301234567"), ("NL", "+31301234567"), ("", None)])
def test_a_national_number_belongs_to_the_accounts_country(country, number):
    mapped = transforms.apply(
        [MappingRow("phone", "to", "phone")], {"phone": "030 1234567"}, country=country,
        source_fields={}, target_fields={"to": FieldSpec("to", "To", "text")},
    )  # fmt: skip

    assert mapped.values == ({"to": number} if number else {})


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [(0.5, 0, 1), (2.5, 0, 3), (-2.5, 0, -3), (2.675, 2, 2.68), (1.005, 2, 1.01), (1e12 + 0.5, 0, 1e12 + 1), (7, 0, 7)],
)
def test_halves_are_rounded_away_from_zero(number, places, expected):
    assert conversions.rounded(number, places) == expected


def test_an_option_of_the_source_is_named_before_the_targets_is_looked_for():
    topic = FieldSpec("topic", "Topic", "option", options=(Option("b", "News"), Option("a", "Jobs")))
    mapped = transforms.apply(
        [MappingRow("topic", "to", "option_key")], {"topic": "b"},
        source_fields={"topic": topic}, target_fields={"to": FieldSpec("to", "To", "option", options=CHOICES)},
    )  # fmt: skip

    assert mapped.values == {"to": "a"}  # of the same name, not of the same key
