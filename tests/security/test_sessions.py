"""Sessions: how long they last, who sees and ends them, and that nothing of a page is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as OldSession
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.privacy import retention
from integration.models import AuthenticatorApp
from tenants import sessions
from tenants.models import Session
from tests.integration.admin.test_two_factor import sent_to
from tests.support.factories import IntegrationFactory, MemberFactory, UserFactory

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 "
    "Edg/142.0.0.0"
)
ME, CONSOLE = "/me/", "/admin/sessions/"
RIGHT = "the right passphrase"


def browser(user, **headers):
    client = Client(**headers)
    client.force_login(user)
    return client


def key_of(client):
    return client.cookies["sessionid"].value


def row_of(client):
    return Session.objects.get(pk=key_of(client))


def move(client, **back):
    """Put the session's clock back by that much."""
    Session.objects.filter(pk=key_of(client)).update(**{name: F(name) - length for name, length in back.items()})


@pytest.fixture
def operator(db):
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def member(db):
    return MemberFactory()


def overview(member):
    return reverse("portal:overview", kwargs={"tenant_id": member.tenant_id})


# How long


@pytest.mark.parametrize(
    ("back", "words"),
    [
        ({"last_used_at": timedelta(minutes=31)}, "had not used Lockstep for a while"),
        ({"started_at": timedelta(hours=13)}, "had been signed in for long"),
    ],
)
def test_a_session_of_the_console_ends_by_idleness_and_by_age(operator, back, words):
    client = browser(operator)
    assert client.get("/admin/").status_code == 200
    old = key_of(client)
    move(client, **back)

    answer = client.get("/admin/")

    assert sent_to(answer).startswith("/admin/login/")
    assert not Session.objects.filter(pk=old).exists()
    assert words in client.get(answer.url).content.decode()
    assert words in client.get("/login/").content.decode()


def test_the_limits_do_not_depend_on_the_cookie_or_its_expiry(operator):
    client = browser(operator)
    client.get("/admin/")
    Session.objects.update(expire_date=timezone.now() + timedelta(days=365))
    move(client, last_used_at=timedelta(minutes=31))
    assert client.get("/admin/").status_code == 302


def test_an_operators_session_is_as_short_in_the_portal(operator):
    member, client = MemberFactory(user=operator), browser(operator)
    assert client.get(overview(member)).status_code == 200
    move(client, last_used_at=timedelta(minutes=31))
    assert client.get(overview(member)).status_code == 302


@pytest.mark.parametrize(
    ("back", "status"),
    [
        ({"last_used_at": timedelta(days=6)}, 200),
        ({"last_used_at": timedelta(days=8)}, 302),
        ({"started_at": timedelta(days=29)}, 200),
        ({"started_at": timedelta(days=31)}, 302),
    ],
)
def test_a_members_session_ends_by_idleness_and_by_age(member, back, status):
    client = browser(member.user)
    assert client.get(overview(member)).status_code == 200
    move(client, **back)
    assert client.get(overview(member)).status_code == status


def test_use_keeps_a_session_and_age_ends_it_all_the_same(operator):
    client = browser(operator)
    for _ in range(3):
        move(client, last_used_at=timedelta(minutes=20), started_at=timedelta(hours=3))
        assert client.get("/admin/").status_code == 200
    move(client, started_at=timedelta(hours=4))
    assert client.get("/admin/").status_code == 302


def test_a_page_that_asks_by_itself_is_no_use(member):
    client = browser(member.user)
    client.get(overview(member))
    move(client, last_used_at=timedelta(days=3))
    before = row_of(client).last_used_at
    client.get(overview(member), headers={"HX-Request": "true"})
    assert row_of(client).last_used_at == before
    client.get(overview(member))
    assert row_of(client).last_used_at > before


def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(member):
    client = browser(member.user)
    client.get(overview(member))
    move(client, last_used_at=timedelta(days=8))
    assert client.get(overview(member), headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/login/")


def test_the_limits_are_settings(operator, settings):
    settings.SESSION_IDLE = {"console": timedelta(minutes=5), "portal": timedelta(days=7)}
    client = browser(operator)
    client.get("/admin/")
    move(client, last_used_at=timedelta(minutes=6))
    assert client.get("/admin/").status_code == 302


def test_what_a_page_saves_does_not_make_a_session_younger(member):
    client = browser(member.user)
    client.get(overview(member))
    move(client, started_at=timedelta(days=20))
    began = row_of(client).started_at
    session = client.session
    session["something"] = "new"
    session.save()
    assert row_of(client).started_at == began
    assert row_of(client).get_decoded()["something"] == "new"


def test_sessions_that_are_over_are_deleted_by_the_sweep(operator, member):
    keep, late = browser(member.user), browser(member.user)
    idle, old = browser(operator), browser(operator)
    for client in (keep, late, idle, old):
        client.get(ME)
    move(late, last_used_at=timedelta(days=8))
    move(idle, last_used_at=timedelta(minutes=31))
    move(old, started_at=timedelta(hours=13))

    assert retention.purge()["sessions"] == 3

    assert list(Session.objects.values_list("pk", flat=True)) == [key_of(keep)]
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    call_command("clearsessions")
    assert not Session.objects.exists()
    assert not OldSession.objects.exists()


# Which ones


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox, Linux"),
        (IPHONE, "Safari, iPhone"),
        (EDGE, "Edge, Windows"),
        ("curl/8.7.1", ""),
        ("<script>alert(1)</script>" * 500, ""),
    ],
)
def test_a_device_is_told_in_words(agent, words):
    assert sessions.device(agent) == words


@pytest.mark.parametrize("page", [ME, CONSOLE])
def test_somebody_sees_the_own_sessions_and_ends_one(operator, page, settings):
    settings.TRUSTED_PROXIES = 1
    here = browser(operator, HTTP_USER_AGENT=FIREFOX, HTTP_X_FORWARDED_FOR="198.51.100.7")
    there = browser(operator, HTTP_USER_AGENT=IPHONE, HTTP_X_FORWARDED_FOR="203.0.113.99")
    stranger = browser(UserFactory(), HTTP_USER_AGENT=EDGE)
    for client in (here, there, stranger):
        client.get(ME)

    shown = here.get(page).content.decode()

    assert shown.index("Firefox, Linux") < shown.index("(this one)") < shown.index("Safari, iPhone")
    assert "198.51.100.0/24" in shown
    assert "203.0.113.0/24" in shown
    assert "203.0.113.99" not in shown
    assert "Edge" not in shown
    for client in (here, there, stranger):
        assert key_of(client) not in shown

    here.post(page, {"session": str(row_of(there).handle)})
    assert there.get(ME).status_code == 302
    assert here.get(page).status_code == 200


@pytest.mark.parametrize("page", [ME, CONSOLE])
def test_nobody_ends_somebody_elses_session(operator, page):
    stranger = browser(UserFactory())
    stranger.get(ME)
    browser(operator).post(page, {"session": str(row_of(stranger).handle)})
    assert stranger.get(ME).status_code == 200


@pytest.mark.parametrize("page", [ME, CONSOLE])
def test_signing_out_everywhere_ends_this_one_too(operator, page):
    here, there, other = browser(operator), browser(operator), browser(UserFactory())
    here.post(page, {"do": "everywhere"})
    assert [client.get(ME).status_code for client in (here, there, other)] == [302, 302, 200]
    assert not Session.objects.filter(user=operator).exists()


def test_a_session_keeps_no_address_and_no_agent_as_it_came(member, settings):
    settings.TRUSTED_PROXIES = 1
    client = browser(member.user, HTTP_USER_AGENT=FIREFOX, HTTP_X_FORWARDED_FOR="198.51.100.7")
    client.get(ME)
    row = row_of(client)
    assert (row.user, row.device, row.network) == (member.user, "Firefox, Linux", "198.51.100.0/24")
    member.user.delete()
    assert not Session.objects.exists()


# Passwords


@pytest.fixture
def with_password(member):
    member.user.set_password(RIGHT)
    member.user.save()
    return member.user


def change(client, old=RIGHT, new="another long passphrase"):
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/me/password/", form)


def test_another_password_ends_the_other_sessions(with_password):
    here, there = browser(with_password), browser(with_password)
    assert here.get("/me/password/").status_code == 200

    assert change(here).url == ME

    assert here.get(ME).status_code == 200
    assert there.get(ME).status_code == 302
    assert Session.objects.filter(user=with_password).count() == 1


def test_a_password_set_in_the_console_ends_all_sessions(with_password, operator):
    theirs = browser(with_password)
    address = reverse("admin:auth_user_password_change", args=[with_password.pk])
    form = {"password1": "another long passphrase", "password2": "another long passphrase", "usable_password": "true"}
    assert browser(operator).post(address, form).status_code == 302
    assert theirs.get(ME).status_code == 302
    assert sessions.of(with_password) == []


def test_the_old_password_cannot_be_guessed_with_somebodys_open_session(with_password):
    client = browser(with_password)
    answers = [change(client, old=f"guess {number}").status_code for number in range(9)]
    assert answers == [422] * 8 + [429]
    assert change(client).status_code == 429


def test_whoever_signs_in_with_a_vendor_only_has_no_password_to_change(member):
    member.user.set_unusable_password()
    member.user.save()
    client = browser(member.user)
    assert client.get("/me/password/").status_code == 404
    assert "Change password" not in client.get(ME).content.decode()


def test_a_second_factor_that_is_reset_signs_its_owner_out(operator):
    ada = UserFactory()
    app = AuthenticatorApp.objects.create(user=ada, name="App", confirmed=True)
    theirs = browser(ada)
    address = reverse("admin:integration_authenticatorapp_reset", args=[app.pk])
    assert browser(operator).post(address, {"reason": "Lost phone"}).status_code == 302
    assert not Session.objects.filter(user=ada).exists()
    assert theirs.get(ME).status_code == 302


# Nothing is kept


def test_downloads_are_not_kept(member):
    row = IntegrationFactory(tenant=member.tenant)
    address = reverse("portal:integration", kwargs={"tenant_id": member.tenant_id, "integration_id": row.pk})
    answer = browser(member.user).get(address, {"format": "csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "no-store" in answer.headers["Cache-Control"]
