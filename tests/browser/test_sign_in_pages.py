"""Second factors, sessions, errors and the provider's sign-in in a real browser: accessible, readable on a phone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from integration.models import AuthenticatorApp
from integration.oidc import provider
from tests.browser.test_portal import PHONE, shoot
from tests.integration.admin.test_two_factor import code_for, code_of
from tests.security.test_oidc import use
from tests.support.browser import Heard, serious
from tests.support.factories import MemberFactory, UserFactory
from tests.support.oidc import hostile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
SIZES = pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])


def fits(page, name, viewport, within=None):
    """No serious finding, no sideways scroll on a phone, and a picture."""
    assert serious(page, within) == []
    if viewport:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shoot(page, f"{name}{'-phone' if viewport else ''}")


def options(viewport):
    return {"viewport": viewport} if viewport else {}


@SIZES
def test_a_member_sets_a_second_factor_up_and_gives_the_code(browse, viewport):
    member = MemberFactory(user__first_name="Ada", user__last_name="Lovelace")
    page = browse(member.user, **options(viewport))
    page.goto("/second-factor/")
    fits(page, "second-factor-set-up", viewport)
    page.get_by_text("Can't scan the code?").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code of the app").fill(code_for(secret))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    fits(page, "second-factor-codes", viewport)

    other = browse(member.user, **options(viewport))
    team = reverse("portal:team", kwargs={"tenant_id": member.tenant_id})
    other.goto(team)
    expect(other.get_by_role("heading", name="Enter your code")).to_be_visible()
    fits(other, "second-factor-verify", viewport)
    AuthenticatorApp.objects.update(last_step=-1)
    other.get_by_label("Code of the app").fill(code_of(AuthenticatorApp.objects.get()))
    other.get_by_role("button", name="Continue").click()
    other.get_by_role("button", name="Require a second factor").click()
    expect(other.get_by_text("From now on each member needs a second factor.")).to_be_visible()
    fits(other, "team-second-factor", viewport)


@SIZES
def test_somebody_signs_a_device_out(browse, viewport):
    user = MemberFactory(user__first_name="Ada", user__last_name="Lovelace").user
    elsewhere = Client(HTTP_USER_AGENT="Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604.1")
    elsewhere.force_login(user)
    elsewhere.get("/me/")
    page = browse(user, **options(viewport))
    page.goto("/me/")
    page.reload()
    fits(page, "sessions", viewport)
    page.get_by_role("button", name="Sign out Safari, iPhone").click()
    expect(page.get_by_text("That device is signed out.")).to_be_visible()
    assert elsewhere.get("/me/").status_code == 302
    page.get_by_role("link", name="Change password").click()
    fits(page, "password", viewport)


@SIZES
def test_an_operator_sees_the_own_sessions_and_resets_a_second_factor(browse, viewport):
    lost = AuthenticatorApp.objects.create(user=UserFactory(username="ada"), name="App", confirmed=True)
    page = browse(UserFactory(is_staff=True, is_superuser=True), **options(viewport))
    page.goto("/admin/sessions/")
    page.reload()
    assert serious(page, "#content") == []
    shoot(page, f"console-sessions{'-phone' if viewport else ''}")
    page.goto(reverse("admin:integration_authenticatorapp_reset", args=[lost.pk]))
    assert serious(page, "#content") == []
    shoot(page, f"console-second-factor-reset{'-phone' if viewport else ''}")


@SIZES
def test_an_error_page_is_one_of_the_house(browse, viewport, live_server):
    page = browse(UserFactory(), **options(viewport))
    heard = Heard(page)
    assert page.goto("/there-is-no-such-page/").status == 404
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    fits(page, "error-404", viewport)
    assert heard.asked_elsewhere(live_server.url) == []
    expect(page.get_by_role("link", name="To the start page")).to_be_visible()


@SIZES
def test_the_consoles_sign_in_offers_the_provider(chromium, live_server, settings, viewport):
    with hostile.forging() as found:
        use(settings, found.issuer)
        settings.OIDC_BREAK_GLASS_USER = "emergency"
        context = chromium.new_context(base_url=live_server.url, **options(viewport))
        page = context.new_page()
        page.goto("/admin/login/")
        expect(page.get_by_role("link", name="Sign in with ACME")).to_be_visible()
        expect(page.get_by_label("Password")).to_be_hidden()
        shoot(page, f"console-sign-in-provider{'-phone' if viewport else ''}")
        page.get_by_text("Emergency account").click()
        expect(page.get_by_label("Password")).to_be_visible()
        found.answers["/jwks_uri"] = (500, {}, b"{}")
        provider.forget()
        page.get_by_role("link", name="Sign in with ACME").click()
        expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        fits(page, "console-sign-in-stopped", viewport)
        context.close()
