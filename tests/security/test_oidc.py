"""Operators sign in with an identity provider: asked of a real one, and of one that forges."""

from __future__ import annotations

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from joserfc.jwk import OctKey, RSAKey

from integration import answers, guard
from integration.checks import check_identity_provider
from integration.engine.alerts import ledger, watch
from integration.models import Alert, AlertKind, AlertNotice, AuthenticatorApp, BreakGlassUse
from integration.oidc import provider as ours
from integration.recipes.registry import get_recipe
from tenants.audit import AuditEntry
from tenants.models import OperatorIdentity, Session
from tests.integration.admin.test_two_factor import code_of, sent_to
from tests.support.factories import MemberFactory, UserFactory
from tests.support.oidc import hostile, real

pytestmark = pytest.mark.django_db
RIGHT = "the right passphrase"


@pytest.fixture(scope="module")
def node():
    with real.running() as found:
        yield found


def use(settings, issuer):
    settings.OIDC_ISSUER = issuer
    settings.OIDC_NAME = "ACME"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "lockstep", real.SECRET
    settings.OIDC_ROLES = {"admins": "Administrator", "ops": "Operator", "help": "Support"}
    settings.OIDC_PRIVATE_ADDRESS = True
    settings.REQUIRE_TWO_FACTOR = True
    settings.PUBLIC_URL = "https://hub.example.com"
    call_command("setup", verbosity=0)
    ours.forget()


@pytest.fixture
def idp(node, settings):
    """The real provider, configured."""
    use(settings, node.issuer)
    node.somebody("ada", "ops", amr=["pwd", "mfa"], email="ada@acme.example", preferred_username="ada")
    return node


@pytest.fixture
def forger(settings):
    """The one that forges, configured."""
    with hostile.forging() as found:
        use(settings, found.issuer)
        yield found


def roles(user):
    return sorted(user.groups.values_list("name", flat=True))


# With the real provider


def test_an_operator_signs_in_and_gets_the_role_of_the_group(idp):
    client = Client()
    page = client.get("/admin/login/?next=/admin/integration/synclog/").content.decode()
    assert "Sign in with ACME" in page
    assert "/admin/oidc/?next=%2Fadmin%2Fintegration%2Fsynclog%2F" in page
    assert 'name="password"' not in page

    landed = idp.sign_in(client, "?next=/admin/integration/synclog/")

    assert landed.url == "/admin/integration/synclog/"
    assert client.get(landed.url).status_code == 200
    user = User.objects.get()
    assert (user.username, user.email, user.is_staff, user.is_superuser) == ("ada", "ada@acme.example", True, False)
    assert not user.has_usable_password()
    assert roles(user) == ["Operator"]
    identity = OperatorIdentity.objects.get()
    assert (identity.issuer, identity.subject, identity.user) == (idp.issuer, "ada", user)
    assert AuditEntry.objects.get().what == "Roles by the identity provider: Operator"


def test_the_question_carries_state_nonce_and_pkce_and_each_is_new(idp):
    asked = [parse_qs(urlsplit(Client().get("/admin/oidc/").url).query) for _ in range(2)]
    for one in asked:
        assert one["code_challenge_method"] == ["S256"]
        assert one["redirect_uri"] == [real.CALLBACK]
        assert set(one["scope"][0].split()) == {"openid", "email", "profile"}
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43


def test_the_session_gets_another_key_and_nothing_of_before(idp):
    client = Client()
    client.get("/admin/oidc/")
    before = client.session.session_key
    session = client.session
    session["left"] = "behind"
    session.save()

    idp.sign_in(client)

    assert client.session.session_key != before
    assert "left" not in client.session
    assert not Session.objects.filter(pk=before).exists()


def test_an_answer_works_once_and_in_the_browser_that_asked_only(idp):
    client, other = Client(), Client()
    back = idp.walk(client.get("/admin/oidc/").url)

    assert other.get(back).status_code == 400
    other.get("/admin/oidc/")
    assert other.get(back).status_code == 400
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 400
    assert User.objects.count() == 1


def test_an_answer_of_another_provider_is_refused(idp):
    client = Client()
    back = idp.walk(client.get("/admin/oidc/").url)
    assert "iss=" in back
    mixed = back.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example"
    assert client.get(mixed).status_code == 400


def test_a_code_without_its_verifier_is_worth_nothing(idp):
    """PKCE is the provider's check: a code that leaked is of no use in a sign-in of somebody else."""
    victim, thief = Client(), Client()
    code = parse_qs(urlsplit(idp.walk(victim.get("/admin/oidc/").url)).query)["code"][0]
    state = parse_qs(urlsplit(thief.get("/admin/oidc/").url).query)["state"][0]

    stopped = thief.get("/admin/oidc/callback/", {"code": code, "state": state})

    assert stopped.status_code == 403
    assert "did not accept the code" in stopped.content.decode()
    assert not User.objects.exists()


def test_roles_follow_the_groups_at_every_sign_in(idp):
    idp.sign_in(Client())
    user = User.objects.get()
    user.groups.add(Group.objects.get(name="Administrator"))
    User.objects.update(is_superuser=True)

    idp.somebody("ada", "help", "elsewhere", amr=["mfa"])
    idp.sign_in(Client())

    user.refresh_from_db()
    assert roles(user) == ["Support"]
    assert not user.is_superuser


def test_whoever_lost_the_groups_is_refused_and_loses_the_console(idp):
    here = Client()
    idp.sign_in(here)
    assert here.get("/admin/").status_code == 200

    idp.somebody("ada", "elsewhere", amr=["mfa"])
    refused = idp.sign_in(Client())

    assert refused.status_code == 403
    assert "None of your groups at ACME opens this console." in refused.content.decode()
    user = User.objects.get()
    assert (user.is_staff, roles(user)) == (False, [])
    assert here.get("/admin/").status_code == 302
    assert not Session.objects.filter(user=user).exists()


def test_somebody_without_a_group_is_nobody_here(idp):
    idp.somebody("eve", amr=["mfa"])
    assert idp.sign_in(Client()).status_code == 403
    assert not User.objects.exists()


def test_an_account_is_never_found_by_name_or_address(idp):
    root = UserFactory(username="ada", email="ada@acme.example", is_staff=True, is_superuser=True)
    idp.sign_in(Client())
    root.refresh_from_db()
    assert not hasattr(root, "operator_identity")
    made = OperatorIdentity.objects.get().user
    assert made != root
    assert made.username.startswith("ada-")
    assert not made.is_superuser


def test_somebody_who_is_switched_off_stays_out(idp):
    idp.sign_in(Client())
    User.objects.update(is_active=False)
    assert idp.sign_in(Client()).status_code == 403


@pytest.mark.parametrize(("amr", "acr"), [(["pwd", "otp"], None), (["hwk"], None), (None, "urn:example:strong")])
def test_a_second_factor_the_provider_has_seen_is_enough(idp, settings, amr, acr):
    settings.OIDC_ACR = ["urn:example:strong"]
    idp.somebody("ada", "ops", amr=amr, acr=acr)
    client = Client()
    idp.sign_in(client)
    assert client.get("/admin/").status_code == 200


def test_without_one_our_own_is_asked_for(idp):
    idp.somebody("ada", "ops", amr=["pwd"])
    first = Client()
    assert sent_to(first.get(idp.sign_in(first).url)).startswith("/admin/two-factor/")
    app = AuthenticatorApp.objects.create(user=User.objects.get(), name="App", confirmed=True)
    client = Client()
    idp.sign_in(client)

    assert sent_to(client.get("/admin/")).startswith("/admin/verify/")
    client.post("/admin/verify/", {"code": code_of(app)})
    assert client.get("/admin/").status_code == 200


def test_a_weaker_sign_in_takes_the_mark_of_the_second_factor_away(idp):
    client = Client()
    idp.sign_in(client)
    idp.somebody("ada", "ops", amr=["pwd"])
    idp.sign_in(client)
    assert sent_to(client.get("/admin/")).startswith("/admin/two-factor/")


def test_new_keys_of_the_provider_are_found_by_themselves(idp):
    assert idp.sign_in(Client()).status_code == 302
    idp.control(rotate=True)
    assert idp.sign_in(Client()).status_code == 302


def test_signing_out_signs_out_at_the_provider_too(idp):
    client, at_provider = Client(), requests.Session()
    client.get(idp.walk(client.get("/admin/oidc/").url, browser=at_provider))
    key = client.session.session_key

    left = client.post("/admin/logout/")

    page = left.content.decode()
    address = page.split('content="0; url=')[1].split('"')[0].replace("&amp;", "&")
    assert address.startswith(f"{idp.issuer}/session/end?")
    assert not Session.objects.filter(pk=key).exists()
    answer = at_provider.get(address, timeout=10)
    assert answer.status_code == 200
    assert "logout" in answer.text.lower()
    assert parse_qs(urlsplit(address).query)["post_logout_redirect_uri"] == [real.AFTER]
    assert "form-action" in left.headers["Content-Security-Policy"]


def test_the_id_token_is_not_readable_in_the_session(idp):
    client = Client()
    idp.sign_in(client)
    assert "oidc_id_token" in client.session
    assert not any(str(value).startswith("eyJ") for value in client.session.values())


# Passwords, once there is a provider


@pytest.fixture
def root(db):
    user = UserFactory(username="root", is_staff=True, is_superuser=True)
    user.set_password(RIGHT)
    user.save()
    return user


def by_password(door, name="root"):
    client = Client()
    answer = client.post(door, {"username": name, "password": RIGHT, "next": "/admin/"})
    return client, answer.status_code


@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
def test_no_password_opens_the_console(forger, root, door):
    client, status = by_password(door)
    assert status == 200
    assert "_auth_user_id" not in client.session


def test_sessions_that_came_another_way_end_at_the_console(forger, root):
    client = Client()
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/admin/")
    assert answer.url == "/admin/login/"
    assert "opens with your company" in client.get(answer.url).content.decode()
    assert "_auth_user_id" not in client.session


def test_members_still_sign_in_with_a_password(forger):
    member = MemberFactory(user__username="member")
    member.user.set_password(RIGHT)
    member.user.save()
    assert by_password("/login/", "member")[1] == 302


def test_the_break_glass_account_still_opens_and_is_told(forger, root, settings):
    settings.OIDC_BREAK_GLASS_USER = "root"
    settings.ALERT_EMAILS, settings.EMAIL_URL = ["ops@example.com"], "smtp://mail.example.com"
    app = AuthenticatorApp.objects.create(user=root, name="App", confirmed=True)
    assert "Emergency account" in Client().get("/admin/login/").content.decode()

    client, status = by_password("/admin/login/")
    assert status == 302
    client.post("/admin/verify/", {"code": code_of(app)})
    assert client.get("/admin/").status_code == 200
    client.get("/admin/")
    ledger.evaluate(get_recipe)

    assert BreakGlassUse.objects.count() == 1
    assert [line.what for line in AuditEntry.objects.all()] == ["Signed in with the break-glass account"]
    alert = Alert.objects.get(kind=AlertKind.BREAK_GLASS)
    assert "break-glass account signed in" in alert.what
    assert AlertNotice.objects.filter(alert=alert).exists()


def test_the_alert_ends_a_day_after_the_last_use(root):
    BreakGlassUse.objects.create(user=root, at=timezone.now() - timedelta(hours=25))
    assert list(watch.break_glass(get_recipe, timezone.now())) == []


# With one that forges


def test_the_one_that_forges_can_play_by_the_rules(forger):
    assert forger.sign_in(Client()).status_code == 302
    assert roles(User.objects.get()) == ["Operator"]


NOW = time.time


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "of another sign-in"),
        ({"nonce": None}, "of another sign-in"),
        ({"aud": "somebody-else"}, "for another application"),
        ({"aud": None}, "for another application"),
        ({"aud": ["lockstep", "other"]}, "given to another application"),
        ({"aud": ["lockstep", "other"], "azp": "other"}, "given to another application"),
        ({"azp": "other"}, "given to another application"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"exp": lambda: NOW() - 120}, "out of date"),
        ({"exp": None}, "out of date"),
        ({"exp": "tomorrow"}, "out of date"),
        ({"iat": lambda: NOW() + 300}, "out of date"),
        ({"iat": lambda: NOW() - 3600}, "out of date"),
        ({"nbf": lambda: NOW() + 300}, "out of date"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": "x" * 300}, "names nobody"),
    ],
)
def test_a_token_that_is_wrong_in_one_claim_opens_nothing(forger, claims, why):
    forger.claims = {name: value() if callable(value) else value for name, value in claims.items()}
    client = Client()

    refused = forger.sign_in(client)

    assert refused.status_code == 403
    assert why in refused.content.decode()
    assert not User.objects.exists()
    assert sent_to(client.get("/admin/")).startswith("/admin/login/")


@pytest.mark.parametrize("off", [{"exp": -30}, {"iat": 30}, {"aud": ["lockstep", "other"], "azp": "lockstep"}])
def test_a_clock_that_is_a_little_off_is_no_forgery(forger, off):
    forger.claims = {name: NOW() + value if isinstance(value, int) else value for name, value in off.items()}
    assert forger.sign_in(Client()).status_code == 302


@pytest.mark.parametrize("how", ["unsigned", "by_public_key", "by_client_secret", "tampered"])
def test_a_forged_signature_opens_nothing(forger, how):
    forger.token = getattr(forger, how)
    assert forger.sign_in(Client()).status_code == 403
    assert not User.objects.exists()


def test_a_shared_secret_among_the_keys_is_no_key(forger):
    secret = OctKey.import_key("a-secret-of-tests-only-0001", {"kid": "one"})
    forger.listed = [secret, forger.key]
    forger.token = forger.by_client_secret
    assert forger.sign_in(Client()).status_code == 403


@pytest.mark.parametrize("token", [lambda: None, lambda: 7, lambda: "x.y.z", lambda: "", lambda: "a" * 100_000])
def test_what_is_no_token_opens_nothing(forger, token):
    forger.token = token
    assert forger.sign_in(Client()).status_code == 403


def test_an_unknown_key_is_looked_for_once_a_minute_at_most(forger, monkeypatch):
    assert forger.sign_in(Client()).status_code == 302
    assert forger.calls["/jwks_uri"] == 1
    forger.key = RSAKey.generate_key(2048, {"kid": "unlisted"})
    forger.header = {"alg": "RS256", "kid": "unlisted"}

    answers_ = [forger.sign_in(Client()).status_code for _ in range(5)]

    assert answers_ == [503] * 5
    assert forger.calls["/jwks_uri"] == 2
    forger.listed = [forger.key]
    assert forger.sign_in(Client()).status_code == 503, "not yet"
    monkeypatch.setattr(ours, "REFETCH", 0.0)
    assert forger.sign_in(Client()).status_code == 302


def test_a_key_that_was_withdrawn_is_forgotten_within_the_hour(forger, monkeypatch):
    assert forger.sign_in(Client()).status_code == 302
    forger.listed = [RSAKey.generate_key(2048, {"kid": "two"})]
    monkeypatch.setattr(ours, "FRESH", 0.0)
    assert forger.sign_in(Client()).status_code == 503


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks_uri"])
@pytest.mark.parametrize("answer", [
    (302, {"Location": "http://127.0.0.1:1/"}, b"{}"), (500, {}, b"{}"), (200, {}, b"<html>"), (200, {}, b"[]"),
    (200, {}, b'{"keys": [{"kty": "RSA", "n": "!"}], "issuer": 7}'), (200, {}, b" " * (2 * 1024 * 1024)),
])  # fmt: skip
def test_a_broken_provider_is_told_in_a_sentence(forger, path, answer):
    forger.answers[path] = answer
    stopped = Client().get("/admin/oidc/")
    assert stopped.status_code == 503
    assert "You are not signed in" in stopped.content.decode()


def test_a_provider_of_another_name_is_refused(forger):
    forger.metadata = {"issuer": "https://evil.example"}
    assert "by another name" in Client().get("/admin/oidc/").content.decode()


def test_its_answers_have_an_end(forger, monkeypatch):
    monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 1000)
    forger.answers["/token_endpoint"] = (200, {}, b" " * 100_000)
    assert forger.sign_in(Client()).status_code == 503


def test_a_private_address_is_for_the_provider_alone_and_by_a_setting(forger, settings):
    settings.OIDC_PRIVATE_ADDRESS = False
    assert Client().get("/admin/oidc/").status_code == 503
    settings.OIDC_PRIVATE_ADDRESS = True
    forger.metadata = {"jwks_uri": forger.issuer.replace("127.0.0.1", "127.0.0.2") + "/jwks_uri"}
    assert Client().get("/admin/oidc/").status_code == 503
    forger.metadata = {}
    assert Client().get("/admin/oidc/").status_code == 302
    with pytest.raises(guard.AddressRefused):
        guard.checked_address("127.0.0.1", urlsplit(forger.issuer).port)


def test_without_a_provider_there_is_no_such_page(client):
    assert client.get("/admin/oidc/").status_code == 404
    assert client.get("/admin/oidc/callback/").status_code == 404
    assert "Sign in with" not in client.get("/admin/login/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET"),
        ({"OIDC_ROLES": {}}, "OIDC_ROLES"),
        ({"OIDC_ROLES": {"ops": "Emperor"}}, "Emperor"),
        ({"OIDC_ISSUER": "http://id.example.com", "DEVELOPMENT": False}, "https"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_told_at_the_start(forger, settings, wrong, words):
    assert check_identity_provider(None) == []
    for name, value in wrong.items():
        setattr(settings, name, value)
    assert words in str(check_identity_provider(None)[0])


def test_no_other_address_is_gone_to(forger):
    client = Client()
    started = client.get("/admin/oidc/?next=https://evil.example/")
    asked = parse_qs(urlsplit(started.url).query)
    forger.nonce = asked["nonce"][0]
    assert client.get("/admin/oidc/callback/", {"code": "c", "state": asked["state"][0]}).url == "/admin/"
