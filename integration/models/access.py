"""Second factors of people: one authenticator app each, with recovery codes."""

from __future__ import annotations

import secrets
import time
from base64 import b32encode
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.oath import TOTP

from integration.models.fields import EncryptedJSONField
from integration.secrets import keyed_hash
from tenants.personal import mask

if TYPE_CHECKING:

    class Throttling:
        """What django-otp's Device brings, for the type checker."""

        throttling_failure_count: models.PositiveIntegerField[int, int]

    class Device(models.Model):
        """Its columns."""

        user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
        user_id: int
        name = models.CharField(max_length=64)
        confirmed = models.BooleanField(default=True)
        created_at = models.DateTimeField(null=True)

        class Meta:
            abstract = True
else:
    from django_otp.models import Device, ThrottlingMixin, TimestampMixin

    class Throttling(TimestampMixin, ThrottlingMixin):
        """How many wrong codes there were since the last good one, and when both were."""

        class Meta:
            abstract = True


STEP = 30  # seconds a code lives
TOLERANCE = 1  # steps a clock may be off, either way
RECOVERY_CODES = 10
MOST_WRONG = 100  # codes since the last good one; three of a million are good at any time
ISSUER = "Lockstep"


def new_seed() -> dict[str, str]:
    """A fresh shared secret of 160 bits (RFC 4226 §4)."""
    return {"key": secrets.token_hex(20)}


class AuthenticatorApp(Throttling, Device):  # type: ignore[django-manager-missing]  # brought by django-otp
    """A user's authenticator app (RFC 6238). Its seed is encrypted; of recovery codes only hashes are kept.

    A code works once. Who guesses is stopped at the door, by place (`tenants.guessing`); here is counted how many wrong
    codes came since the last good one: after many, only a known device may still try codes, others a recovery code.
    A row is made by the first right code: until then the seed is in the session that saw it, and nowhere else.
    """

    seed = EncryptedJSONField(default=new_seed, editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False)
    recovery = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name = _("authenticator app")
        constraints = (models.UniqueConstraint(fields=("user",), name="one_authenticator_app_per_user"),)

    def __str__(self) -> str:
        return f"{self.name} of {mask(self.user.get_username())}"

    @property
    def secret(self) -> str:
        """The seed as people type it into an app."""
        return b32encode(bytes.fromhex(self.seed["key"])).decode()

    @property
    def address(self) -> str:
        """What the QR code says."""
        query = urlencode({"secret": self.secret, "issuer": ISSUER, "period": STEP})
        return f"otpauth://totp/{quote(ISSUER)}:{quote(self.user.get_username())}?{query}"

    @property
    def asks_for_recovery(self) -> bool:
        """Whether so many codes were guessed that an unknown device needs a recovery code, which nobody can guess."""
        return self.throttling_failure_count >= MOST_WRONG

    def verify_token(self, token: str, *, known_device: bool = False) -> bool:
        """Say whether this is the app's present code or an unused recovery code; it is used up by that.

        The try is counted before it is made, so that of many at once no more are made than may be.
        """
        typed = _typed(token)
        code = _is_code(typed)
        self._count()
        if code and self.throttling_failure_count > MOST_WRONG and not known_device:
            return False
        good = self._is_present_code(typed) if code else self._is_recovery_code(typed)
        if good:
            row = AuthenticatorApp.objects.filter(pk=self.pk)
            row.update(throttling_failure_count=0, throttling_failure_timestamp=None, last_used_at=timezone.now())
            self.refresh_from_db(fields=["throttling_failure_count", "throttling_failure_timestamp", "last_used_at"])
        return good

    def enrol(self, token: str) -> bool:
        """Save this new app if that is its present code. False too where the person has got one meanwhile."""
        typed = _typed(token)
        step = self._step_of(typed) if _is_code(typed) else None
        if step is None:
            return False
        self.last_step, self.confirmed = step, True
        try:
            with transaction.atomic():
                AuthenticatorApp.objects.filter(user_id=self.user_id, confirmed=False).delete()
                self.save(force_insert=True)
        except IntegrityError:
            return False
        return True

    def new_recovery_codes(self) -> list[str]:
        """Make new codes and forget the old ones. They are shown once."""
        codes = [f"{secrets.token_hex(3)}-{secrets.token_hex(3)}" for _ in range(RECOVERY_CODES)]
        self.recovery = [_hash(code) for code in codes]
        self.save(update_fields=["recovery"])
        return codes

    def get_throttle_factor(self) -> float:
        """No pause: it would keep the owner out as long as a stranger goes on guessing."""
        return 0.0

    def _count(self) -> None:
        """Count a try as a wrong one; who waits for the row sees the number that is its own."""
        with transaction.atomic():
            wrong = F("throttling_failure_count") + 1
            row = AuthenticatorApp.objects.filter(pk=self.pk)
            row.update(throttling_failure_count=wrong, throttling_failure_timestamp=timezone.now())
            self.refresh_from_db(fields=["throttling_failure_count", "throttling_failure_timestamp"])

    def _is_present_code(self, typed: str) -> bool:
        used = self._step_of(typed)
        if used is None:
            return False
        rows = AuthenticatorApp.objects.filter(pk=self.pk, last_step__lt=used)
        return bool(rows.update(last_step=used))  # one of two at the same time

    def _step_of(self, typed: str) -> int | None:
        """The step this code belongs to, when it is a present one that was not used yet."""
        if len(typed) > 8:
            return None
        totp = TOTP(bytes.fromhex(self.seed["key"]), STEP)
        totp.time = time.time()
        return int(totp.t()) if totp.verify(int(typed), TOLERANCE, self.last_step + 1) else None

    def _is_recovery_code(self, typed: str) -> bool:
        known: list[str] = self.recovery
        if _hash(typed) not in known:
            return False
        self.recovery = [code for code in known if code != _hash(typed)]
        rows = AuthenticatorApp.objects.filter(pk=self.pk, recovery=known)
        return bool(rows.update(recovery=self.recovery))


class BreakGlassUse(models.Model):
    """A session in which the break-glass account was used, although operators have an identity provider."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("use of the break-glass account")
        verbose_name_plural = _("uses of the break-glass account")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC"


def _typed(token: str) -> str:
    return "".join(token.split()).lower()


def _is_code(typed: str) -> bool:
    return typed.isascii() and typed.isdigit()


def _hash(code: str) -> str:
    return keyed_hash(f"recovery:{code}")
