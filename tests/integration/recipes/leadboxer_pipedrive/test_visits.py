"""What a visit's activity says: kind, subject, note. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.connectors.leadboxer.records import Event
from integration.recipes.leadboxer_pipedrive import visits
from integration.recipes.leadboxer_pipedrive.settings import DEFAULTS

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SETTINGS = {**DEFAULTS, "type_visit": "web", "type_form": "form", "type_email": "email"}


def event(title="", url="", minutes=0):
    return Event(f"e{minutes}", NOON + timedelta(minutes=minutes), title, url)


@pytest.mark.parametrize(
    ("title", "url", "kind"),
    [
        ("Pageview", "https://acme.example/", visits.PAGES),
        ("Contact form - ACME", "https://acme.example/contact", visits.PAGES),
        ("", "", visits.PAGES),
        ("Form-Submit", "https://acme.example/contact", visits.FORM),
        ("form submitted", "", visits.FORM),
        ("Email open", "", visits.OPEN),
        ("E-mail opened", "", visits.OPEN),
        ("email_click", "https://acme.example/offer", visits.CLICK),
        ("Newsletter email link click", "", visits.CLICK),
        ("Trial started", "", visits.OTHER),
    ],
)
def test_an_events_title_tells_its_kind(title, url, kind):
    assert visits.kind_of(event(title, url)) == kind


def test_several_page_views_are_one_activity_with_the_pages_listed():
    events = [
        event("Home", "https://acme.example/?a=1&b=2"),
        event("Prices", "https://acme.example/prices", 3),
        event("Home", "https://acme.example/?a=1&b=2", 5),
    ]

    said = visits.content("s1", events, SETTINGS)

    assert (said["subject"], said["type"], said["done"]) == ("Website visit: 2 pages", "web", True)
    assert (said["due_date"], said["due_time"], said["duration"]) == ("2026-11-20", "12:00:00", "00:05:00")
    assert said["note"] == (
        "<ul><li>https://acme.example/?a=1&amp;b=2</li><li>https://acme.example/prices</li></ul>"
        "<p>LeadBoxer visit s1</p>"
    )


@pytest.mark.parametrize(
    ("titles", "subject", "kind"),
    [
        (("Email open",), "E-mail opened", "email"),
        (("Email open", "Email click"), "E-mail link clicked", "email"),
        (("Email click", "Form-Submit", "Trial started"), "Form submitted", "form"),
        (("Trial started", "Email open"), "E-mail opened", "email"),
        (("Trial started",), "Website event: Trial started", "web"),
    ],
)
def test_the_strongest_event_names_the_visit(titles, subject, kind):
    events = [event("Home", "https://acme.example/"), *(event(title, "", 1 + n) for n, title in enumerate(titles))]

    said = visits.content("s1", events, SETTINGS)

    assert (said["subject"], said["type"]) == (subject, kind)
    assert all(title in said["note"] for title in titles)


@pytest.mark.chaos("W9")
def test_nothing_of_a_title_or_address_becomes_markup():
    events = [event("<b>x</b>", "", 0), event("Home", "https://acme.example/<script>", 1)]
    said = visits.content("s1", events, SETTINGS)

    assert "<script>" not in said["note"]
    assert "<b>" not in said["note"]
    assert "&lt;b&gt;x&lt;/b&gt;" in said["note"]
    assert "&lt;script&gt;" in said["note"]


def test_a_very_long_visit_is_cut_and_says_so():
    said = visits.content("s1", [event("", f"https://acme.example/{n}", n) for n in range(140)], SETTINGS)

    assert said["note"].count("<li>") == 101
    assert "and 40 more" in said["note"]
