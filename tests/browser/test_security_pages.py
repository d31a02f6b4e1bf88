"""Pages about accounts and guessing in a real browser: accessible, readable on a phone, and with their way out."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from integration.models import AccountClaim, ClaimState
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tests.browser.test_portal import PHONE, shoot
from tests.support.browser import serious
from tests.support.factories import ConnectionFactory, MemberFactory, UserFactory
from tests.support.oauth import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def app(sandbox, settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    return sandbox


@pytest.fixture
def claim(db):
    """ACME's account is held by one tenant; an administrator asks for it."""
    member = MemberFactory()
    ConnectionFactory(tenant=member.tenant, external_account_id="9001", account_name="ACME GmbH")
    grace = UserFactory(first_name="Grace", last_name="Hopper")
    made = AccountClaim.objects.create(
        vendor="pipedrive", account_id="9001", account_name="ACME GmbH", vendor_user_id="9001001", user=grace,
        tenant=MemberFactory(user=grace).tenant, state=ClaimState.OPEN,
    )  # fmt: skip
    made.holder = member
    return made


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_the_holder_of_a_claimed_account_is_told(claim, browse, viewport):
    page = browse(claim.holder.user, **({"viewport": viewport} if viewport else {}))

    page.goto(reverse("portal:team", kwargs={"tenant_id": claim.holder.tenant_id}))

    expect(page.get_by_text("Grace Hopper, whom Pipedrive names as an administrator of ACME GmbH")).to_be_visible()
    assert serious(page) == []
    if viewport:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shoot(page, f"claim-told{'-phone' if viewport else ''}")


def test_an_operator_reads_and_decides_a_claim(claim, browse):
    page = browse(UserFactory(is_staff=True, is_superuser=True))
    page.goto(reverse("admin:integration_accountclaim_changelist"))
    expect(page.get_by_text("Waits for your decision")).to_be_visible()
    shoot(page, "console-claims")
    page.goto(reverse("admin:integration_accountclaim_change", args=[claim.pk]))
    expect(page.get_by_text("named its user 9001001 as an administrator of the account")).to_be_visible()
    assert serious(page, "#content") == []
    shoot(page, "console-claim")

    page.get_by_role("link", name="Grant").first.click()
    shoot(page, "console-claim-grant")
    page.get_by_role("button", name="Grant the claim").click()

    claim.refresh_from_db()
    assert claim.state == ClaimState.GRANTED


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_another_administrator_is_offered_two_ways(app, browse, viewport, live_server):
    """The vendor's consent page leads to another address than this server's, so its answer is shown here."""
    sign_in(Client())
    made = {"name": "Ada", "email": "ada@acme.example", "is_admin": True}
    ada = app.control("POST", "/pipedrive/acme/users", made)["id"]
    answer = sign_in(Client(), f"acme:{ada}")
    page = browse(UserFactory(), **({"viewport": viewport} if viewport else {}))
    page.route("**/answered", lambda route: route.fulfill(body=answer.content.decode(), content_type="text/html"))

    page.goto("/answered")

    expect(page.get_by_role("button", name="Claim this account")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    assert serious(page) == []
    shoot(page, f"claim-choice{'-phone' if viewport else ''}")


def test_whoever_guessed_too_often_reads_when_it_opens_again(db, chromium, live_server, settings):
    settings.AXES_ENABLED = True
    page = chromium.new_context(base_url=live_server.url).new_page()
    page.goto("/login/")
    for _ in range(9):
        page.fill("input[name=username]", "operator")
        page.fill("input[name=password]", "wrong")
        page.get_by_role("button", name="Sign in").first.click()
        if page.get_by_text("Try again at").count():
            break

    expect(page.get_by_text("Try again at")).to_be_visible()
    assert serious(page) == []
    shoot(page, "locked")
    page.context.close()
