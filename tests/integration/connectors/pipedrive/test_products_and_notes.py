"""Products of deals and single notes, against the stand-in."""

from __future__ import annotations

import pytest

from integration.connectors.base import Credentials
from integration.connectors.pipedrive.client import PipedriveClient
from integration.errors import NotFound
from sandbox.pipedrive.seed import ACME_API_TOKEN
from sandbox.thread import SandboxThread


@pytest.fixture
def client(sandbox: SandboxThread) -> PipedriveClient:
    return PipedriveClient(Credentials("api_token", f"{sandbox.url}/pipedrive/acme", {"api_token": ACME_API_TOKEN}))


def test_products_of_many_deals_cost_a_call_per_hundred(client: PipedriveClient, sandbox: SandboxThread) -> None:
    for name in ("Set-up", "Training"):
        sandbox.control("POST", "/pipedrive/acme/deals/1/products", {"name": name})
    sandbox.control("DELETE", "/calls")
    assert client.deal_products(["1", *map(str, range(2, 151))]) == {"1": ["Set-up", "Training"]}
    assert len(sandbox.control("GET", "/calls")) == 2


def test_a_note_is_read_alone_and_a_deleted_one_says_so(client: PipedriveClient) -> None:
    note = client.create_note({"content": "<b>x</b>", "org_id": "1"})
    client.notes.delete(note.id)
    assert client.get_note(note.id).is_deleted
    with pytest.raises(NotFound):
        client.get_note("99")
