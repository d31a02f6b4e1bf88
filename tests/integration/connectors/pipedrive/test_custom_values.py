"""The three forms of a custom field mean the same: REST v2, webhook v2, v1."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integration.connectors.pipedrive import custom_values

KEY = "946947d1b02fd3ef20798d6112ec5d895a686a21"
ids = st.integers(1, 10**9)
words = st.text("abcäöü ß-,'\"<>&1", min_size=1, max_size=20).filter(lambda text: text.strip() != "")
dates = st.dates().map(str)
clocks = st.times().map(lambda time: time.strftime("%H:%M:%S"))
numbers = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9))


def _forms(kind: str, value: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The value as REST v2, webhook v2 and v1 write it (pipedrive sheet §5)."""
    if kind == "enum":
        return int(value), {"type": kind, "id": int(value)}, {KEY: value}
    if kind == "set":
        numbers_ = [int(item) for item in value]
        return numbers_, {"type": kind, "values": [{"id": item} for item in numbers_]}, {KEY: ",".join(value)}
    if kind in ("user", "org", "people"):
        return int(value), {"type": kind, "id": int(value)}, {KEY: {"value": int(value), "name": "x"}}
    if kind == "monetary":
        return value, {"type": kind, **value}, {KEY: value["value"], f"{KEY}_currency": value["currency"]}
    if kind in ("daterange", "timerange"):
        rest = {"value": value["from"], "until": value["until"]}
        return rest, {"type": kind, **value}, {KEY: value["from"], f"{KEY}_until": value["until"]}
    if kind == "time":
        zoned = {"value": value, "timezone_id": 310}
        return {**zoned, "timezone_name": "Europe/Berlin"}, {"type": kind, **zoned}, {KEY: value}
    if kind == "address":
        flat = {KEY: value["value"], **{f"{KEY}_{part}": text for part, text in value.items() if part != "value"}}
        return {**value, "subpremise": None}, {"type": kind, **value, "subpremise": None}, flat
    return value, {"type": kind, "value": value}, {KEY: value}


typed_values = st.one_of(
    st.tuples(st.sampled_from(["varchar", "text", "varchar_auto", "phone"]), words),
    st.tuples(st.just("double"), numbers),
    st.tuples(st.just("monetary"), st.fixed_dictionaries({"value": numbers, "currency": st.just("EUR")})),
    st.tuples(st.sampled_from(["enum", "user", "org", "people"]), ids.map(str)),
    st.tuples(st.just("set"), st.lists(ids.map(str), min_size=1, max_size=5, unique=True)),
    st.tuples(st.just("date"), dates),
    st.tuples(st.just("daterange"), st.fixed_dictionaries({"from": dates, "until": dates})),
    st.tuples(st.just("time"), clocks),
    st.tuples(st.just("timerange"), st.fixed_dictionaries({"from": clocks, "until": clocks})),
    st.tuples(
        st.just("address"), st.fixed_dictionaries({"value": words}, optional={"locality": words, "country": words})
    ),
)


@given(typed_values)
def test_every_form_reads_the_same(typed: tuple[str, Any]) -> None:
    kind, value = typed
    rest, webhook, v1 = _forms(kind, value)
    assert custom_values.from_rest_v2(rest, kind) == value
    assert custom_values.from_webhook_v2(webhook) == value
    assert custom_values.from_v1(KEY, v1, kind) == value


@given(typed_values)
def test_what_is_written_reads_back(typed: tuple[str, Any]) -> None:
    kind, value = typed
    assert custom_values.from_rest_v2(custom_values.to_rest_v2(value, kind), kind) == value
    if kind != "address":  # v1 takes the text and finds the parts itself
        assert custom_values.from_v1(KEY, custom_values.to_v1(KEY, value, kind), kind) == value


@given(st.sampled_from(["varchar", "enum", "set", "monetary", "date", "address", "time"]))
def test_empty_is_none_in_every_form(kind: str) -> None:
    for empty in (None, "", []):
        assert custom_values.from_rest_v2(empty, kind) is None
        assert custom_values.to_rest_v2(empty, kind) is None
    assert custom_values.from_webhook_v2(None) is None
    assert custom_values.from_v1(KEY, {KEY: None}, kind) is None
    assert custom_values.from_v1(KEY, {KEY: ""}, kind) is None


def test_labelled_options_read_as_ids() -> None:
    assert custom_values.from_rest_v2({"id": 17, "label": "Gold"}, "enum") == "17"
    assert custom_values.from_rest_v2([{"id": 1, "label": "a"}, {"id": 2, "label": "b"}], "set") == ["1", "2"]


def test_a_number_of_unknown_type_stays_a_number() -> None:
    assert custom_values.from_rest_v2(17, "") == 17
    assert custom_values.from_rest_v2(12.5, "double") == 12.5
