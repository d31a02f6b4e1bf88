"""Encryption at rest and keyed hashes. Keys come from settings; nothing here knows a model.

`LOCKSTEP_SECRET_KEYS` lists Fernet keys, newest first: the first encrypts, all decrypt, so a key can be rotated while
traffic runs. `LOCKSTEP_HASH_KEY` keys the hash that lets us find an e-mail address without storing it in a log.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from integration.addresses import normalise


class DecryptionFailed(Exception):
    """None of the configured keys opens this value. Put the old key back into LOCKSTEP_SECRET_KEYS and re-encrypt."""


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _current_box() -> MultiFernet:
    return _box(tuple(settings.LOCKSTEP_SECRET_KEYS))


def encrypt(text: str) -> str:
    """Encrypt with the newest key."""
    return _current_box().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt with whichever configured key fits. Raises DecryptionFailed."""
    try:
        return _current_box().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise DecryptionFailed("no configured key opens this value") from exc


def rotate(token: str) -> str:
    """Re-encrypt a stored value with the newest key. Raises DecryptionFailed."""
    try:
        return _current_box().rotate(token.encode()).decode()
    except InvalidToken as exc:
        raise DecryptionFailed("no configured key opens this value") from exc


def keyed_hash(text: str) -> str:
    """Return 32 hex digits that stand for `text` in logs and indexes; only our key can reproduce them."""
    # not hmac.digest: that gives other threads their turn, for two microseconds of work
    return hmac.new(settings.LOCKSTEP_HASH_KEY.encode(), text.encode(), "sha256").hexdigest()[:32]


def email_hash(address: str | None) -> str:
    """Return the keyed hash of a normalised e-mail address, or an empty string when there is none."""
    normal = normalise(address or "").lower()
    return keyed_hash(f"email:{normal}") if normal else ""
