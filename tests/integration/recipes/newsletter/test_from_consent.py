"""What a mailing system says of consent: a click is believed with its proof only, and never after an opt-out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from integration.connectors.maileon.records import Contact, Unsubscription
from integration.connectors.maileon.records import Page as ReportPage
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Batch, Item, Record, Skip, Sync
from integration.models import RecordLink, SyncLog
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import IntegrationFactory, LinkFactory

FLOWS = [("pipedrive_maileon", "consent_to_person"), ("hubspot_maileon", "consent_to_contact")]
CLICK = {"doi": "2026-11-20T12:00:00+00:00"}
REPORTED_CLICK = {"report": "doi", "reported_at": "2026-11-20T12:00:00+00:00"}


def decided(recipe, flow, consent, hint, permission):
    """What a flow makes of this click of a person who stands like this."""
    integration = IntegrationFactory(recipe=recipe)
    notes = {"consent": consent} if consent else {}
    link = LinkFactory(integration=integration, source_id="8", notes=notes, state="active")
    ctx = OpenSession(integration, get_recipe(recipe))
    record = Record("8", {"permission": permission, "blank": False})
    return ctx.recipe.flow(flow).decide(ctx, Batch({"8": link}, {}), Item("8", hint), record)


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
@pytest.mark.parametrize("hint", [CLICK, REPORTED_CLICK], ids=["webhook", "report"])
def test_a_click_that_arrives_after_the_opt_out_is_passed_over(recipe, flow, hint):
    assert decided(recipe, flow, "unsubscribed", hint, permission=5) == Skip("unsubscribed")


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
@pytest.mark.parametrize("permission", [0, 1, 2, 3])
def test_a_click_is_not_believed_without_the_vendors_permission(recipe, flow, permission):
    assert decided(recipe, flow, "pending", CLICK, permission) == Skip("not_confirmed")


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
@pytest.mark.parametrize("permission", [4, 5])
def test_a_click_with_the_vendors_permission_is_believed(recipe, flow, permission):
    said = decided(recipe, flow, "pending", CLICK, permission)

    assert isinstance(said, Sync)
    assert said.action == "mark_confirmed"


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
def test_somebody_the_source_never_asked_for_is_not_confirmed_there(recipe, flow):
    assert decided(recipe, flow, "", CLICK, permission=5) == Skip("not_linked")


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
def test_of_an_opt_out_and_a_click_in_one_go_the_opt_out_wins(recipe, flow):
    said = decided(recipe, flow, "pending", {**CLICK, "unsubscription": "2026-11-20T12:00:00+00:00"}, permission=5)

    assert isinstance(said, Sync)
    assert said.action == "mark_unsubscribed"


def test_a_confirmation_somebody_made_up_changes_nothing(world):
    person = world.person("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    for contact in world.sandbox.state.maileon.accounts[501].contacts.values():
        contact.permission = 1  # nobody clicked: the webhook was made up

    world.deliver()

    assert world.shown(person) == ("yes", "pending")
    assert SyncLog.objects.filter(flow="consent_to_person").latest("id").reason == "not_confirmed"


def test_a_click_found_in_the_report_does_not_undo_a_later_opt_out(world):
    person = world.person("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    world.held()  # lost
    world.leave("ada.byron@example.com")
    world.deliver()
    assert world.shown(person) == ("no", "unsubscribed")

    start_runs(world.integration, "poll")
    hub.drain()

    assert world.shown(person) == ("no", "unsubscribed")
    assert RecordLink.objects.get(source_id=person).notes["consent"] == "unsubscribed"
    assert "ada.byron@example.com" not in world.contacts()


def test_a_stranger_is_searched_for_once(world):
    hub.client_of(world.integration.right).create_contact(Contact(email="stranger@example.com"), permission=4)
    world.leave("stranger@example.com")
    world.held()
    searches = []
    for _ in range(2):
        world.calls("pipedrive")
        start_runs(world.integration, "poll")
        hub.drain()
        searches.append([call for call in world.calls("pipedrive") if "search" in call])

    assert (len(searches[0]), searches[1]) == (1, [])


@pytest.mark.django_db
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
@pytest.mark.parametrize(("external_id", "people"), [("{account}-8", ["8"]), ("9999-8", []), ("8", []), ("", [])])
def test_a_contact_of_another_account_stands_for_nobody_here(recipe, flow, external_id, people):
    integration = IntegrationFactory(recipe=recipe)
    ctx = OpenSession(integration, get_recipe(recipe))
    said = external_id.format(account=integration.left.external_account_id)

    assert ctx.recipe.flow(flow).people_behind(ctx, said, "").own == people


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("recipe", "flow"), FLOWS)
def test_of_two_opt_outs_of_one_person_in_a_report_the_newer_counts(recipe, flow, order):
    integration = IntegrationFactory(recipe=recipe)
    own = f"{integration.left.external_account_id}-8"
    times = ("2026-11-19 10:00:00", "2026-11-20 10:00:00")
    rows = [Unsubscription("4711", "ada@example.com", own, times[place], "link", "1") for place in order]
    ctx = SimpleNamespace(
        integration=integration,
        right=SimpleNamespace(unsubscriptions_page=lambda page, since: ReportPage(tuple(rows), None)),
    )

    page = get_recipe(recipe).flow(flow).page(ctx, "poll", None, None)

    assert [(item.external_id, item.hint["reported_at"]) for item in page.items] == [("8", times[1])]
