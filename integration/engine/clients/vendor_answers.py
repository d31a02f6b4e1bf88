"""What each call tells of its vendor: it answers, or it does not. Rows keep it, so that every page can say so.

A good answer is noted every few seconds at most; calls that bring none are rare and slow, so each of them is noted.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from integration.http import Exchange
from integration.models import Connection

log = logging.getLogger(__name__)

NOTED_EVERY = timedelta(seconds=10)
DOWN_AFTER = 2  # calls in a row without an answer
CLOCKS_AGREE = 5.0  # seconds
NO_SERVICE = (401, 403, 407, 408, 429)  # answers that say nothing of the service behind the door


def note(connection: Connection, exchange: Exchange) -> None:
    """Note what one call says. A record that is refused or absent is a good answer of the vendor all the same.

    A database that cannot take it spoils no call that the vendor has answered: the next one says it again.
    """
    try:
        if exchange.skew is not None:
            _told_the_time(connection, exchange.skew)
        if exchange.status == 0 or exchange.status >= 500:
            _unanswered(connection)
        elif exchange.status not in NO_SERVICE:
            _answered(connection)
    except DatabaseError:
        log.warning("The answer of connection %s was not noted.", connection.pk, exc_info=True)


def is_down(connection: Connection) -> bool:
    """Whether the vendor does not answer, or not with anything that can be used."""
    return connection.unanswered >= DOWN_AFTER or connection.failures >= DOWN_AFTER


def _told_the_time(connection: Connection, skew: float) -> None:
    """Note how far our clock is ahead of the vendor's. Seconds are within what an answer's Date can tell."""
    ahead = skew if abs(skew) >= CLOCKS_AGREE else 0.0
    if abs(ahead - connection.clock_ahead) >= CLOCKS_AGREE / 2:
        connection.clock_ahead = ahead
        with transaction.atomic():
            Connection.objects.filter(pk=connection.pk).update(clock_ahead=ahead)


def _unanswered(connection: Connection) -> None:
    now = timezone.now()
    connection.unanswered += 1
    connection.failing_since = connection.failing_since or now
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(
            unanswered=F("unanswered") + 1, failing_since=Coalesce("failing_since", now)
        )


def _answered(connection: Connection) -> None:
    """Note the time. Other processes may have counted failures since this row was read: they are over, too."""
    now, before = timezone.now(), connection.last_answer_at
    again = connection.unanswered > 0
    connection.unanswered = 0
    if again or before is None or now - before >= NOTED_EVERY:
        connection.last_answer_at = now
        # What it answers may still be of no use: `connection_health` says when such failures are over.
        over = Case(When(failures=0, then=Value(None)), default=F("failing_since"))
        with transaction.atomic():
            row = Connection.objects.filter(pk=connection.pk)
            row.update(last_answer_at=now, unanswered=0, failing_since=over)
