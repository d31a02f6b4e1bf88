"""Take secrets and addresses out of anything that is stored or shown: exchanges, the log, what people are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

MASK = "•••"

SECRET_KEYS = frozenset(
    "authorization x-api-token api_token access_token refresh_token client_secret http_auth_password password "
    "token secret code api_key apikey api-key key custom_value x-token".split()
)
# A key is looked for where it ends: vendors' bodies have fewer of these characters than places where a word may begin.
_SECRET_PAIR = re.compile(
    r'(?i)(?=[\s":=])(?:' + "|".join(f"(?<={re.escape(key)})" for key in sorted(SECRET_KEYS)) + ")"
    r'("?\s*[:=]\s*)("[^"]*(?:"|\Z)|[^\s,&"}<]+)'
)  # fmt: skip
_SCHEME = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~:-]{8,}")
_EMAIL = re.compile(r"([A-Za-z0-9._%+\-']{1,64})(@|%40)([A-Za-z0-9.\-]{1,253}\.[A-Za-z]{2,63})")


def redact_text(text: str, secrets: Iterable[str] = (), limit: int = 4000) -> str:
    """Mask the known `secrets`, anything that looks like one, and e-mail addresses. Cuts at `limit` characters.

    Known secrets go first, then the text is cut with room for what masking takes away: the cut must not make half a
    secret of one.
    """
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, MASK)
    text = text[: limit * 4]
    text = _SCHEME.sub(lambda match: f"{match.group(1)} {MASK}", text)
    text = _SECRET_PAIR.sub(lambda match: match.group(1) + MASK, text)
    text = mask_addresses(mask_hooks(text))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


_HOOK = re.compile(r"(/(?:hooks/[a-z0-9_-]+|invite)/)[^/\s?\"'<&]+")


def mask_hooks(text: str) -> str:
    """Mask the tokens of webhook and invitation addresses."""
    return _HOOK.sub(rf"\g<1>{MASK}", text) if "/hooks/" in text or "/invite/" in text else text


def mask_addresses(text: str) -> str:
    """Mask every e-mail address in a text, leave the rest as it is."""
    if "@" not in text and "%40" not in text:
        return text
    return _EMAIL.sub(lambda match: f"{match.group(1)[:1]}{MASK}{match.group(2)}{match.group(3)}", text)


class HookTokenFilter(logging.Filter):
    """Keep the tokens of webhook and invitation addresses out of every log line, also those Django itself writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; never drops a record."""
        message = record.getMessage()
        if "/hooks/" in message or "/invite/" in message:
            record.msg, record.args = mask_hooks(message), ()
        return True
