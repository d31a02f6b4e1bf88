"""The console's second factor: asked for after the password, works once, slows guessing, and can be got round only
with a recovery code.
"""

from __future__ import annotations

import re
import time
from base64 import b32decode
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from integration.models import AuthenticatorApp
from integration.models.access import STEP
from tenants import guessing
from tenants.audit import AuditEntry
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


def shown_secret(page: str) -> str:
    """The secret of a page that sets an app up."""
    return re.findall(r'<code class="(?:ls-)?secret">(\w+)</code>', page)[0]


def code_for(secret: str) -> str:
    """What an app shows now that was given this secret."""
    totp = TOTP(b32decode(secret), STEP)
    totp.time = time.time()
    return f"{totp.token():06}"


def test_setting_up_shows_the_secret_until_it_is_proven_and_recovery_codes_once(grace: Any) -> None:
    client = browser(grace)
    secret = shown_secret(client.get(SET_UP).content.decode())
    assert not AuthenticatorApp.objects.exists()
    assert client.get("/admin/").status_code == 200  # not switched on yet
    assert client.post(SET_UP, {"code": "000000"}).status_code == 422

    done = client.post(SET_UP, {"code": code_for(secret)}).content.decode()
    codes = re.findall(r"<code>(\w{6}-\w{6})</code>", done)

    assert len(codes) == 10
    assert AuthenticatorApp.objects.get().secret == secret
    later = client.get(SET_UP).content.decode()
    assert secret not in later
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


def test_the_portal_asks_whoever_has_an_app(app: AuthenticatorApp, grace: Any) -> None:
    member = factories.MemberFactory(user=grace)
    team = reverse("portal:team", kwargs={"tenant_id": member.tenant_id})
    client = browser(grace)

    assert sent_to(client.get(team)) == f"/verify/?next={quote(team, safe='')}"
    assert client.post(f"/verify/?next={team}", {"code": code_of(app)}).url == team
    assert client.get(team).status_code == 200


def reset_address(app: AuthenticatorApp) -> str:
    return reverse("admin:integration_authenticatorapp_reset", args=[app.pk])


def test_somebody_who_lost_phone_and_codes_is_helped_by_an_administrator(signed_in: Any) -> None:
    app = AuthenticatorApp.objects.create(user=factories.UserFactory(username="ada"), name="App", confirmed=True)
    assert signed_in("view_authenticatorapp").post(reset_address(app), {"reason": "Lost phone"}).status_code == 403
    helper = signed_in("view_authenticatorapp", "delete_authenticatorapp")
    assert "Reset this second factor?" in helper.get(reset_address(app)).content.decode()
    assert "This field is required" in helper.post(reset_address(app), {"reason": " "}).content.decode()
    assert AuthenticatorApp.objects.exists()

    assert helper.post(reset_address(app), {"reason": "Lost phone, called back"}).status_code == 302

    assert not AuthenticatorApp.objects.exists()
    line = AuditEntry.objects.get()
    assert (line.row, line.what) == (str(app.user_id), "Second factor reset: Lost phone, called back")


def test_a_second_factor_is_not_deleted_without_a_reason(app: AuthenticatorApp, signed_in: Any) -> None:
    helper = signed_in("view_authenticatorapp", "delete_authenticatorapp")
    address = reverse("admin:integration_authenticatorapp_delete", args=[app.pk])
    assert helper.post(address, {"post": "yes"}).status_code == 403
    assert AuthenticatorApp.objects.exists()


def test_nobody_resets_a_superusers_second_factor_without_being_one(app: AuthenticatorApp, signed_in: Any) -> None:
    helper = signed_in("view_authenticatorapp", "delete_authenticatorapp")
    assert helper.post(reset_address(app), {"reason": "Lost phone"}).status_code == 403
    assert AuthenticatorApp.objects.exists()


def test_nobody_resets_the_own_second_factor(grace: Any, app: AuthenticatorApp) -> None:
    client = browser(grace)
    client.post(VERIFY, {"code": code_of(app)})
    assert client.post(reset_address(app), {"reason": "No code at hand"}).status_code == 403
    assert AuthenticatorApp.objects.exists()
