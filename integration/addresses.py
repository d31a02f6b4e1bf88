"""One normaliser of e-mail addresses: it repairs what is no valid syntax and never changes whom an address reaches.

Dots and plus tags of the local part stay: which of them a mailbox ignores is its provider's affair.
"""

from __future__ import annotations

import re
import unicodedata

import idna

SYNTAX = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,255}\.[^@\s,;<>\".]{2,63}")
PLAIN = re.compile(r"[A-Za-z0-9._%+'-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")  # what nothing has to be done to
# Providers under many endings (yahoo.co.uk, hotmail.fr), and others by their whole domain.
FREE_MAIL_BRANDS = frozenset(
    {"aol", "gmx", "hotmail", "live", "msn", "outlook", "protonmail", "yahoo", "yandex", "ymail"}
)
FREE_MAIL = frozenset(
    (
        "126.com 163.com arcor.de att.net bluewin.ch btinternet.com comcast.net cox.net fastmail.com free.fr "
        "freenet.de gmail.com googlemail.com hetnet.nl hey.com icloud.com inbox.lv interia.pl kpnmail.nl "
        "laposte.net libero.it mac.com mail.com mail.de mail.ru mailbox.org me.com naver.com neuf.fr o2.pl "
        "onet.pl online.de orange.fr outlook.com planet.nl pm.me posteo.de proton.me qq.com rediffmail.com "
        "seznam.cz sfr.fr sky.com skynet.be t-online.de telenet.be tiscali.it tuta.io tutanota.com "
        "verizon.net virgilio.it vodafone.de wanadoo.fr web.de wp.pl xs4all.nl ziggo.nl zoho.com "
    ).split()
)
INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})  # control and format characters: zero-width spaces, marks of direction
DOTS = re.compile(r"\.{2,}")


def normalise(text: str) -> str:
    """Return the address a person or a form meant: without invisible characters, `mailto:` and brackets around it.

    The domain is in lower case and ASCII (IDNA 2008, UTS 46), without doubled or outer dots. What is no address comes
    back as it is, without outer spaces.
    """
    if PLAIN.fullmatch(text):
        return text
    visible = "".join(char for char in text if unicodedata.category(char) not in INVISIBLE).strip()
    if visible[:7].lower() == "mailto:":
        visible = visible[7:].partition("?")[0].strip()
    if visible.startswith("<") and visible.endswith(">"):
        visible = visible[1:-1].strip()
    local, at, domain = visible.rpartition("@")
    if not at or not local:
        return visible
    return f"{local}@{_ascii_domain(domain)}"


def is_valid(address: str) -> bool:
    """Say whether a normalised address has the form of one that mail systems take."""
    return SYNTAX.fullmatch(address) is not None


def is_free_mail(domain: str) -> bool:
    """Say whether a domain belongs to a mail provider that gives addresses to anybody: it stands for no company."""
    plain = domain.lower()
    name, *endings = plain.split(".")
    is_ending = len(endings) == 1 or (len(endings) == 2 and endings[0] in ("co", "com"))
    return plain in FREE_MAIL or (name in FREE_MAIL_BRANDS and is_ending)


def _ascii_domain(domain: str) -> str:
    plain = DOTS.sub(".", domain.strip().replace("。", ".")).strip(".").lower()
    if plain.isascii():
        return plain
    try:
        return idna.encode(plain, uts46=True).decode()
    except idna.IDNAError:
        return plain
