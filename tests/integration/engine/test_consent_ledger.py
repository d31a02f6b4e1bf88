"""One entry of the ledger: of whom it is, also when the record is gone, and nothing where nothing changed."""

from __future__ import annotations

import pytest

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Record
from integration.engine.safety import consent_ledger
from integration.recipes.registry import get_recipe
from integration.secrets import email_hash
from tests.support.factories import LinkFactory

pytestmark = pytest.mark.django_db


def entry(record, notes, *, was="confirmed"):
    link = LinkFactory(source_id="8", email_hash="of the link", notes={"consent": was})
    ctx = OpenSession(link.integration, get_recipe("pipedrive_maileon"))
    return consent_ledger.entry(ctx, "left", Item("8"), record, link, notes)


@pytest.mark.parametrize(
    ("record", "digest"),
    [(None, "of the link"), (Record("8", {}), "of the link"),
     (Record("8", {}, email="new@example.com"), email_hash("new@example.com"))],
    ids=["gone", "without an address", "with another address"],
)  # fmt: skip
def test_the_proof_names_the_person_also_when_the_record_is_gone(record, digest):
    row = entry(record, {"consent": "unsubscribed"})

    assert (row.email_hash, row.source_id, row.was, row.became) == (digest, "8", "confirmed", "unsubscribed")


@pytest.mark.parametrize("notes", [{}, {"consent": "confirmed"}, {"consent": ""}, {"reported": "confirmed"}])
def test_what_did_not_change_leaves_no_entry(notes):
    assert entry(None, notes) is None
