"""Encrypted values: sealed at rest, never in a dump, and never destroyed by saving what no key opens."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection as database

from integration.models import Connection
from integration.models.fields import UnreadableSecret
from integration.secrets import DecryptionFailed
from tests.support.factories import ConnectionFactory

pytestmark = pytest.mark.django_db
TOKEN = "f" * 40


def stored(row):
    with database.cursor() as cursor:
        key = row.pk.hex if database.vendor == "sqlite" else str(row.pk)
        cursor.execute("SELECT credentials FROM integration_connection WHERE id = %s", [key])
        return str(cursor.fetchone()[0])


def test_credentials_are_sealed_in_the_database_and_missing_in_a_dump():
    row = ConnectionFactory(credentials={"api_token": TOKEN})

    assert Connection.objects.get().credentials == {"api_token": TOKEN}
    assert TOKEN not in stored(row)
    assert TOKEN not in serializers.serialize("json", [Connection.objects.get()])


def test_a_secret_no_key_opens_keeps_nobody_from_loading_and_is_not_destroyed_by_a_save(settings):
    row = ConnectionFactory(credentials={"api_token": TOKEN})
    before, keys = stored(row), settings.LOCKSTEP_SECRET_KEYS
    settings.LOCKSTEP_SECRET_KEYS = [Fernet.generate_key().decode()]

    try:
        found = list(Connection.objects.all())
    except DecryptionFailed:
        pytest.fail("one unreadable secret stops all others")
    assert isinstance(found[0].credentials, UnreadableSecret)
    found[0].account_name = "Renamed"
    found[0].save()

    assert stored(row) == before
    settings.LOCKSTEP_SECRET_KEYS = keys
    assert Connection.objects.get().credentials == {"api_token": TOKEN}
