"""Guessing is limited by name, place and network, and never locks out whoever signs in from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.privacy import retention
from integration.models import AuthenticatorApp
from integration.models.access import MOST_WRONG
from tenants import guessing, invitations
from tenants.models import Misses
from tests.integration.admin.test_two_factor import SET_UP, VERIFY, code_of
from tests.support.factories import MemberFactory, UserFactory

pytestmark = pytest.mark.django_db
RIGHT, STRANGER, HOME = "the right passphrase", "198.51.100.7", "203.0.113.9"
DOORS = ["/login/", "/admin/login/"]


@pytest.fixture(autouse=True)
def behind_a_proxy(settings):
    settings.AXES_ENABLED, settings.TRUSTED_PROXIES = True, 1


@pytest.fixture
def operator():
    user = UserFactory(is_staff=True, is_superuser=True, username="operator")
    user.set_password(RIGHT)
    user.save()
    return user


def at(address):
    """A browser behind our proxy."""
    return Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"6.6.6.6, {address}")


def sign_in(client, password=RIGHT, name="operator", door="/login/"):
    return client.post(door, {"username": name, "password": password, "next": "/admin/"})


def wrong(address, times, name="operator", door="/login/"):
    """The statuses of so many wrong passwords."""
    return [sign_in(at(address), "wrong", name, door).status_code for _ in range(times)]


def later(minutes):
    Misses.objects.update(began_at=timezone.now() - timedelta(minutes=minutes))


@pytest.mark.parametrize("door", DOORS)
def test_a_stranger_who_guesses_is_locked_out_and_the_operator_is_not(operator, door):
    assert wrong(STRANGER, 10, door=door) == [200] * 7 + [429] * 3
    assert sign_in(at(STRANGER), door=door).status_code == 429, "also with the right one, for the time being"

    assert sign_in(at(HOME), door=door).status_code == 302

    later(16)
    assert sign_in(at(STRANGER), door=door).status_code == 302


@pytest.mark.parametrize("door", DOORS)
def test_whoever_is_locked_out_is_told_until_when(operator, door):
    wrong(STRANGER, 8, door=door)
    later(3)

    answer = sign_in(at(STRANGER), door=door)
    page = answer.content.decode()

    assert answer.status_code == 429
    assert 700 < int(answer.headers["Retry-After"]) <= 720
    assert "Too many wrong passwords" in page
    assert "in 12 minutes" in page
    assert "no-store" in answer.headers["Cache-Control"]
    assert ("portal.css" in page, "ls-error" in page) == (door == "/login/", door != "/login/")


def test_a_lock_ends_when_the_page_says_however_often_it_is_tried(operator):
    wrong(STRANGER, 8)
    later(14)
    assert wrong(STRANGER, 3) == [429] * 3
    later(15.1)
    assert wrong(STRANGER, 1) == [200]


def test_many_names_from_one_address_are_limited_and_no_other_address_is(operator):
    answers = [wrong(STRANGER, 1, name=f"name{number}")[0] for number in range(45)]
    assert answers.index(429) == guessing.PASSWORD.address - 1
    assert set(answers[guessing.PASSWORD.address :]) == {429}
    assert sign_in(at(HOME)).status_code == 302


def test_forged_headers_are_no_new_addresses(operator):
    answers = []
    for number in range(10):
        client = Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"9.9.9.{number}, {STRANGER}")
        answers.append(sign_in(client, "wrong").status_code)
    assert answers[-1] == 429


def test_a_network_is_limited(operator):
    answers = [wrong(f"198.51.100.{number}", 1, name=f"n{number}")[0] for number in range(125)]
    assert answers.index(429) == guessing.PASSWORD.network - 1
    assert sign_in(at("198.51.100.250")).status_code == 429
    assert sign_in(at("198.51.101.250")).status_code == 302


def test_whoever_has_a_64_of_ipv6_has_one_place(operator):
    answers = [wrong(f"2001:db8:0:1::{number:x}", 1)[0] for number in range(1, 10)]
    assert answers[-1] == 429
    assert sign_in(at("2001:db8:0:2::1")).status_code == 302


def test_the_case_of_a_name_is_no_new_name(operator):
    answers = [wrong(STRANGER, 1, name=name)[0] for name in ("operator", "Operator", " OPERATOR") * 3]
    assert answers[-1] == 429


def crowd(times=30, door="/login/"):
    """Strangers all over the world guess for one name."""
    for number in range(times):
        wrong(f"198.{number % 200}.{number // 200}.7", 1, door=door)


@pytest.mark.parametrize("door", DOORS)
def test_strangers_everywhere_slow_each_other_and_never_lock_the_name(operator, door):
    crowd()

    assert wrong(STRANGER, 4, door=door) == [200, 200, 429, 429], "three tries instead of eight"
    assert sign_in(at(HOME), door=door).status_code == 302


def test_the_right_password_asks_for_the_second_factor_on_every_page(operator):
    MemberFactory(user=operator)
    app = AuthenticatorApp.objects.create(user=operator, name="App", confirmed=True)
    client = at(HOME)
    sign_in(client)

    assert client.get("/").url.startswith("/verify/")
    assert client.post("/oauth/pipedrive/callback/").url.startswith("/verify/")
    assert client.get("/admin/").url.startswith(VERIFY)
    assert client.post(VERIFY, {"code": code_of(app)}).status_code == 302
    assert "/verify/" not in client.get("/").url
    assert client.post("/logout/").status_code == 302


def test_a_known_device_is_counted_apart_from_strangers_even_behind_the_same_address(operator):
    mine = at(STRANGER)
    assert sign_in(mine).status_code == 302
    mine.post("/logout/")
    wrong(STRANGER, 10)
    crowd()

    assert sign_in(at(STRANGER)).status_code == 429
    assert sign_in(mine).status_code == 302

    mine.post("/logout/")
    assert [sign_in(mine, "wrong").status_code for _ in range(9)] == [200] * 7 + [429] * 2, "which guesses no faster"


def test_a_known_device_is_known_for_its_own_person_only_and_cannot_be_forged(operator):
    other = UserFactory(username="other")
    other.set_password(RIGHT)
    other.save()
    theirs = at(STRANGER)
    assert sign_in(theirs, name="other").status_code == 302
    theirs.post("/logout/")
    cookie = theirs.cookies["lockstep_device"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "other" not in cookie.value
    wrong(STRANGER, 8)

    assert sign_in(theirs).status_code == 429
    theirs.cookies["lockstep_device"] = cookie.value[:-3] + "abc"
    assert sign_in(theirs).status_code == 429


def test_signing_in_forgives_the_own_misses_and_not_those_of_the_address(operator):
    wrong(STRANGER, 7)
    assert sign_in(at(STRANGER)).status_code == 302
    assert wrong(STRANGER, 7)[-1] == 200
    answers = [wrong(STRANGER, 1, name=f"name{number}")[0] for number in range(30)]
    assert answers.index(429) == guessing.PASSWORD.address - 14 - 1


def test_nothing_of_names_and_addresses_is_kept_and_counts_are_purged(operator):
    wrong(STRANGER, 1)
    keys = list(Misses.objects.values_list("key", flat=True))
    assert len(keys) == 4
    assert all("operator" not in key and STRANGER not in key for key in keys)
    assert retention.purge()["misses"] == 0
    later(16)
    assert retention.purge()["misses"] == 4


def test_the_counts_need_no_cache(operator, monkeypatch):
    monkeypatch.setattr(type(cache), "get", lambda *args: pytest.fail("asked"), raising=False)
    assert wrong(STRANGER, 9)[-1] == 429


# The second factor


@pytest.fixture
def app(operator):
    return AuthenticatorApp.objects.create(user=operator, name="App", confirmed=True)


def past_the_password(address, operator):
    client = at(address)
    client.force_login(operator)
    return client


def test_a_stranger_with_the_password_does_not_keep_the_owner_from_the_second_factor(operator, app):
    stranger = past_the_password(STRANGER, operator)
    codes = [stranger.post(VERIFY, {"code": "000000"}).status_code for _ in range(8)]
    assert codes == [422] * 5 + [429] * 3
    locked = past_the_password(STRANGER, operator).post(VERIFY, {"code": code_of(app)})
    assert locked.status_code == 429, "another session is no other place"
    assert "Too many wrong codes" in locked.content.decode()

    assert past_the_password(HOME, operator).post(VERIFY, {"code": code_of(app)}).status_code == 302


def test_codes_are_limited_where_an_app_is_set_up_or_switched_off_too(operator):
    client = past_the_password(STRANGER, operator)
    client.get(SET_UP)
    assert [client.post(SET_UP, {"code": "000000"}).status_code for _ in range(6)] == [422] * 5 + [429]


def test_codes_for_many_people_from_one_address_are_limited():
    people = [UserFactory(is_staff=True, is_superuser=True) for _ in range(guessing.CODE.address + 1)]
    for user in people:
        AuthenticatorApp.objects.create(user=user, name="App", confirmed=True)
    codes = [past_the_password(STRANGER, user).post(VERIFY, {"code": "000000"}).status_code for user in people]
    assert codes == [422] * guessing.CODE.address + [429]


def test_after_many_codes_from_everywhere_an_unknown_device_needs_a_recovery_code(operator, app):
    recovery, *_ = app.new_recovery_codes()
    mine = past_the_password(HOME, operator)
    assert mine.post(VERIFY, {"code": code_of(app)}).status_code == 302
    mine.post("/logout/")
    AuthenticatorApp.objects.update(throttling_failure_count=MOST_WRONG, last_step=-1)
    stranger = past_the_password(STRANGER, operator)

    refused = stranger.post(VERIFY, {"code": code_of(app)})
    assert refused.status_code == 422
    assert "recovery code" in refused.content.decode()
    mine.force_login(operator)
    assert mine.post(VERIFY, {"code": code_of(app)}).status_code == 302, "a known device still takes a code"

    AuthenticatorApp.objects.update(throttling_failure_count=MOST_WRONG, last_step=-1)
    assert past_the_password("192.0.2.1", operator).post(VERIFY, {"code": recovery}).status_code == 302
    app.refresh_from_db()
    assert app.throttling_failure_count == 0


def test_a_device_that_has_shown_only_the_password_is_not_known_to_the_second_factor(operator, app):
    stranger = at(STRANGER)
    codes = []
    for _ in range(8):
        assert sign_in(stranger).status_code == 302
        codes.append(stranger.post(VERIFY, {"code": "000000"}).status_code)
    assert codes == [422] * 5 + [429] * 3
    assert AuthenticatorApp.objects.get().throttling_failure_count == 5


# Invitations


def test_unknown_invitations_are_limited_and_a_right_one_is_never_refused():
    owner = MemberFactory()
    _, token = invitations.invite(owner.tenant, "ada@example.com", "viewer", owner.user)
    link = reverse("portal:invitation", kwargs={"token": token})
    answers = [at(STRANGER).get(f"/invite/{number}/").status_code for number in range(42)]

    assert answers == [404] * guessing.INVITATION.address + [429] * 2
    counted = Misses.objects.count()
    refused = at(STRANGER).post("/invite/x/")
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert Misses.objects.count() == counted
    assert at(STRANGER).get(link).status_code == 200
    assert at(HOME).get("/invite/x/").status_code == 404
