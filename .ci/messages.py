"""Collect the marked texts into locale/django.pot, bring the catalogues of all languages up to date and compile them.

Babel reads Python; Django's own `templatize` turns a template into what Babel reads. GNU gettext is not needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
PROGRAMS = ("config", "tenants", "integration")
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2)}
COMMENTS = ("Translators:",)


def main(locale: Path) -> int:
    """Write the template, then each language's catalogue; say how many texts there are."""
    template = collected()
    locale.mkdir(exist_ok=True)
    _write(template, locale / "django.pot")
    for path in sorted(locale.glob("*/LC_MESSAGES/django.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.parts[-3])
        catalogue.update(template, no_fuzzy_matching=True)
        _write(catalogue, path)
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
    print(f"{len(template)} texts")  # noqa: T201
    return 0


def collected() -> Catalog:
    """Every marked text of the programs, with the files it stands in."""
    catalogue = Catalog(project="Lockstep", charset="utf-8")
    for path in _sources():
        name = path.relative_to(ROOT).as_posix()
        for _line, text, comments, _context in extract("python", _readable(path), KEYWORDS, COMMENTS):
            catalogue.add(text, locations=[(name, None)], auto_comments=comments)
    return catalogue


def _sources() -> Iterator[Path]:
    for program in PROGRAMS:
        for ending in ("py", "html", "txt"):
            yield from sorted(path for path in (ROOT / program).rglob(f"*.{ending}") if "migrations" not in path.parts)


def _readable(path: Path) -> BytesIO:
    if path.suffix == ".py":
        return BytesIO(path.read_bytes())
    from django.utils.translation.template import templatize  # noqa: PLC0415  # needs the settings

    return BytesIO(templatize(path.read_text(), origin=str(path)).encode())


def _write(catalogue: Catalog, path: Path) -> None:
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, omit_header=False)


if __name__ == "__main__":
    from django.conf import settings

    settings.configure(USE_I18N=True)
    sys.exit(main(ROOT / "locale"))
