"""Take secrets and addresses out of anything that is stored or shown: exchanges, the log, what people are told.

What was JSON stays JSON: a value is masked inside its quotes, and what holds nothing (null, yes, no) is left as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

MASK = "•••"

# What a key ends with, in any of the ways vendors write it: access_token, accessToken, X-Api-Key, http_auth_password.
_SECRET_ENDS = (
    "token", "secret", "password", "passwd", "authorization", "custom_value",
    "api_key", "api-key", "apikey", "access_key", "access-key", "accesskey", "private_key", "private-key", "privatekey",
    "auth_key", "auth-key", "authkey", "client_key", "secret_key", "signing_key", "webhook_key", "auth_code",
    "authorization_code", "credentials",
)  # fmt: skip
_SECRET_WORDS = ("key", "code", "pwd")  # secret as a whole key only: postal_code and field_key are not
_ENDS = "|".join(f"(?<={re.escape(end)})" for end in _SECRET_ENDS)
_WORDS = "|".join(f"(?<=[^a-z0-9_-]{word})|(?<=^{word})" for word in _SECRET_WORDS)
# A key is looked for where it ends: vendors' bodies have fewer of these characters than places where a word may begin.
# The escaped quotes are those of JSON inside a text of JSON.
_SECRET_PAIR = re.compile(
    rf'(?i)(?=[\s":=\\])(?:{_ENDS}|{_WORDS})'
    r'(?P<between>(?P<quote>\\*"?)\s*[:=]\s*)'
    r'(?:(?P<escaped>\\+")[^"\\]*(?P<end>\\+"|\Z)|"(?:[^"\\]|\\.)*(?P<closed>"|\\?\Z)'
    r"|(?P<nothing>(?:null|true|false|-?\d{1,4})(?![^\s,&}\]<]))"
    r"|(?P<several>\[[^\[\]]*(?:\]|\Z)|\{[^{}]*(?:\}|\Z))|[^\s,&\"}\]<\[{\\]+)"
)
# An element of XML, and a header or field that is told as a name beside its value.
_SECRET_ELEMENT = re.compile(rf"(?i)(?<=[a-z])(?=[\s>])(?:{_ENDS}|{_WORDS})([^<>]*>)[^<]+")
_SECRET_NAMED = re.compile(
    r'(?i)("(?:key|name|header)"\s*:\s*"[^"]*(?:token|secret|password|authorization|api.?key)[^"]*"\s*,\s*'
    r'"value"\s*:\s*")(?:[^"\\]|\\.)*'
)
_SCHEME = re.compile(r"(?i)\b(basic|bearer)(\s+|%20|\+)[a-z0-9+/=._~:%-]{8,}")
_USER = re.compile(r"(?i)(\b[a-z]{2,10}://)[^/\s:@\"'<>]*:[^/\s@\"'<>]+@")

# One sign of an address: plain, percent-encoded beyond ASCII, or escaped as in JSON.
_BEYOND = r"%[89a-f][0-9a-f]|\\u[0-9a-f]{4}"
_LOCAL = r"(?:[\w.+\-']|%(?!40)|\\u[0-9a-f]{4})"
_DOMAIN = rf"(?:[\w.\-]|{_BEYOND}){{1,400}}\.(?:xn--[a-z0-9\-]{{2,59}}|(?:[^\W\d_]|{_BEYOND}){{2,63}})"
_EMAIL = re.compile(rf"(?i)({_LOCAL})({_LOCAL}{{0,100}})(@|%40)({_DOMAIN})")


def redact_text(text: str, secrets: Iterable[str] = (), limit: int = 4000) -> str:
    """Mask the known `secrets`, anything that looks like one, and e-mail addresses. Cuts at `limit` characters.

    Known secrets go first, then the text is cut with room for what masking takes away: the cut must not make half a
    secret of one.
    """
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, MASK)
    text = text[: limit * 4]
    text = mask_addresses(mask_secrets(text))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def mask_secrets(text: str) -> str:
    """Mask whatever looks like a secret, leave addresses of people as they are."""
    text = _SCHEME.sub(rf"\1\2{MASK}", text)
    text = _USER.sub(rf"\1{MASK}@", text)
    text = _SECRET_NAMED.sub(rf"\1{MASK}", text)
    text = _SECRET_PAIR.sub(_masked_pair, text)
    if "</" in text:
        text = _SECRET_ELEMENT.sub(rf"\1{MASK}", text)
    return mask_hooks(text)


def _masked_pair(pair: re.Match[str]) -> str:
    """The pair with its value masked, in the quotes it had; in those of JSON where it had none and the key had some."""
    between = pair["between"]
    if pair["nothing"] is not None:
        return pair[0]
    if pair["escaped"] is not None:
        return f"{between}{pair['escaped']}{MASK}{pair['end']}"
    if pair["closed"] is not None:
        return f'{between}"{MASK}"' if pair["closed"] == '"' else f'{between}"{MASK}'
    quote = pair["quote"]
    return f"{between}{quote}{MASK}{quote}"


_SLASH = r"(?:/|%2f|\\+/)"
_HOOK = re.compile(rf"(?i)({_SLASH}(?:hooks{_SLASH}[a-z0-9_-]+|invite){_SLASH})(?:(?!%2f|%3f|%26|%22)[^/\s?\"'<>&\\])+")


def mask_hooks(text: str) -> str:
    """Mask the tokens of webhook and invitation addresses, also where an address stands inside of another one."""
    lower = text.lower()
    return _HOOK.sub(rf"\g<1>{MASK}", text) if "hooks" in lower or "invite" in lower else text


def mask_addresses(text: str) -> str:
    """Mask every e-mail address in a text, leave the rest as it is."""
    if "@" not in text and "%40" not in text:
        return text
    return _EMAIL.sub(rf"\1{MASK}\3\4", text)


class HookTokenFilter(logging.Filter):
    """Keep the tokens of webhook and invitation addresses out of every log line, also those Django itself writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; never drops a record."""
        message = record.getMessage()
        masked = mask_hooks(message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True
