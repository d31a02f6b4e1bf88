"""Rows for tests."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone
from factory.django import DjangoModelFactory

from integration import models
from tenants.models import Member, Role, Tenant


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    name = factory.Sequence(lambda n: f"Tenant {n}")


class MemberFactory(DjangoModelFactory):
    class Meta:
        model = Member

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


class ConnectionFactory(DjangoModelFactory):
    class Meta:
        model = models.Connection

    tenant = factory.SubFactory(TenantFactory)
    vendor = "pipedrive"
    base_url = "https://acme.pipedrive.com"
    auth_kind = "api_token"
    credentials = factory.LazyFunction(lambda: {"api_token": "f" * 40})
    external_account_id = factory.Sequence(lambda n: str(9000 + n))
    account_name = "ACME"
    health = "ok"
    last_answer_at = factory.LazyFunction(timezone.now)


class IntegrationFactory(DjangoModelFactory):
    class Meta:
        model = models.Integration

    tenant = factory.SubFactory(TenantFactory)
    recipe = "pipedrive_maileon"
    left = factory.SubFactory(ConnectionFactory, tenant=factory.SelfAttribute("..tenant"))
    right = factory.SubFactory(
        ConnectionFactory,
        tenant=factory.SelfAttribute("..tenant"),
        vendor="maileon",
        base_url="https://api.maileon.com/1.0",
        auth_kind="api_key",
        credentials=factory.LazyFunction(lambda: {"api_key": "k" * 20}),
    )
    state = "active"
    resources = factory.LazyFunction(
        lambda: {
            "newsletter": "n" * 40, "newsletter_yes": "1", "newsletter_no": "2", "status": "s" * 40,
            "status_pending": "3", "status_confirmed": "4", "status_unsubscribed": "5",
        }
    )  # fmt: skip


class EndpointFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookEndpoint

    connection = factory.SubFactory(ConnectionFactory)
    secret = factory.LazyFunction(lambda: {"current": "lockstep:s3cret-of-this-endpoint"})


class EventFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookEvent

    connection = factory.SubFactory(ConnectionFactory)
    vendor_event = "person.change"
    object_type = "person"
    external_id = factory.Sequence(str)
    dedupe_key = factory.Sequence(lambda n: f"event-{n}")


class JobFactory(DjangoModelFactory):
    class Meta:
        model = models.SyncJob

    integration = factory.SubFactory(IntegrationFactory)
    flow = "person_to_contact"
    external_id = factory.Sequence(lambda number: str(10_000_000 + number))  # beside those tests name


class RunFactory(DjangoModelFactory):
    class Meta:
        model = models.SyncRun

    integration = factory.SubFactory(IntegrationFactory)
    kind = "fetch_all"
    flow = "person_to_contact"


class LinkFactory(DjangoModelFactory):
    class Meta:
        model = models.RecordLink

    integration = factory.SubFactory(IntegrationFactory)
    link_type = "person"
    source_id = factory.Sequence(str)


class DriftFactory(DjangoModelFactory):
    class Meta:
        model = models.Drift

    integration = factory.SubFactory(IntegrationFactory)
    flow = "person_to_contact"
    kind = "differs"
    source_id = factory.Sequence(str)
    target_id = factory.Sequence(str)
    field = "LASTNAME"
    ours = "Lovelace"
    theirs = "King"


class LogFactory(DjangoModelFactory):
    class Meta:
        model = models.SyncLog

    integration = factory.SubFactory(IntegrationFactory)
    flow = "person_to_contact"
    source_id = factory.Sequence(str)
    outcome = "synced"


class MappingFactory(DjangoModelFactory):
    class Meta:
        model = models.FieldMapping

    integration = factory.SubFactory(IntegrationFactory)
    flow = "person_to_contact"
    source = "x"
    target = "Y"


class CallFactory(DjangoModelFactory):
    class Meta:
        model = models.VendorCall

    connection = factory.SubFactory(ConnectionFactory)
    method = "GET"
    path = "/x"
    status = 200
    ms = 10
    at = factory.LazyFunction(timezone.now)


class SubscriptionFactory(DjangoModelFactory):
    class Meta:
        model = models.RemoteSubscription

    connection = factory.SubFactory(ConnectionFactory)
    event = "person.change"
    external_id = factory.Sequence(str)


class BudgetFactory(DjangoModelFactory):
    class Meta:
        model = models.RateBudget

    connection = factory.SubFactory(ConnectionFactory)
    window = "day"
    limit = 1000
    remaining = 1000
    resets_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))


class AlertFactory(DjangoModelFactory):
    class Meta:
        model = models.Alert

    kind = "worker"
    subject = "hub"
    what = "No worker is alive"


class ErasedAddressFactory(DjangoModelFactory):
    class Meta:
        model = models.ErasedAddress

    tenant = factory.SubFactory(TenantFactory)
    email_hash = factory.Sequence(lambda n: f"{n:032x}")
