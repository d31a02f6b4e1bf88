"""The page Quality: counts of every vendor and recipe, the answers of one of them, and who may look."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration import quality
from integration.quality import RULES, Status
from tests.support import factories

PAGE = reverse("console-quality")
ALL = [*quality.of_vendors(), *quality.of_recipes()]


def of(key: str) -> str:
    return reverse("console-quality-of", args=[key])


def test_every_vendor_and_recipe_has_a_row_that_leads_to_its_answers(console: Client) -> None:
    text = console.get(PAGE).content.decode()
    for row in ALL:
        assert f'<a class="text-link" href="{of(row.key)}">{row.label}</a>' in text
        counts = "".join(f"<td>{row.count(status)}</td>" for status in Status)
        assert f"{row.label}</a></td>{counts}" in text


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.key)
def test_the_answers_of_one_are_shown_in_full(console: Client, row: quality.Quality) -> None:
    answer = console.get(of(row.key))
    assert answer.status_code == 200
    text = answer.content.decode()
    titles = {rule.key: rule.title for rule in RULES}
    for line in row.answers:
        assert titles.get(line.asked, line.asked).replace("'", "&#x27;") in text
        assert line.text.replace("'", "&#x27;") in text
        assert line.source in text


def test_what_is_still_to_do_comes_first(console: Client) -> None:
    text = console.get(of("leadboxer")).content.decode()
    assert text.index("declares no window") < text.index("Credentials are checked")


def test_what_is_neither_vendor_nor_recipe_is_not_there(console: Client) -> None:
    assert console.get(of("nobody")).status_code == 404


def test_staff_without_any_right_may_look_and_nobody_else(signed_in: Any) -> None:
    staff, anybody = signed_in(), Client()
    anybody.force_login(factories.MemberFactory().user)
    for address in (PAGE, of("pipedrive")):
        assert staff.get(address).status_code == 200
        assert anybody.get(address).status_code == 404
        assert Client().get(address).status_code == 302


def test_the_sidebar_and_the_choice_of_a_recipe_lead_there(console: Client) -> None:
    assert f'href="{PAGE}"' in console.get("/admin/").content.decode()
    assert f'href="{PAGE}"' in console.get(reverse("admin:integration_integration_add")).content.decode()


def test_no_row_is_read_for_it(console: Client, django_assert_max_num_queries: Any) -> None:
    console.get(PAGE)
    with django_assert_max_num_queries(6):
        console.get(PAGE)
