"""Encryption at rest, rotation while traffic runs, keyed hashes."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database

from integration import secrets
from integration.models import Connection, WebhookEndpoint
from tests.support.factories import ConnectionFactory, EndpointFactory

CANARY = "canary-s3cret-0123456789"


def stored(model, field):
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {field} FROM {model._meta.db_table}")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
def test_credentials_are_encrypted_in_the_database():
    connection = ConnectionFactory(credentials={"api_key": CANARY})

    assert CANARY not in stored(Connection, "credentials")[0]
    assert Connection.objects.get(pk=connection.pk).credentials == {"api_key": CANARY}
    assert CANARY not in repr(connection.plain_credentials) + str(connection)


@pytest.mark.django_db
def test_a_key_is_rotated_and_the_old_one_dropped(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.LOCKSTEP_SECRET_KEYS = [old]
    ConnectionFactory(credentials={"api_key": CANARY})
    EndpointFactory(secret={"current": CANARY})
    settings.LOCKSTEP_SECRET_KEYS = [new, old]

    call_command("rotate_secrets")

    settings.LOCKSTEP_SECRET_KEYS = [new]
    assert Connection.objects.filter(vendor="pipedrive").first() is not None
    assert WebhookEndpoint.objects.get().secret == {"current": CANARY}


@pytest.mark.django_db
def test_rotation_says_when_a_value_fits_no_key(settings):
    settings.LOCKSTEP_SECRET_KEYS = [Fernet.generate_key().decode()]
    ConnectionFactory()
    settings.LOCKSTEP_SECRET_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="old key"):
        call_command("rotate_secrets")


def test_a_hash_needs_our_key_and_knows_no_case(settings):
    one = secrets.email_hash(" Ada@Example.com ")
    assert one == secrets.email_hash("ada@example.com")
    assert secrets.email_hash("") == ""
    settings.LOCKSTEP_HASH_KEY = "another"
    assert secrets.email_hash("ada@example.com") != one
