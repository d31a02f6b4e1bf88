"""Texts that people read: their type, plain or translated when shown, and the language of what is stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.utils import translation

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise as StrOrPromise
else:
    StrOrPromise = str

english = partial(translation.override, "en")  # a context for what is stored: it has one language
