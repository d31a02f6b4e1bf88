"""Second factors: fresh seeds, tries that are all counted, and who is asked where."""

from __future__ import annotations

import threading
import time

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from integration.models import AuthenticatorApp
from integration.second_factor import enrolment
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tenants import guessing, invitations
from tenants.audit import AuditEntry
from tenants.models import Misses, Role
from tests.integration.admin.test_two_factor import SET_UP, VERIFY, code_for, code_of, sent_to, shown_secret
from tests.support.factories import MemberFactory, UserFactory
from tests.support.oauth import sign_in

OWN, ASK = "/second-factor/", "/verify/"


def browser(user, **options):
    client = Client(**options)
    client.force_login(user)
    return client


def with_app(user):
    return AuthenticatorApp.objects.create(user=user, name="App", confirmed=True)


def proven(user, app=None):
    """A browser of somebody who has shown the code."""
    client = browser(user)
    assert client.post(ASK, {"code": code_of(app or with_app(user))}).status_code == 302
    return client


def team_of(member):
    return reverse("portal:team", kwargs={"tenant_id": member.tenant_id})


# Seeds


@pytest.mark.django_db
@pytest.mark.parametrize("page", [SET_UP, OWN])
def test_a_seed_that_another_session_saw_is_never_the_one_that_is_confirmed(page):
    user = UserFactory(is_staff=True, is_superuser=True)
    seen = shown_secret(browser(user).get(page).content.decode())
    mine = browser(user)
    fresh = shown_secret(mine.get(page).content.decode())

    assert fresh != seen
    assert mine.post(page, {"code": code_for(seen)}).status_code == 422
    assert mine.post(page, {"code": code_for(fresh)}).status_code == 200
    assert AuthenticatorApp.objects.get().secret == fresh


@pytest.mark.django_db
def test_a_seed_stays_while_the_page_is_looked_at_again():
    client = browser(UserFactory())
    first = shown_secret(client.get(OWN).content.decode())
    wrong = client.post(OWN, {"code": "000000"})
    assert shown_secret(wrong.content.decode()) == first
    assert shown_secret(client.get(OWN).content.decode()) == first


@pytest.mark.django_db
def test_a_seed_is_renewed_after_some_minutes(monkeypatch):
    client = browser(UserFactory())
    old = shown_secret(client.get(OWN).content.decode())
    session = client.session
    session[enrolment.SESSION_KEY] = {**session[enrolment.SESSION_KEY], "until": time.time() - 1}
    session.save()

    late = client.post(OWN, {"code": code_for(old)})

    assert late.status_code == 422
    assert "This took too long" in late.content.decode()
    assert shown_secret(late.content.decode()) != old
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.django_db
def test_a_seed_is_gone_after_signing_out():
    user = UserFactory()
    client = browser(user)
    old = shown_secret(client.get(OWN).content.decode())
    client.post("/logout/")
    client.force_login(user)
    assert shown_secret(client.get(OWN).content.decode()) != old


@pytest.mark.django_db
def test_a_seed_is_not_readable_in_the_session_and_not_anothers():
    client, other = browser(UserFactory()), browser(UserFactory())
    secret = shown_secret(client.get(OWN).content.decode())
    kept = client.session[enrolment.SESSION_KEY]
    assert secret.lower() not in str(kept).lower()
    session = other.session
    session[enrolment.SESSION_KEY] = kept
    session.save()
    assert shown_secret(other.get(OWN).content.decode()) != secret


@pytest.mark.django_db
def test_an_app_that_was_set_up_meanwhile_is_not_replaced():
    user = UserFactory()
    one, two = browser(user), browser(user)
    first, second = (shown_secret(client.get(OWN).content.decode()) for client in (one, two))
    assert one.post(OWN, {"code": code_for(first)}).status_code == 200
    late = two.post(OWN, {"code": code_for(second)})
    assert late.status_code == 302
    assert late.url.startswith(ASK)
    assert AuthenticatorApp.objects.get().secret == first


# Counting


def at_once(tries):
    """Start all of these at the same moment, each in a thread, and return what they returned."""
    barrier, found = threading.Barrier(len(tries)), []

    def run(one):
        barrier.wait()
        try:
            found.append(one())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", range(3))
def test_wrong_codes_at_the_same_moment_are_all_counted(number):
    user = UserFactory()
    app = with_app(user)
    clients = [browser(user) for _ in range(guessing.CODE.name_here)]

    answers = at_once([lambda client=client: client.post(ASK, {"code": "000000"}).status_code for client in clients])

    app.refresh_from_db()
    assert answers == [422] * guessing.CODE.name_here
    assert app.throttling_failure_count == guessing.CODE.name_here
    assert set(Misses.objects.values_list("count", flat=True)) == {guessing.CODE.name_here}
    assert browser(user).post(ASK, {"code": code_of(app)}).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_no_more_codes_are_tried_at_the_same_moment_than_may_be():
    user = UserFactory()
    app = with_app(user)
    clients = [browser(user) for _ in range(3 * guessing.CODE.name_here)]

    answers = at_once([lambda client=client: client.post(ASK, {"code": "000000"}).status_code for client in clients])

    app.refresh_from_db()
    assert sorted(answers) == [422] * guessing.CODE.name_here + [429] * 2 * guessing.CODE.name_here
    assert app.throttling_failure_count == guessing.CODE.name_here


@pytest.mark.django_db(transaction=True)
def test_no_more_passwords_are_tried_at_the_same_moment_than_may_be(settings, monkeypatch):
    settings.AXES_ENABLED = True
    user, tried = UserFactory(username="operator"), []
    monkeypatch.setattr(type(user), "check_password", lambda self, raw: bool(tried.append(raw)))
    form = {"username": "operator", "password": "wrong"}

    at_once([lambda: Client().post("/login/", form).status_code] * (2 * guessing.PASSWORD.name_here))

    assert len(tried) == guessing.PASSWORD.name_here


@pytest.mark.django_db(transaction=True)
def test_codes_from_many_places_at_the_same_moment_are_all_counted_for_the_account(settings):
    settings.TRUSTED_PROXIES = 1
    user = UserFactory()
    app = with_app(user)
    clients = [browser(user, HTTP_X_FORWARDED_FOR=f"198.51.{number}.7") for number in range(10)]

    at_once([lambda client=client: client.post(ASK, {"code": "000000"}) for client in clients])

    app.refresh_from_db()
    assert app.throttling_failure_count == 10


# Who is asked in the portal


@pytest.mark.django_db
@pytest.mark.parametrize("operator", ["staff", "role"])
def test_operators_need_a_second_factor_in_the_portal_too(operator, settings):
    settings.REQUIRE_TWO_FACTOR = True
    call_command("setup", verbosity=0)
    member = MemberFactory(user=UserFactory(is_staff=operator == "staff"))
    if operator == "role":
        member.user.groups.add(Group.objects.get(name="Support"))

    assert sent_to(browser(member.user).get(team_of(member))).startswith(OWN)
    with_app(member.user)
    assert sent_to(browser(member.user).get(team_of(member))).startswith(ASK)
    assert browser(MemberFactory(tenant=member.tenant).user).get(team_of(member)).status_code == 200


@pytest.mark.django_db
def test_a_part_of_a_page_leads_the_whole_page_to_the_code():
    member = MemberFactory()
    with_app(member.user)
    answer = browser(member.user).get(team_of(member), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith(ASK)
    assert answer.content == b""


@pytest.mark.django_db
def test_an_owner_needs_a_second_factor_before_requiring_one():
    member = MemberFactory()
    assert browser(member.user).post(team_of(member), {"do": "demand"}).url == OWN
    member.tenant.refresh_from_db()
    assert not member.tenant.requires_second_factor


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_require_a_second_factor(role):
    member = MemberFactory(role=role)
    client = proven(member.user)
    assert client.post(team_of(member), {"do": "demand"}).status_code == 404
    assert "Require a second factor" not in client.get(team_of(member)).content.decode()


@pytest.fixture
def demanded(db):
    """An owner whose tenant requires a second factor, with a browser and an app."""
    member = MemberFactory()
    member.app = with_app(member.user)
    member.browser = proven(member.user, member.app)
    assert member.browser.post(team_of(member), {"do": "demand"}).status_code == 302
    member.tenant.refresh_from_db()
    assert member.tenant.requires_second_factor
    return member


def test_members_are_led_to_set_theirs_up_at_their_next_request(demanded):
    colleague = MemberFactory(tenant=demanded.tenant, role=Role.VIEWER)
    client = browser(colleague.user)
    overview = reverse("portal:overview", kwargs={"tenant_id": demanded.tenant_id})

    for address in (overview, "/", team_of(colleague)):
        assert sent_to(client.get(address)).startswith(OWN)
    page = client.get(f"{OWN}?next={overview}").content.decode()
    assert f"{demanded.tenant.name} asks its members for a second factor." in page
    done = client.post(f"{OWN}?next={overview}", {"code": code_for(shown_secret(page))}).content.decode()

    assert f'href="{overview}">I have kept them' in done
    assert "recovery" in done
    assert client.get(overview).status_code == 200
    assert sent_to(browser(colleague.user).get(overview)).startswith(ASK)


def test_the_demand_is_for_members_of_that_tenant_while_it_is_on(demanded):
    other = MemberFactory()
    assert browser(other.user).get(team_of(other)).status_code == 200
    both = MemberFactory(tenant=demanded.tenant, user=other.user)
    assert sent_to(browser(other.user).get(team_of(other))).startswith(OWN)
    demanded.tenant.is_active = False
    demanded.tenant.save()
    assert browser(both.user).get(team_of(other)).status_code == 200


def test_requiring_it_no_longer_needs_a_code(demanded):
    for code in ("", "000000"):
        refused = demanded.browser.post(team_of(demanded), {"do": "release", "code": code})
        assert refused.status_code == 422
        demanded.tenant.refresh_from_db()
        assert demanded.tenant.requires_second_factor
    AuthenticatorApp.objects.update(last_step=-1)

    demanded.browser.post(team_of(demanded), {"do": "release", "code": code_of(demanded.app)})

    demanded.tenant.refresh_from_db()
    assert not demanded.tenant.requires_second_factor
    assert list(AuditEntry.objects.order_by("pk").values_list("what", flat=True)) == [
        "Second factor required of all members",
        "Second factor no longer required of all members",
    ]


def test_an_invitation_says_so_and_leads_to_setting_it_up(demanded):
    _, token = invitations.invite(demanded.tenant, "ada@example.com", Role.VIEWER, demanded.user)
    link, client = reverse("portal:invitation", kwargs={"token": token}), Client()
    assert "asks its members for a second factor" in client.get(link).content.decode()
    form = {"username": "ada@example.com", "password1": "a long passphrase", "password2": "a long passphrase"}

    landed = client.post(link, form).url

    assert sent_to(client.get(landed)).startswith(OWN)


@pytest.mark.django_db
def test_a_vendors_consent_page_is_a_first_factor_only(sandbox, settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    first = Client()
    landed = sign_in(first).url
    assert first.get(landed).status_code == 200
    with_app(AuthenticatorApp.user.field.related_model.objects.get())

    again = Client()

    assert sent_to(again.get(sign_in(again).url)).startswith(ASK)


@pytest.mark.django_db
def test_a_code_gives_the_session_another_key():
    user = UserFactory()
    app, client = with_app(user), browser(user)
    before = client.session.session_key
    client.post(ASK, {"code": code_of(app)})
    assert client.session.session_key != before
    stale = Client()
    stale.cookies["sessionid"] = before
    assert sent_to(stale.get(OWN)).startswith("/login/")


@pytest.mark.django_db
def test_both_pages_show_one_second_factor():
    user = UserFactory(is_staff=True, is_superuser=True)
    app = with_app(user)
    client = browser(user)
    assert sent_to(client.get("/admin/")).startswith(VERIFY)
    client.post(ASK, {"code": code_of(app)})
    assert client.get("/admin/").status_code == 200
