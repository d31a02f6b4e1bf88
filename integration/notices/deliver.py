"""Send the notices that are due. Each is a row: what fails is tried again with growing pauses, for a day.

Bounded in time, so that a mail server that hangs keeps one worker for a moment and never the sync.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.utils import timezone

from integration import retry
from integration.engine.alerts.ledger import owners
from integration.engine.flow.recipe import Recipes
from integration.errors import TransientError
from integration.models import AlertNotice, Channel, NoticeState
from integration.notices import outgoing
from integration.notices.text import mail_text
from integration.redact import redact_text

log = logging.getLogger(__name__)

AT_ONCE = 100
TIME = 40.0  # seconds for one round
ONE_MAIL_ONLY = (SMTPRecipientsRefused, SMTPDataError, SMTPSenderRefused)  # the server works, this mail does not


def deliver(recipes: Recipes) -> int:
    """Send what is due. Returns how many were sent. Never raises because of a receiver."""
    deadline = time.monotonic() + TIME
    due = AlertNotice.objects.filter(state=NoticeState.WAITING, next_attempt_at__lte=timezone.now())
    rows = due.select_related("alert__tenant", "alert__integration", "alert__connection__tenant")
    broken: set[Callable[[AlertNotice], None]] = set()
    mail = partial(_mail, recipes)
    sent = 0
    for notice in rows.defer("alert__connection__credentials").order_by("next_attempt_at", "id")[:AT_ONCE]:
        send = outgoing.post if notice.channel == Channel.WEBHOOK else mail
        if time.monotonic() > deadline or send in broken or not _claim(notice):
            continue
        try:
            send(notice)
        except Exception as exc:
            if isinstance(exc, OSError | TransientError) and not isinstance(exc, ONE_MAIL_ONLY):
                broken.add(send)  # the others would wait for the same timeout
            _failed(notice, exc)
        else:
            sent += 1
            AlertNotice.objects.filter(pk=notice.pk).update(state=NoticeState.SENT, sent_at=timezone.now(), problem="")
    return sent


def _claim(notice: AlertNotice) -> bool:
    """Count the try before it is made; another process that was quicker has it."""
    pause = retry.next_delay(retry.NOTICE, notice.attempts + 1)
    mine = AlertNotice.objects.filter(pk=notice.pk, state=NoticeState.WAITING, attempts=notice.attempts)
    return bool(mine.update(attempts=F("attempts") + 1, next_attempt_at=timezone.now() + timedelta(seconds=pause)))


def _failed(notice: AlertNotice, exc: Exception) -> None:
    text = getattr(exc, "public", "") or f"{type(exc).__name__}: {exc}"
    problem = redact_text(text, (settings.ALERT_WEBHOOK_URL,), limit=250)
    given_up = timezone.now() - notice.created_at > timedelta(seconds=retry.NOTICE_LIFETIME)
    state = NoticeState.GIVEN_UP if given_up else NoticeState.WAITING
    AlertNotice.objects.filter(pk=notice.pk).update(state=state, problem=problem)
    log.warning("Notice %s (%s) could not be sent: %s", notice.pk, notice.channel, problem)


def _mail(recipes: Recipes, notice: AlertNotice) -> None:
    """One mail; owners do not see each other's addresses."""
    to_owners = notice.channel == Channel.OWNERS
    subject, plain, html = mail_text(notice, recipes, to_owners=to_owners)
    addresses = owners(notice.alert) if to_owners else list(settings.ALERT_EMAILS)
    if not addresses:
        return
    if to_owners:
        mail = EmailMultiAlternatives(subject, plain, bcc=addresses)
    else:
        mail = EmailMultiAlternatives(subject, plain, to=addresses)
    mail.extra_headers = {"Auto-Submitted": "auto-generated"}
    mail.attach_alternative(html, "text/html")
    mail.send()
