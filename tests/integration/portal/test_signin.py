"""Install and sign in: through the sandbox's consent page, and against those who would like to be somebody else."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.urls import reverse

from integration import oauth_login, sign_in_state, tasks
from integration.connectors.base import Account, Identity
from integration.engine.clients import connection_health, tokens
from integration.engine.setup import provisioning
from integration.models import Connection, Health, Integration
from integration.portal import accounts, signin
from integration.recipes.registry import get_recipe
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI
from tenants.models import Member, Role, Tenant, VendorIdentity
from tests.support import hub
from tests.support.factories import ConnectionFactory, IntegrationFactory, MemberFactory, UserFactory
from tests.support.oauth import CALLBACK, GRACE, INSTALL, consented, sign_in, who

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def app(sandbox, settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    return sandbox


def somebody(sandbox, name="Ada Lovelace", email="ada@acme.example", **rights):
    """Another user of the same company."""
    sandbox.control("POST", "/pipedrive/acme/users", {"name": name, "email": email, **rights})
    return f"acme:{max(sandbox.state.pipedrive.companies['acme'].users)}"


def start(tenant):
    """Where a tenant without an integration begins."""
    return reverse("portal:connect", kwargs={"tenant_id": tenant.pk})


def test_the_registered_address_is_ours():
    assert signin.redirect_uri("pipedrive") == OAUTH_REDIRECT_URI


def test_installing_makes_tenant_connection_and_owner():
    client = Client()

    answer = sign_in(client)

    tenant, connection, user = Tenant.objects.get(), Connection.objects.get(), who(client)
    assert answer.url == start(tenant)
    assert "Pipedrive is connected: ACME GmbH." in client.get(answer.url).content.decode()
    assert (tenant.name, connection.tenant, connection.auth_kind) == ("ACME GmbH", tenant, "oauth")
    assert (connection.external_account_id, connection.health) == ("9001", Health.OK)
    assert connection.credentials["access_token"].startswith("v1u:")
    assert connection.credentials["refresh_token"]
    assert Member.objects.get(tenant=tenant, user=user).role == Role.OWNER
    assert (user.first_name, user.is_staff, user.is_superuser, user.has_usable_password()) == (
        "Grace Hopper", False, False, False,
    )  # fmt: skip


def test_signing_in_again_is_the_same_person_at_the_same_tenant():
    first, second = Client(), Client()
    sign_in(first)
    assert "Log in with Pipedrive" in second.get("/login/").content.decode()

    answer = sign_in(second, **{"for": "login"})

    assert answer.url == start(Tenant.objects.get())
    assert who(second) == who(first)
    assert (Connection.objects.count(), VendorIdentity.objects.count(), Member.objects.count()) == (1, 1, 1)
    assert "Signed in with Pipedrive." in second.get(answer.url).content.decode()


def test_once_two_systems_are_connected_everybody_lands_at_the_settings():
    sign_in(Client())
    connection = Connection.objects.get()
    integration = IntegrationFactory(tenant=connection.tenant, left=connection)

    answer = sign_in(Client(), **{"for": "login"})

    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    assert answer.url == reverse("portal:settings", kwargs=ids)


def test_a_new_consent_of_the_same_user_keeps_the_connection_alive(app):
    sign_in(Client())
    before = Connection.objects.get().credentials["refresh_token"]
    sign_in(Client(), **{"for": "login"})
    connection = Connection.objects.get()
    grants = app.state.pipedrive.grants

    assert connection.credentials["refresh_token"] != before
    assert [grant.refresh_token for grant in grants] == [connection.credentials["refresh_token"]]


def test_a_colleague_becomes_a_viewer_and_the_connection_keeps_its_tokens(app):
    sign_in(Client())
    before = Connection.objects.get().credentials
    ada = Client()

    answer = sign_in(ada, somebody(app))

    assert answer.url == start(Tenant.objects.get())
    assert Member.objects.get(user=who(ada)).role == Role.VIEWER
    assert Connection.objects.get().credentials == before


def test_somebody_removed_does_not_come_back_by_signing_in(app):
    sign_in(Client())
    ada = somebody(app)
    client = Client()
    sign_in(client, ada)
    Member.objects.get(user=who(client)).delete()

    answer = sign_in(Client(), ada)

    assert (answer.status_code, Member.objects.count()) == (403, 1)
    assert "not a member of the team that has ACME GmbH" in answer.content.decode()


@pytest.mark.chaos("H15")
def test_the_session_key_changes():
    client = Client()
    start = client.get(INSTALL).url
    before = client.session.session_key

    client.get(CALLBACK, consented(start))

    assert client.session.session_key != before


def refused(client, answer, status=400):
    assert answer.status_code == status
    assert "Try again" in answer.content.decode()
    assert who(client) is None
    assert (Tenant.objects.count(), Connection.objects.count()) == (0, 0)
    return answer.content.decode()


@pytest.mark.chaos("H9")
@pytest.mark.parametrize("state", ["", "forged", "ungültig"])
def test_a_forged_state_is_refused(state):
    client = Client()
    given = consented(client.get(INSTALL).url)

    refused(client, client.get(CALLBACK, {**given, "state": state}))
    refused(client, client.get(CALLBACK, given))  # the right one is gone too


@pytest.mark.chaos("H9")
def test_a_state_works_once():
    client = Client()
    given = consented(client.get(INSTALL).url)
    client.get(CALLBACK, given)
    client.logout()

    answer = client.get(CALLBACK, given)

    assert (answer.status_code, who(client), Tenant.objects.count()) == (400, None, 1)


def test_a_callback_is_not_repeated_while_signed_in():
    client = Client()
    given = consented(client.get(INSTALL).url)
    client.get(CALLBACK, given)

    assert client.get(CALLBACK, given).status_code == 400
    assert Tenant.objects.count() == 1


@pytest.mark.chaos("H9")
def test_the_state_of_another_browser_is_refused():
    mine, victim = Client(), Client()
    given = consented(mine.get(INSTALL).url)
    refused(victim, victim.get(CALLBACK, given))
    victim.get(INSTALL)  # one that waits for an answer of its own
    refused(victim, victim.get(CALLBACK, given))


def test_signing_in_as_another_person_meanwhile_ends_it():
    client = Client()
    given = consented(client.get(INSTALL).url)
    client.force_login(UserFactory())

    assert client.get(CALLBACK, given).status_code == 400
    assert not Tenant.objects.exists()


@pytest.mark.chaos("H9")
def test_a_state_expires_after_ten_minutes(monkeypatch):
    client = Client()
    given = consented(client.get(INSTALL).url)
    now = sign_in_state.time.time()
    monkeypatch.setattr(sign_in_state.time, "time", lambda: now + 601)

    assert "too long ago" in refused(client, client.get(CALLBACK, given))


@pytest.mark.chaos("H9")
def test_a_code_works_once(caplog):
    thief, client = Client(), Client()
    given = consented(client.get(INSTALL).url)
    oauth_login.exchange_code("pipedrive", given["code"], OAUTH_REDIRECT_URI)
    html = refused(client, client.get(CALLBACK, given))
    assert given["code"] not in html + caplog.text

    own = parse_qs(urlsplit(thief.get(INSTALL).url).query)["state"][0]  # a stolen code with a state of one's own
    refused(thief, thief.get(CALLBACK, {"code": given["code"], "state": own}))


def test_the_vendor_is_down(app):
    client = Client()
    given = consented(client.get(INSTALL).url)
    app.control("POST", "/misbehave", {"vendor": "pipedrive-oauth", "fail_next": [{"status": 502, "times": 5}]})

    refused(client, client.get(CALLBACK, given), 503)


@pytest.mark.chaos("H9")
def test_the_user_refuses():
    client = Client()
    given = consented(client.get(INSTALL).url, decision="deny")

    assert "did not agree" in refused(client, client.get(CALLBACK, given), 200)


def test_a_start_at_the_marketplace_goes_through_our_own_state():
    client = Client()

    answer = client.get(CALLBACK, {"code": "from-the-marketplace"})

    assert answer.url == INSTALL
    assert who(client) is None


@pytest.mark.chaos("H15")
@pytest.mark.parametrize(
    "next_path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_never_leaves_this_site(next_path):
    assert sign_in(Client(), next=next_path).url == start(Tenant.objects.get())


def test_next_is_kept():
    assert sign_in(Client(), next="/t/?a=1&b=2").url == "/t/?a=1&b=2"
    assert "next=/t/%3Fa%3D1" in Client().get("/login/?next=/t/?a=1").content.decode().replace("%2F", "/")


def test_the_address_of_an_existing_user_takes_nobody_over(app):
    staff = UserFactory(email="grace@acme.example", username="grace@acme.example", is_staff=True, is_superuser=True)
    for user in app.state.pipedrive.companies["acme"].users.values():
        user.email = staff.email
    client = Client()

    sign_in(client)

    assert who(client) not in (None, staff)
    assert not who(client).is_staff
    assert not staff.vendor_identities.exists()


def test_operators_do_not_sign_in_by_consent():
    client = Client()
    staff = UserFactory(is_staff=True)
    client.force_login(staff)

    assert sign_in(client).status_code == 403
    assert not VendorIdentity.objects.exists()

    VendorIdentity.objects.create(vendor="pipedrive", account_id="9001", vendor_user_id="9001001", user=staff)
    stranger = Client()
    assert sign_in(stranger).status_code == 403
    assert who(stranger) is None


def test_who_is_signed_in_keeps_their_user():
    client, user = Client(), UserFactory()
    client.force_login(user)

    sign_in(client)

    assert who(client) == user
    assert VendorIdentity.objects.get().user == user
    assert Member.objects.get().role == Role.OWNER


def test_an_identity_of_somebody_else_is_not_taken():
    sign_in(Client())
    other = Client()
    other.force_login(UserFactory())

    answer = sign_in(other)

    assert answer.status_code == 403
    assert "signed in as somebody else" in answer.content.decode()
    assert Member.objects.count() == 1


@pytest.mark.chaos("H9")
def test_a_second_tenant_cannot_claim_a_connected_account(app):
    sign_in(Client())
    Tenant.objects.update(name="The other customer")
    own = Connection.objects.get()
    member = MemberFactory()
    client = Client()
    client.force_login(member.user)

    answer = sign_in(client, somebody(app), tenant=str(member.tenant_id))

    own.refresh_from_db()
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "connected to another customer already" in html
    assert own.tenant.name not in html
    assert list(Connection.objects.all()) == [own]
    assert list(member.user.memberships.all()) == [member]


def test_an_owner_connects_for_their_tenant():
    member = MemberFactory()
    client = Client()
    client.force_login(member.user)

    answer = sign_in(client, tenant=str(member.tenant_id))

    assert answer.url == start(member.tenant)
    assert Connection.objects.get().tenant == member.tenant
    assert Tenant.objects.count() == 1


def test_an_owner_replaces_a_token_by_consent_and_a_mere_install_does_not():
    member = MemberFactory()
    connection = ConnectionFactory(tenant=member.tenant, external_account_id="9001")
    client = Client()
    client.force_login(member.user)

    sign_in(client)
    connection.refresh_from_db()
    assert connection.auth_kind == "api_token"

    sign_in(client, tenant=str(member.tenant_id))
    connection.refresh_from_db()
    assert (connection.auth_kind, connection.health, Connection.objects.count()) == ("oauth", Health.OK, 1)
    assert set(connection.credentials) == {"access_token", "refresh_token", "scope"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, None])
def test_only_owners_connect_for_a_tenant(role):
    member = MemberFactory(role=role or Role.OWNER)
    client = Client()
    client.force_login(member.user if role else UserFactory())

    assert client.get(INSTALL, {"tenant": str(member.tenant_id)}).status_code == 404
    assert client.get(INSTALL, {"tenant": "no-uuid"}).status_code == 404
    assert Client().get(INSTALL, {"tenant": str(member.tenant_id)}).status_code == 404


def test_an_inactive_tenant_is_not_entered(app):
    sign_in(Client())
    Tenant.objects.update(is_active=False)
    people = get_user_model().objects.count()

    own, colleague = Client(), Client()
    answer, others = sign_in(own), sign_in(colleague, somebody(app))

    assert (answer.status_code, others.status_code) == (403, 403)
    assert "switched off" in answer.content.decode()
    assert (who(own), who(colleague)) == (None, None)
    assert (Member.objects.count(), get_user_model().objects.count()) == (1, people)


def test_reinstalling_revives_the_old_connection_and_logging_in_does_not():
    sign_in(Client())
    old = Connection.objects.get()
    Connection.objects.update(health=Health.DISCONNECTED, credentials={})

    sign_in(Client(), **{"for": "login"})
    old.refresh_from_db()
    assert (old.health, old.credentials) == (Health.DISCONNECTED, {})

    sign_in(Client())
    old.refresh_from_db()
    assert (old.health, Connection.objects.count()) == (Health.OK, 1)
    assert old.credentials["refresh_token"]


def test_a_vendor_without_app_says_so(settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": "", "client_secret": ""}}
    answer = Client().get(INSTALL)
    assert answer.status_code == 404
    assert "PIPEDRIVE_CLIENT_ID" in answer.content.decode()
    for vendor in ("maileon", "nobody"):
        answer = Client().get(f"/install/{vendor}/")
        assert answer.status_code == 404
        assert "cannot be installed from here" in answer.content.decode()
    assert "Log in with" not in Client().get("/login/").content.decode()


def test_posting_does_nothing():
    assert Client().post(CALLBACK).status_code == 405
    assert Client().post(INSTALL).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_colleagues_at_once_make_one_tenant(app):
    tickets = []
    for account in (GRACE, somebody(app, is_admin=True)):
        code = consented(oauth_login.page_address("pipedrive", OAUTH_REDIRECT_URI, "s"), account)["code"]
        tickets.append(oauth_login.exchange_code("pipedrive", code, OAUTH_REDIRECT_URI))

    def enter(ticket):
        token, identity = ticket
        try:
            return accounts.arrive(accounts.SignInRequest("pipedrive"), identity, token).tenant.pk
        except accounts.Contested:  # the other was quicker: whether to look in or to claim is asked
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        arrived = set(pool.map(enter, tickets))

    assert arrived == {Tenant.objects.get().pk, None}
    assert Connection.objects.count() == 1
    assert list(Member.objects.values_list("role", flat=True)) == [Role.OWNER]


def test_an_identity_is_of_one_account():
    """The same user number at another company is somebody else."""
    sign_in(Client())
    token = oauth_login.exchange_code(
        "pipedrive",
        consented(oauth_login.page_address("pipedrive", OAUTH_REDIRECT_URI, "s"))["code"],
        OAUTH_REDIRECT_URI,
    )[0]
    other = Identity(Account("9002", "Other", administered=True), "9001001", "Mallory", "m@example.com")

    arrival = accounts.arrive(accounts.SignInRequest("pipedrive"), other, token)

    assert arrival.tenant.name == "Other"
    assert VendorIdentity.objects.values("user").distinct().count() == 2


# Removed at the vendor


def removed_by(user_id, *, company=9001, client=OAUTH_CLIENT_ID, secret=OAUTH_CLIENT_SECRET):
    """The call Pipedrive makes after a user uninstalled the app in its marketplace."""
    proof = base64.b64encode(f"{client}:{secret}".encode()).decode()
    body = {"client_id": client, "company_id": company, "user_id": user_id, "timestamp": "2026-11-20 10:00:00"}
    strict = Client(enforce_csrf_checks=True, headers={"Authorization": f"Basic {proof}"})
    return strict.delete(CALLBACK, json.dumps(body), content_type="application/json").status_code


def installed_by_consent(sandbox):
    """Grace installed it and connected Maileon; returns the integration, switched on."""
    sign_in(Client())
    left = Connection.objects.get()
    right = hub.connect(left.tenant, "maileon", f"{sandbox.url}/maileon/1.0", api_key=hub.MAILEON_KEY)
    row = Integration.objects.create(tenant=left.tenant, recipe="pipedrive_maileon", left=left, right=right)
    assert all(step.ok for step in provisioning.provision(row, get_recipe))
    return row


def test_the_app_is_removed_at_the_vendor_and_uninstalled_here(app):
    row = installed_by_consent(app)
    app.control("POST", "/misbehave", {"vendor": "pipedrive", "webhooks": {"hold": True}})
    app.control("POST", "/pipedrive/acme/uninstall", {})
    delivery = next(one for one in app.state.courier.held if one.event == "uninstall")

    answer = Client().generic(delivery.method, CALLBACK, delivery.body(1), headers=dict(delivery.headers))
    tasks.sweep()

    row.refresh_from_db()
    left, right = Connection.objects.get(vendor="pipedrive"), Connection.objects.get(vendor="maileon")
    assert answer.status_code == 200
    assert (row.state, left.health, right.health) == ("uninstalled", "disconnected", "disconnected")
    assert (left.credentials, right.credentials) == ({}, {})
    assert not app.state.maileon.accounts[501].webhooks
    assert all(step["ok"] for step in row.provisioning), row.provisioning


@pytest.mark.parametrize("company", ["9001\x00", "\ud800", "9" * 5000, {"id": 9001}, None])
def test_a_removal_with_odd_ids_is_answered(app, company):
    assert removed_by(1, company=company) == 200


def test_only_the_vendor_can_say_that_the_app_was_removed(app):
    installed_by_consent(app)

    assert removed_by(9001001, secret="guessed") == 401
    assert removed_by(9001001, client="another-app") == 401
    assert Client().delete(CALLBACK).status_code == 401
    assert Client().delete("/oauth/maileon/callback/").status_code == 404
    assert Connection.objects.get(vendor="pipedrive").health == Health.OK


def test_a_colleague_who_removes_the_app_for_himself_ends_nothing(app):
    row = installed_by_consent(app)

    assert removed_by(9001002) == 200
    assert removed_by(9001001, company=77) == 200
    tasks.sweep()

    row.refresh_from_db()
    assert row.state == "active"


def test_who_installs_again_before_the_sweep_goes_on(app):
    row = installed_by_consent(app)
    assert removed_by(9001001) == 200
    assert Connection.objects.get(vendor="pipedrive").health_reason == "app_removed"

    sign_in(Client())
    tasks.sweep()

    row.refresh_from_db()
    assert (row.state, Connection.objects.get(vendor="pipedrive").health) == ("active", Health.OK)


def test_a_refresh_never_overwrites_newer_consent(app, monkeypatch):
    sign_in(Client())
    connection = Connection.objects.get()
    oauth = tokens.oauth_of("pipedrive")
    refresh = oauth.refresh

    def meanwhile(*args):
        renewed = refresh(*args)
        other = Connection.objects.get()
        tokens.store(other, replace(renewed, access_token="newer-consent-0001", refresh_token="newer-refresh"))
        return renewed

    monkeypatch.setattr(oauth, "refresh", meanwhile)
    tokens.ensure_fresh(connection, force=True)

    assert connection.credentials["access_token"] == "newer-consent-0001"
    assert Connection.objects.get().credentials["refresh_token"] == "newer-refresh"


def test_a_call_that_is_refused_meanwhile_does_not_hide_the_removal(app):
    row = installed_by_consent(app)
    assert removed_by(9001001) == 200
    connection = Connection.objects.get(vendor="pipedrive")

    connection_health.mark(connection, Health.NEEDS_YOU, "credentials_refused", "401")
    assert connection.health_reason == "app_removed"
    connection_health.mark(connection, Health.OK)
    tasks.sweep()

    row.refresh_from_db()
    connection.refresh_from_db()
    assert (row.state, connection.health, connection.credentials) == ("uninstalled", "disconnected", {})


def test_who_lost_the_owner_role_meanwhile_connects_nothing():
    member = MemberFactory()
    client = Client()
    client.force_login(member.user)
    query = consented(client.get(INSTALL, {"tenant": str(member.tenant_id)}).url)
    Member.objects.update(role=Role.EDITOR)

    assert client.get(CALLBACK, query).status_code == 404

    assert not Connection.objects.exists()


def test_a_state_that_ended_without_a_consent_is_used_up_too():
    client = Client()
    given = consented(client.get(INSTALL).url)
    client.get(CALLBACK, {"state": given["state"], "error": "access_denied"})

    assert client.get(CALLBACK, given).status_code == 400
    assert not Tenant.objects.exists()


def test_an_editor_who_just_looks_in_changes_no_tokens(app):
    sign_in(Client())
    before = Connection.objects.get().credentials
    ada, account = Client(), somebody(app)
    sign_in(ada, account)
    Member.objects.filter(user=who(ada)).update(role=Role.EDITOR)

    sign_in(Client(), account)
    sign_in(Client(), account, **{"for": "login"})

    assert Connection.objects.get().credentials == before


def test_a_consent_at_one_vendor_is_none_at_another(settings):
    settings.OAUTH_APPS = {**settings.OAUTH_APPS, "hubspot": {"client_id": "x", "client_secret": "y"}}
    client = Client()
    given = consented(client.get(INSTALL).url)

    assert "too long ago, in another browser" in refused(client, client.get("/oauth/hubspot/callback/", given))


def test_a_switched_off_user_does_not_come_back_through_a_vendor():
    client = Client()
    sign_in(client)
    get_user_model().objects.update(is_active=False)
    again = Client()

    assert sign_in(again).status_code == 403
    assert who(again) is None
