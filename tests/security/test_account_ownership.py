"""Whose account is it? Answered by the vendor's proof of the present, never by what somebody left behind here."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.alerts import watch
from integration.engine.setup import account_claims, lifecycle
from integration.models import AccountClaim, ClaimState, Connection, Health, Integration
from integration.recipes.registry import get_recipe
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tenants.models import Member, Role, Tenant, VendorIdentity
from tests.support import hub
from tests.support.factories import ConnectionFactory, MemberFactory, TenantFactory, UserFactory
from tests.support.oauth import sign_in, who

pytestmark = pytest.mark.django_db
ACCOUNT = "9001"


@pytest.fixture(autouse=True)
def app(sandbox, settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}
    return sandbox


def colleague(sandbox, **rights):
    """Somebody else of ACME at Pipedrive: their account for the consent page, and their API token."""
    made = sandbox.control("POST", "/pipedrive/acme/users", {"name": "Ada", "email": "ada@acme.example", **rights})
    return f"acme:{made['id']}", made["api_token"]


def by_token(sandbox, tenant, token):
    """The tenant has ACME's account by an API token of some user there."""
    return hub.connect(tenant, "pipedrive", f"{sandbox.url}/pipedrive/acme", api_token=token)


def stranger(sandbox, role=Role.OWNER):
    """A tenant that has nothing to do with ACME, with its member, and ACME's account by an ordinary user's token."""
    member = MemberFactory(role=role)
    _, token = colleague(sandbox)
    return member, by_token(sandbox, member.tenant, token)


def words_of(client, answer):
    return client.get(answer.url).content.decode() if answer.status_code == 302 else answer.content.decode()


# What others left behind


def test_a_disconnected_connection_of_a_stranger_does_not_capture_the_administrator(app):
    """An ordinary user's token connects ACME in a stranger's tenant and uninstalls; then ACME's administrator comes."""
    member, connection = stranger(app)
    right = hub.connect(member.tenant, "maileon", f"{app.url}/maileon/1.0", api_key=hub.MAILEON_KEY)
    row = Integration.objects.create(tenant=member.tenant, recipe="pipedrive_maileon", left=connection, right=right)
    lifecycle.uninstall(row, get_recipe)
    client = Client()

    sign_in(client)

    connection.refresh_from_db()
    own = Member.objects.get(user=who(client))
    assert (own.role, own.tenant != member.tenant) == (Role.OWNER, True)
    assert (connection.health, connection.credentials) == (Health.DISCONNECTED, {})
    assert Connection.objects.get(tenant=own.tenant).external_account_id == ACCOUNT


def test_a_living_connection_by_token_does_not_keep_the_administrator_out(app):
    member, connection = stranger(app)
    before = dict(connection.credentials)
    client = Client()

    sign_in(client)

    connection.refresh_from_db()
    own = Member.objects.get(user=who(client))
    assert (own.role, own.tenant != member.tenant) == (Role.OWNER, True)
    assert (connection.health, connection.credentials) == (Health.OK, before)


def test_an_owner_who_administers_the_account_connects_it_although_a_stranger_has_it_by_token(app):
    _, connection = stranger(app)
    owner = MemberFactory()
    client = Client()
    client.force_login(owner.user)

    sign_in(client, tenant=str(owner.tenant_id))

    own = Connection.objects.get(tenant=owner.tenant)
    connection.refresh_from_db()
    assert (own.external_account_id, own.administered, own.auth_kind) == (ACCOUNT, True, "oauth")
    assert connection.health == Health.OK


def test_an_administrator_who_was_made_a_viewer_by_a_stranger_still_gets_a_tenant_of_their_own(app):
    member, connection = stranger(app)
    grace = UserFactory()
    MemberFactory(tenant=member.tenant, user=grace, role=Role.VIEWER)
    client = Client()
    client.force_login(grace)

    sign_in(client)

    connection.refresh_from_db()
    assert Member.objects.get(user=grace, role=Role.OWNER).tenant != member.tenant
    assert connection.auth_kind == "api_token"


@pytest.mark.parametrize("health", [Health.DISCONNECTED, Health.NEEDS_YOU])
def test_a_viewer_revives_nothing_with_their_own_consent(app, health):
    """A colleague looks in while the connection is broken or was given up: their tokens stay out of it."""
    sign_in(Client())
    ada, _ = colleague(app)
    client = Client()
    sign_in(client, ada)
    reason = "credentials_refused" if health == Health.NEEDS_YOU else ""
    Connection.objects.update(health=health, health_reason=reason, credentials={})

    sign_in(client, ada)

    assert Connection.objects.get().credentials == {}
    assert Member.objects.get(user=who(client)).role == Role.VIEWER


# Tenants that nobody owns yet


def test_an_ordinary_user_does_not_become_owner_of_a_tenant_an_operator_prepared(app):
    tenant = TenantFactory()
    _, token = colleague(app)
    by_token(app, tenant, token)
    ada, _ = colleague(app)
    client = Client()

    answer = sign_in(client, ada)

    assert answer.status_code == 403
    assert "does not say that you are an administrator of ACME GmbH" in words_of(client, answer)
    assert not Member.objects.exists()
    assert who(client) is None


def test_who_merely_signs_in_makes_no_tenant_and_connects_nothing(app):
    client = Client()

    answer = sign_in(client, **{"for": "login"})

    assert answer.status_code == 403
    html = words_of(client, answer)
    assert "ACME GmbH is not connected to Lockstep yet" in html
    assert 'href="/install/pipedrive/?for=install">Connect it</a>' in html
    assert (Tenant.objects.count(), Connection.objects.count(), Member.objects.count()) == (0, 0, 0)

    ada, _ = colleague(app)
    html = words_of(client, sign_in(client, ada, **{"for": "login"}))
    assert "An administrator of ACME GmbH installs it first" in html
    assert "Connect it" not in html


@pytest.mark.parametrize("rights", [{}, {"admin_of": ["sales"]}, {"admin_of": ["sales", "global"]}])
def test_an_ordinary_user_installs_nothing(app, rights):
    """To administer deals is not to administer the company."""
    ada, _ = colleague(app, **rights)
    client = Client()

    answer = sign_in(client, ada)

    assert answer.status_code == 403
    assert (Tenant.objects.count(), Connection.objects.count()) == (0, 0)


def test_an_invited_owner_connects_with_the_consent_of_an_ordinary_user(app):
    owner = MemberFactory()
    ada, _ = colleague(app)
    client = Client()
    client.force_login(owner.user)

    sign_in(client, ada, tenant=str(owner.tenant_id))

    own = Connection.objects.get(tenant=owner.tenant)
    assert (own.health, own.administered) == (Health.OK, False)


def test_the_consent_of_an_ordinary_user_draws_no_colleague_in(app):
    """Their connection decides nothing for others: neither colleagues nor administrators land in that tenant."""
    owner = MemberFactory()
    ada, _ = colleague(app)
    first = Client()
    first.force_login(owner.user)
    sign_in(first, ada, tenant=str(owner.tenant_id))
    other, _ = colleague(app)

    assert sign_in(Client(), other).status_code == 403
    administrator = Client()
    sign_in(administrator)

    assert set(Member.objects.filter(tenant=owner.tenant).values_list("user", flat=True)) == {owner.user_id}
    assert Member.objects.get(user=who(administrator)).role == Role.OWNER


# What is proven now


def test_a_consent_that_is_over_at_the_vendor_decides_nothing(app):
    """We noted an administrator's consent; meanwhile the vendor ended it, and nobody told us."""
    sign_in(Client())
    old = Connection.objects.get()
    ada, _ = colleague(app, is_admin=True)
    app.state.pipedrive.grants.clear()
    client = Client()

    assert sign_in(client, ada).status_code == 302

    old.refresh_from_db()
    own = Member.objects.get(user=who(client))
    assert old.health == Health.NEEDS_YOU
    assert (own.role, own.tenant != old.tenant) == (Role.OWNER, True)


def test_who_is_no_administrator_any_more_decides_nothing(app):
    sign_in(Client())
    old = Connection.objects.get()
    app.control("PATCH", "/pipedrive/acme/users/9001001", {"is_admin": False})
    ada, _ = colleague(app)

    answer = sign_in(Client(), ada)

    old.refresh_from_db()
    assert (answer.status_code, old.administered, old.health) == (403, False, Health.OK)


def test_a_consent_that_is_older_than_the_question_counts_until_the_vendor_is_asked(app):
    sign_in(Client())
    Connection.objects.update(administered=None)
    ada, _ = colleague(app)
    client = Client()

    assert sign_in(client, ada, **{"for": "login"}).status_code == 302

    assert Connection.objects.get().administered is True
    assert Member.objects.get(user=who(client)).role == Role.VIEWER


def test_a_team_that_an_administrator_left_gets_none_of_their_new_consent(app):
    """They removed the app at the vendor and install again, for themselves."""
    sign_in(Client())
    left, boss = Connection.objects.get(), UserFactory()
    MemberFactory(tenant=left.tenant, user=boss, role=Role.OWNER)
    Member.objects.exclude(user=boss).delete()
    Connection.objects.update(health=Health.NEEDS_YOU, health_reason="app_removed", credentials={})
    client = Client()

    sign_in(client)

    left.refresh_from_db()
    assert (left.health_reason, left.credentials) == ("app_removed", {})
    assert Member.objects.get(user=who(client)).role == Role.OWNER
    assert Connection.objects.exclude(pk=left.pk).get().health == Health.OK


def test_new_tokens_of_somebody_who_left_stay_out_of_the_team(app):
    sign_in(Client())
    left, boss = Connection.objects.get(), UserFactory()
    MemberFactory(tenant=left.tenant, user=boss, role=Role.OWNER)
    Member.objects.exclude(user=boss).delete()
    before = dict(left.credentials)

    sign_in(Client())

    left.refresh_from_db()
    assert left.credentials == before


def test_a_consent_at_one_vendor_renews_nothing_at_another(app):
    """Numbers of accounts and users are each vendor's own: the same ones at another are somebody else's."""
    sign_in(Client())
    own = Connection.objects.get()
    VendorIdentity.objects.create(
        vendor="hubspot", account_id=ACCOUNT, vendor_user_id=own.consent_user_id, user=Member.objects.get().user
    )
    other = ConnectionFactory(
        tenant=own.tenant, vendor="hubspot", auth_kind="oauth", external_account_id=ACCOUNT,
        consent_user_id=own.consent_user_id, credentials={"access_token": "hubspot's own"},
    )  # fmt: skip

    sign_in(Client())

    other.refresh_from_db()
    assert other.credentials == {"access_token": "hubspot's own"}


def test_a_connection_that_went_over_to_a_token_decides_nothing_any_more(app):
    sign_in(Client())
    row = Connection.objects.get()
    ada, row.credentials["api_token"] = colleague(app, is_admin=True)
    row.auth_kind = "api_token"
    row.save()
    client = Client()

    assert sign_in(client, ada).status_code == 302

    assert Member.objects.get(user=who(client)).role == Role.OWNER


def test_the_consent_of_somebody_who_left_the_team_keeps_nobody_out(app):
    sign_in(Client())
    left, boss = Connection.objects.get(), UserFactory()
    MemberFactory(tenant=left.tenant, user=boss, role=Role.OWNER)
    Member.objects.exclude(user=boss).delete()
    ada, _ = colleague(app, is_admin=True)
    client = Client()

    sign_in(client, ada)

    assert Member.objects.get(user=who(client)).role == Role.OWNER


def test_the_rule_for_a_tenant_holds_without_naming_it_as_well(app):
    """An ordinary user's own connection is broken; meanwhile the administrator has the account."""
    member, connection = stranger(app)
    Connection.objects.update(health=Health.NEEDS_YOU, health_reason="credentials_refused")
    sign_in(Client())
    ada, _ = colleague(app)
    client = Client()
    client.force_login(member.user)

    assert sign_in(client, ada).status_code == 403
    assert sign_in(client, ada, tenant=str(member.tenant_id)).status_code == 403
    connection.refresh_from_db()
    assert (connection.health, connection.auth_kind) == (Health.NEEDS_YOU, "api_token")


def test_whoever_installs_again_comes_back_to_their_own_tenant(app):
    member, _ = stranger(app)
    grace = UserFactory()
    MemberFactory(tenant=member.tenant, user=grace, role=Role.VIEWER)
    client = Client()
    client.force_login(grace)
    sign_in(client)
    own = Member.objects.get(user=grace, role=Role.OWNER).tenant
    Connection.objects.filter(tenant=own).update(health=Health.DISCONNECTED, credentials={})

    sign_in(client)

    assert Connection.objects.get(tenant=own).health == Health.OK
    assert Member.objects.filter(user=grace, role=Role.OWNER).count() == 1


# Claims


def test_another_administrator_chooses_between_looking_in_and_claiming(app):
    sign_in(Client())
    ada, _ = colleague(app, is_admin=True)
    client = Client()

    html = sign_in(client, ada).content.decode()

    assert "Another administrator has connected ACME GmbH to Lockstep" in html
    assert "Claim this account" in html
    assert 'href="/install/pipedrive/?for=login">Sign in</a>' in html
    sign_in(client, ada, **{"for": "login"})
    assert Member.objects.get(user=who(client)).role == Role.VIEWER


def test_a_team_that_is_switched_off_is_not_named_and_can_be_claimed_from(app):
    sign_in(Client())
    Tenant.objects.update(is_active=False, name="The other customer")
    ada, _ = colleague(app, is_admin=True)

    html = sign_in(Client(), ada).content.decode()

    assert "Claim this account" in html
    assert "The other customer" not in html


def test_both_sides_are_told_when_an_administrator_connects_what_a_stranger_holds(app):
    member, _ = stranger(app)
    client, theirs = Client(), Client()
    theirs.force_login(member.user)

    sign_in(client)

    claim = AccountClaim.objects.get()
    overview = f"/t/{claim.tenant_id}/team/"
    assert claim.state == ClaimState.CONNECTED
    assert "is connected to another customer too" in client.get(overview).content.decode()
    told = theirs.get(f"/t/{member.tenant_id}/team/").content.decode()
    assert "Grace Hopper, whom Pipedrive names as an administrator of ACME GmbH, connected this account" in told


def contested(app):
    """ACME has it by its administrator's consent; a second administrator wants it for another tenant."""
    sign_in(Client())
    ada, _ = colleague(app, is_admin=True)
    owner = MemberFactory()
    client = Client()
    client.force_login(owner.user)
    return client, owner, ada, sign_in(client, ada, tenant=str(owner.tenant_id))


def test_a_contested_account_waits_for_an_operator(app):
    client, owner, _, answer = contested(app)
    html = answer.content.decode()
    assert (answer.status_code, AccountClaim.objects.count()) == (403, 0)
    assert "Claim this account" in html
    assert not Connection.objects.filter(tenant=owner.tenant).exists()

    asked = client.post("/claim/")

    claim = AccountClaim.objects.get()
    assert (asked.status_code, claim.state, claim.tenant) == (200, ClaimState.OPEN, owner.tenant)
    assert [alert.subject for alert in watch.claim(get_recipe, claim.made_at)] == [f"claim:{claim.pk}"]
    assert client.post("/claim/").status_code == 400
    assert "asks to connect this account" in holder_reads()


def holder_reads():
    holder = Member.objects.get(tenant=Connection.objects.order_by("created_at")[0].tenant, role=Role.OWNER)
    client = Client()
    client.force_login(holder.user)
    return client.get(f"/t/{holder.tenant_id}/team/").content.decode()


@pytest.mark.parametrize(("button", "state", "status"), [("grant", "granted", 302), ("refuse", "refused", 403)])
def test_an_operator_decides(app, button, state, status):
    client, owner, ada, _ = contested(app)
    client.post("/claim/")
    claim = AccountClaim.objects.get()
    operator = Client()
    operator.force_login(UserFactory(is_staff=True, is_superuser=True))
    address = reverse(f"admin:integration_accountclaim_{button}", args=[claim.pk])
    assert claim.account_name in operator.get(address).content.decode()

    operator.post(address, {"confirmed": "yes"})

    claim.refresh_from_db()
    answer = sign_in(client, ada, tenant=str(owner.tenant_id))
    assert (claim.state, claim.decided_at is not None) == (state, True)
    assert (answer.status_code, Connection.objects.filter(tenant=owner.tenant).exists()) == (status, status == 302)


def granted(app):
    client, owner, ada, _ = contested(app)
    client.post("/claim/")
    account_claims.decide(AccountClaim.objects.get(), ClaimState.GRANTED, None)
    return client, owner, ada


def test_a_grant_is_good_for_one_connection_of_one_tenant(app):
    client, owner, ada = granted(app)
    other = MemberFactory(user=owner.user).tenant
    assert sign_in(client, ada, tenant=str(other.pk)).status_code == 403
    assert sign_in(client, ada, tenant=str(owner.tenant_id)).status_code == 302
    Connection.objects.filter(tenant=owner.tenant).update(health=Health.DISCONNECTED, credentials={})

    assert sign_in(client, ada, tenant=str(owner.tenant_id)).status_code == 403
    assert AccountClaim.objects.get().state == ClaimState.CONNECTED


def test_a_grant_is_for_an_administrator_within_seven_days_and_can_be_taken_back(app):
    client, owner, ada = granted(app)
    claim, wish = AccountClaim.objects.get(), {"tenant": str(owner.tenant_id)}
    app.control("PATCH", f"/pipedrive/acme/users/{ada.partition(':')[2]}", {"is_admin": False})
    assert sign_in(client, ada, **wish).status_code == 403
    app.control("PATCH", f"/pipedrive/acme/users/{ada.partition(':')[2]}", {"is_admin": True})
    AccountClaim.objects.update(decided_at=timezone.now() - timedelta(days=8))
    assert sign_in(client, ada, **wish).status_code == 403
    AccountClaim.objects.update(decided_at=timezone.now())
    assert account_claims.decide(claim, ClaimState.REFUSED, None)

    assert sign_in(client, ada, **wish).status_code == 403
    assert not Connection.objects.filter(tenant=owner.tenant).exists()


def test_no_number_of_claims_to_other_accounts_hides_one_to_ours(app):
    client, *_ = contested(app)
    client.post("/claim/")
    user = UserFactory()
    for number in range(60):
        AccountClaim.objects.create(
            vendor="pipedrive", account_id=f"x{number}", account_name="X", user=user, state=ClaimState.CONNECTED
        )

    assert "asks to connect this account" in holder_reads()


def test_an_ordinary_user_can_claim_nothing(app):
    sign_in(Client())
    ada, _ = colleague(app)
    owner = MemberFactory()
    client = Client()
    client.force_login(owner.user)

    answer = sign_in(client, ada, tenant=str(owner.tenant_id))

    assert answer.status_code == 403
    assert "Claim this account" not in answer.content.decode()
    assert (client.post("/claim/").status_code, AccountClaim.objects.count()) == (400, 0)


def test_an_administrator_whom_the_team_removed_can_ask_for_the_account(app):
    sign_in(Client())
    ada, _ = colleague(app, is_admin=True)
    client = Client()
    sign_in(client, ada, **{"for": "login"})
    Member.objects.get(user=who(client)).delete()
    stranger_again = Client()

    answer = sign_in(stranger_again, ada)

    assert answer.status_code == 403
    assert stranger_again.post("/claim/").status_code == 200
    assert AccountClaim.objects.get().tenant is None


def test_an_offer_to_claim_is_good_for_ten_minutes(app, monkeypatch):
    client, *_ = contested(app)
    offered = {**client.session["claim"]}
    session = client.session
    session["claim"] = {**offered, "until": offered["until"] - 601}
    session.save()

    assert client.post("/claim/").status_code == 400
    assert not AccountClaim.objects.exists()
