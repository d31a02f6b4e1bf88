"""One writer per account, where the vendor wants it: two integrations that share such an account take turns.

Called when the runner takes an integration's lease. Vendors say so with `one_writer` (two upserts of one person at a
time end in an error at Planhat, planhat sheet §4).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q

from integration.connectors.registry import get_connector
from integration.engine.dispatch import leases
from integration.models import Connection, Integration


@contextmanager
def exclusive(integration_id: str) -> Iterator[bool]:
    """Say whether nobody else is writing to an account of this integration that wants one writer.

    Whoever asks at the same time for the same account waits until the block is left, so only one gets a yes.
    """
    wanting = _wanting(integration_id)
    if not wanting:
        yield True
        return
    with transaction.atomic():
        list(Connection.objects.select_for_update().filter(pk__in=wanting).order_by("pk"))
        others = Integration.objects.filter(Q(left__in=wanting) | Q(right__in=wanting), leases.held(leases.SYNC))
        yield not others.exclude(pk=integration_id).exists()


def _wanting(integration_id: str) -> list[uuid.UUID]:
    """The accounts of this integration that want one writer; asked for each slice, so without their credentials."""
    columns = ("left_id", "left__vendor", "right_id", "right__vendor")
    row = Integration.objects.filter(pk=integration_id).values_list(*columns).first()
    sides = ((row[0], row[1]), (row[2], row[3])) if row else ()
    return [key for key, vendor in sides if get_connector(vendor).one_writer]


def waiting(integration_id: str) -> list[str]:
    """The other integrations on such an account: whoever found us writing is to look again."""
    wanting = _wanting(integration_id)
    others = Integration.objects.filter(Q(left__in=wanting) | Q(right__in=wanting)).exclude(pk=integration_id)
    return [str(pk) for pk in others.values_list("pk", flat=True)] if wanting else []
