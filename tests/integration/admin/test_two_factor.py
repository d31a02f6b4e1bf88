"""The console's second factor: asked for after the password, works once, slows guessing, and can be got round only
with a recovery code.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from integration.models import AuthenticatorApp
from integration.models.access import STEP
from tenants import guessing
from tests.support import factories

pytestmark = pytest.mark.django_db
SET_UP, VERIFY = "/admin/two-factor/", "/admin/verify/"


@pytest.fixture
def grace() -> Any:
    return factories.UserFactory(is_staff=True, is_superuser=True, username="grace")


@pytest.fixture
def app(grace: Any) -> AuthenticatorApp:
    return AuthenticatorApp.objects.create(user=grace, name="Authenticator app", confirmed=True)


def browser(user: Any) -> Client:
    """Signed in with the password only."""
    client = Client()
    client.force_login(user)
    return client


def sent_to(answer: Any) -> str:
    """Where an answer leads; nowhere when it is a page."""
    return str(getattr(answer, "url", ""))


def code_of(app: AuthenticatorApp, *, steps: int = 0) -> str:
    """What the app shows now, or some steps from now."""
    totp = TOTP(bytes.fromhex(AuthenticatorApp.objects.get(pk=app.pk).seed["key"]), STEP)
    totp.time = time.time() + steps * STEP
    return f"{totp.token():06}"


def test_without_an_app_the_console_opens_unless_one_is_required(grace: Any, settings: Any) -> None:
    assert browser(grace).get("/admin/").status_code == 200
    settings.REQUIRE_TWO_FACTOR = True

    answer = browser(grace).get("/admin/integration/connection/")

    assert sent_to(answer) == f"{SET_UP}?next=%2Fadmin%2Fintegration%2Fconnection%2F"
    assert browser(grace).get(SET_UP).status_code == 200


def test_with_an_app_every_page_asks_for_the_code_first(grace: Any, app: AuthenticatorApp) -> None:
    client = browser(grace)
    for path in ("/admin/", "/admin/find/?q=x", "/admin/integration/synclog/", SET_UP):
        assert sent_to(client.get(path)).startswith(VERIFY)
    assert sent_to(client.post("/admin/integration/synclog/", {"action": "resync"})).startswith(VERIFY)

    wrong = client.post(VERIFY, {"code": "000000"})
    assert wrong.status_code == 422
    assert "This code is not right" in wrong.content.decode()
    assert client.get("/admin/").status_code == 302


def test_the_right_code_opens_the_page_one_wanted(grace: Any, app: AuthenticatorApp) -> None:
    client = browser(grace)
    answer = client.post(f"{VERIFY}?next=/admin/integration/synclog/", {"code": code_of(app)})

    assert answer.url == "/admin/integration/synclog/"
    assert client.get(answer.url).status_code == 200


def test_a_code_works_once(grace: Any, app: AuthenticatorApp) -> None:
    code = code_of(app)
    assert browser(grace).post(VERIFY, {"code": code}).status_code == 302
    assert browser(grace).post(VERIFY, {"code": code}).status_code == 422


def test_two_at_the_same_time_use_one_code_once(app: AuthenticatorApp) -> None:
    first, second = (AuthenticatorApp.objects.get(pk=app.pk) for _ in range(2))
    code = code_of(app)
    assert [first.verify_token(code), second.verify_token(code)] == [True, False]


def test_old_and_future_codes_are_refused(grace: Any, app: AuthenticatorApp) -> None:
    assert not app.verify_token(code_of(app, steps=-3))
    assert not app.verify_token(code_of(app, steps=3))


@pytest.mark.chaos("H15")
def test_guessing_is_slowed_down(grace: Any, app: AuthenticatorApp) -> None:
    client = browser(grace)
    for _ in range(guessing.CODE.name_here):
        client.post(VERIFY, {"code": "000000"})
    assert client.post(VERIFY, {"code": code_of(app)}).status_code == 429  # right, but not from here and now
    app.refresh_from_db()
    assert app.throttling_failure_count == guessing.CODE.name_here


def test_setting_up_shows_the_secret_until_it_is_proven_and_recovery_codes_once(grace: Any) -> None:
    client = browser(grace)
    page = client.get(SET_UP).content.decode()
    app = AuthenticatorApp.objects.get()
    assert app.secret in page
    assert "<svg" in page
    assert client.get("/admin/").status_code == 200  # not switched on yet

    done = client.post(SET_UP, {"code": code_of(app)}).content.decode()
    codes = re.findall(r"<code>(\w{6}-\w{6})</code>", done)

    assert len(codes) == 10
    later = client.get(SET_UP).content.decode()
    assert app.secret not in later
    assert codes[0] not in later
    assert "10 recovery codes left" in later
    assert client.get("/admin/").status_code == 200  # this browser has proven itself


def test_a_recovery_code_works_once(grace: Any, app: AuthenticatorApp) -> None:
    code, *_ = app.new_recovery_codes()

    assert browser(grace).post(VERIFY, {"code": code.upper()}).status_code == 302
    assert browser(grace).post(VERIFY, {"code": code}).status_code == 422
    app.refresh_from_db()
    assert len(app.recovery) == 9
    assert code not in str(app.recovery)


def test_switching_it_off_asks_for_a_code(grace: Any, app: AuthenticatorApp) -> None:
    client = browser(grace)
    code, other, *_ = app.new_recovery_codes()
    client.post(VERIFY, {"code": code})

    assert client.post(SET_UP, {"do": "off", "code": "nonsense"}).status_code == 422
    client.post(SET_UP, {"do": "off", "code": other})

    assert not AuthenticatorApp.objects.exists()
    assert client.get("/admin/").status_code == 200


def test_no_other_address_is_gone_to(grace: Any, app: AuthenticatorApp) -> None:
    answer = browser(grace).post(f"{VERIFY}?next=https://evil.example/", {"code": code_of(app)})
    assert answer.url == reverse("admin:index")


def test_the_seed_is_encrypted_and_its_key_can_be_rotated(app: AuthenticatorApp, capsys: Any) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT seed FROM integration_authenticatorapp")
        stored = cursor.fetchone()[0]
    assert app.seed["key"] not in stored

    call_command("rotate_secrets")

    assert "authenticator app: 1 re-encrypted, 0 unreadable" in capsys.readouterr().out
    assert AuthenticatorApp.objects.get().seed == app.seed


def test_the_portal_asks_for_no_code(app: AuthenticatorApp, grace: Any) -> None:
    factories.MemberFactory(user=grace)
    assert browser(grace).get("/").status_code == 302
    assert "/verify/" not in browser(grace).get("/").url


def test_somebody_who_lost_phone_and_codes_is_helped_by_an_administrator(app: AuthenticatorApp, signed_in: Any) -> None:
    address = reverse("admin:integration_authenticatorapp_delete", args=[app.pk])
    assert signed_in("view_authenticatorapp").post(address, {"post": "yes"}).status_code == 403

    signed_in("view_authenticatorapp", "delete_authenticatorapp").post(address, {"post": "yes"})

    assert not AuthenticatorApp.objects.exists()
