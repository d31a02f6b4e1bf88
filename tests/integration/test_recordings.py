"""Recordings of an account: exported as they are kept, and every difference of the sandbox found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from integration.engine.sync import runs
from integration.models import Connection
from sandbox.thread import SandboxThread
from tests.recordings import asking
from tests.support import hub
from tests.support.factories import CallFactory, ConnectionFactory
from tests.support.recordings import Recording, differences, recordings_in, shape, whole_part
from tests.support.world import World


def recorded(connection: Connection, folder: Path) -> list[Recording]:
    call_command("record", connection=connection.pk, out=folder)
    return recordings_in(folder / connection.vendor)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["left", "right"])
def test_what_the_sandbox_answered_is_what_it_answers(world: World, tmp_path: Path, side: str) -> None:
    world.seed_people(3)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": False})
    hub.drain()
    rows = recorded(getattr(world.integration, side), tmp_path)

    wrong, unasked = differences(rows, asking(world.sandbox, getattr(world.integration, side).vendor))

    assert wrong == []
    assert len(rows) - len(unasked) >= 2


@pytest.mark.django_db(transaction=True)
def test_each_kind_of_difference_is_named(world: World, tmp_path: Path) -> None:
    world.seed_people(2)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": False})
    hub.drain()
    [row, *_] = [row for row in recorded(world.integration.left, tmp_path) if row.path.startswith("/api/v2/persons?")]
    ask = asking(world.sandbox, "pipedrive")

    def told(change: Any, **more: Any) -> list[str]:
        body = json.loads(row.response)
        change(body)
        return [
            line.partition(": ")[2] for line in differences([replace(row, response=json.dumps(body), **more)], ask)[0]
        ]

    assert told(lambda body: body.update(success="yes")) == [".success is text there, boolean here"]
    assert told(lambda body: body.update(new=1)) == [".new is only there"]
    assert told(lambda body: body.pop("success")) == [".success is only here"]
    assert told(lambda body: None, status=410) == ["status 410 there, 200 here"]
    assert told(lambda body: [person.update(owner_id="7") for person in body["data"]]) == [
        ".data[].owner_id is text there, number here"
    ]


@pytest.mark.django_db
def test_a_file_holds_no_tenant_no_host_and_no_address(tmp_path: Path) -> None:
    connection = ConnectionFactory(vendor="brevo", base_url="https://api.brevo.com/v3")
    for n in range(9):
        CallFactory(
            connection=connection, method="GET", path=f"/v3/contacts/{n}?limit=1", status=200, response='{"id":1}'
        )
    CallFactory(
        connection=connection,
        method="GET",
        path="/v3/contacts",
        status=200,
        response='{"a":[{"b":1},{"… (9000 characters)',
    )

    rows = recorded(connection, tmp_path)

    assert len(rows) == 6, "five of a kind are enough"
    assert {row.name.rpartition("__")[0] for row in rows} == {"GET_contacts_id__200", "GET_contacts__200"}
    [cut] = [row for row in rows if not row.complete]
    assert shape(whole_part(cut.response)) == {"": {"object"}, ".a": {"list"}, ".a[]": {"object"}, ".a[].b": {"number"}}
    texts = [file.read_text() for file in tmp_path.rglob("*.json")]
    assert not any(str(connection.tenant_id) in text or "api.brevo.com" in text for text in texts)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('{"a":1,"b":[1,2', '{"a":1,"b":[1]}'),
        ('{"a":"x, \\"y\\", z","b":"cut', '{"a":"x, \\"y\\", z"}'),
        ('[{"a":{"b":"\\\\"},"c', '[{"a":{"b":"\\\\"}}]'),
        ('{"a', ""),
    ],
)
def test_a_cut_document_is_closed_after_its_last_whole_value(text: str, whole: str) -> None:
    assert whole_part(text) == whole


def test_own_names_and_ids_are_one_place_and_xml_has_a_shape() -> None:
    body = {"attributes": {"CITY": "x"}, "12": {"a": None}, "custom_fields": {"f" * 40: 1}}
    assert set(shape(json.dumps(body))) == {
        "",
        ".attributes",
        ".attributes.…",
        ".…",
        ".….a",
        ".custom_fields",
        ".custom_fields.…",
    }
    assert shape("<contacts><contact><id>1</id></contact></contacts>") == {
        ".contacts": {"object"}, ".contacts.contact": {"object"}, ".contacts.contact.id": {"text"},
    }  # fmt: skip


def test_a_record_that_the_sandbox_does_not_have_is_said(sandbox: SandboxThread) -> None:
    write = Recording("POST_x", "POST", "/api/v2/persons", 201, "{}", True)
    unknown = Recording("GET_x", "GET", "/api/v2/nothing/7", 200, "{}", True)

    wrong, unasked = differences([write, unknown], asking(sandbox, "pipedrive"))

    assert wrong == []
    assert unasked == ["POST_x: a write is not repeated", "GET_x: the sandbox has no record for /api/v2/nothing/7"]


@pytest.mark.django_db
def test_without_a_connection_or_a_call_the_command_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such connection"):
        call_command("record", connection="00000000-0000-0000-0000-000000000000", out=tmp_path)
    with pytest.raises(CommandError, match="Run Diagnose or a dry run first"):
        call_command("record", connection=ConnectionFactory().pk, out=tmp_path)
