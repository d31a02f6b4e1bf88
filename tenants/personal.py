"""Personal data is for those who may see it: everybody else gets the first letter of each value.

The console's middleware decides once per request. There is one function per kind of text; whoever shows something that
came from a vendor or is a person's asks the one that fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import overload

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from config.texts import StrOrPromise

PERMISSION = "integration.see_personal_data"
MASK = "•••"
HIDDEN = _("Hidden: your role does not see personal data.")
_hidden: ContextVar[bool] = ContextVar("personal_data_hidden", default=False)
_ID = re.compile(r"[A-Za-z0-9_.:-]*")
_OF_A_PERSON = re.compile(r".*(@|%40).*|\+?[\d\s()/.-]{7,}", re.DOTALL)


def may_see(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person sees personal data in the console."""
    return isinstance(user, PermissionsMixin | AnonymousUser) and user.has_perm(PERMISSION)


@contextmanager
def hidden(yes: bool) -> Iterator[None]:
    """Mask, or not, whatever is shown inside."""
    token = _hidden.set(yes)
    try:
        yield
    finally:
        _hidden.reset(token)


@overload
def mask(value: str) -> str: ...


@overload
def mask(value: JSONValue) -> JSONValue: ...


def mask(value: JSONValue) -> JSONValue:
    """A value of a record: texts keep their first letter, lists and objects their shape."""
    if not _hidden.get() or value in (None, "") or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {mask_key(str(key)): mask(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [mask(part) for part in value]
    return f"{value[:1]}{MASK}" if isinstance(value, str) else MASK


def mask_id(text: str) -> str:
    """An id or one word: left alone, unless it is an address, a phone number or anything else in words."""
    return text if not _hidden.get() or _ID.fullmatch(text) else f"{text[:1]}{MASK}"


def mask_key(text: str) -> str:
    """The name of a field: left alone, unless it is an address or a phone number."""
    return f"{text[:1]}{MASK}" if _hidden.get() and _OF_A_PERSON.fullmatch(text) else text


def mask_words(text: str, instead: StrOrPromise = HIDDEN) -> str:
    """A sentence that may quote a vendor or a person: not at all."""
    return str(instead) if _hidden.get() and text else text


def mask_path(path: str) -> str:
    """The path of a call: words and ids of it, and the names of what was asked, without the answers."""
    if not _hidden.get():
        return path
    way, mark, query = path.partition("?")
    asked = "&".join(f"{mask_id(pair.partition('=')[0])}={MASK}" for pair in query.split("&"))
    return "/".join(mask_id(part) for part in way.split("/")) + (f"?{asked}" if mark else "")


def mask_document(text: str) -> str:
    """A document: JSON with masked values, anything else not at all."""
    if not _hidden.get() or not text:
        return text
    try:
        return json.dumps(mask(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return str(HIDDEN)
