"""Which of many addresses are contacts already: all pages of the account, and nobody who has left it since."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from integration.connectors.maileon.records import Page, StoredContact
from integration.engine.flow.base import Item, Write
from integration.errors import GaveWay
from integration.recipes.newsletter import contact_lookup
from integration.recipes.newsletter.contact_lookup import FEW, known_contacts
from tests.support.factories import IntegrationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    """An account whose pages the test fills in, as a flow's context shows it."""
    pages: list[list[StoredContact]] = []
    unreadable: dict[str, str] = {}

    def page(number: int) -> Page[StoredContact]:
        return Page(tuple(pages[number - 1]), number + 1 if number < len(pages) else None, unreadable)

    right = SimpleNamespace(contacts_page=page)
    look = SimpleNamespace(
        integration=IntegrationFactory(), right=right, reference_list=lambda side, kind, fetch: fetch(),
        time_left=lambda: True,
    )  # fmt: skip
    return SimpleNamespace(pages=pages, unreadable=unreadable, right=right, ctx=look)


def known(account):
    writes = [Write(Item(str(n)), "adopt", {"email": f"p{n}@example.com"}, None, None) for n in range(FEW + 1)]
    return {email: contact.permission for email, contact in known_contacts(account.ctx, writes).items()}


def test_readers_of_every_page_are_recognised(account):
    account.pages[:] = [
        [StoredContact("1", "P1@example.com", permission=4), StoredContact("x", "stranger@example.com", permission=5)],
        [StoredContact("2", "p2@example.com", permission=2)],
    ]

    assert known(account) == {"p1@example.com": 4, "p2@example.com": 2}


def test_who_left_the_account_is_no_reader_any_more(account):
    account.pages[:] = [[StoredContact(str(n), f"p{n}@example.com", permission=4) for n in (1, 2)]]
    known(account)

    account.pages[:] = [[StoredContact("2", "p2@example.com", permission=4)]]

    assert known(account) == {"p2@example.com": 4}


def test_of_an_account_that_cannot_be_read_whole_who_is_not_listed_is_asked_for(account):
    """Somebody who is left out of the list would be taken for no contact, and asked by mail once more."""
    account.pages.append([StoredContact("1", "p1@example.com", permission=4)])
    account.unreadable["4711"] = "its permission is no number"
    asked = []
    account.right.find_contact = lambda email: asked.append(email) or StoredContact("4711", email, permission=5)

    assert len(known(account)) == FEW + 1
    assert len(asked) == FEW  # whoever is in the list is known


def test_a_listing_gives_way_and_goes_on_a_page_before_where_it_stopped(account, monkeypatch):
    """Contacts that were deleted meanwhile have moved others to the page before."""
    account.pages[:] = [[StoredContact(str(n), f"p{n}@example.com", permission=4)] for n in range(4)]
    asked, really = [], account.right.contacts_page
    account.right.contacts_page = lambda number: asked.append(number) or really(number)
    monkeypatch.setattr(contact_lookup, "LISTING_SECONDS", -1.0)
    account.ctx.time_left = lambda: len(asked) < 3

    with pytest.raises(GaveWay):
        known(account)
    account.ctx.time_left = lambda: True
    found = known(account)

    assert asked == [1, 2, 3, 3, 4]
    assert sorted(found) == [f"p{n}@example.com" for n in range(4)], "nobody of the first slice was taken for gone"
