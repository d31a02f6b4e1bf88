"""What the documents name exists: make targets, settings, files, headings. Nothing in them is of somebody's machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from integration.connectors.registry import CONNECTORS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), ROOT / "deploy" / "README.md"])
DEPLOY = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
# For development only: named in the text below the table, not in it.
DEVELOPMENT = {"LOCKSTEP_DEVELOPMENT", "SANDBOX_URL", "DEBUG"}


def name(path):
    return str(path.relative_to(ROOT))


def code_blocks(text):
    return re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)


def spoken(text):
    """Code as a reader would type it: blocks and inline spans."""
    return "\n".join([*code_blocks(text), *re.findall(r"`([^`\n]+)`", text)])


def settings_read():
    """Names of the environment variables the program reads for a deployment."""
    source = (ROOT / "config" / "settings.py").read_text()
    names = set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', source))
    if "_CLIENT_ID" in source:
        listed = re.search(r"for vendor in \(([^)]*)\)", source)
        assert listed, "OAUTH_APPS has another form: teach this test"
        vendors = set(re.findall(r'"(\w+)"', listed[1])) & CONNECTORS.keys()
        names |= {f"{vendor.upper()}_CLIENT_{kind}" for vendor in vendors for kind in ("ID", "SECRET")}
    processes = (ROOT / "integration" / "management" / "processes.py").read_text()
    return names | set(re.findall(r'os\.environ\.get\(\s*"([A-Z_]+)"', processes))


def settings_named():
    """Names in the first column of the README's table of settings."""
    part = README.read_text().split("### Settings", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([A-Z_]+)` \|", part, flags=re.MULTILINE)


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    for page in PAGES:
        named = set(re.findall(r"\bmake ([a-z][a-z-]+)", spoken(page.read_text())))
        assert named <= targets, name(page)


def test_every_management_command_exists():
    ours = {path.stem for path in (ROOT / "integration" / "management" / "commands").glob("*.py")}
    others = {"check", "collectstatic", "createsuperuser", "qcluster", "shell", "makemigrations"}

    for page in PAGES:
        named = set(re.findall(r"\bmanage\.py ([a-z_]+)", spoken(page.read_text())))
        assert named <= ours | others, name(page)


def test_the_settings_table_is_complete():
    named = settings_named()

    assert len(named) == len(set(named)), "a setting stands there twice"
    assert set(named) == settings_read() - DEVELOPMENT
    assert all(f"`{setting}`" in README.read_text() for setting in DEVELOPMENT)


def test_the_example_environment_names_only_settings_that_are_read():
    lines = (ROOT / "deploy" / "env.example").read_text().splitlines()
    named = {line.split("=", 1)[0] for line in lines if line and not line.startswith("#")}

    assert named <= settings_read()
    assert not named & DEVELOPMENT


def test_every_relative_link_resolves():
    broken = [(name(page), target) for page in PAGES for target in broken_links(page)]

    assert broken == []


def broken_links(page):
    """The links of a page that lead to no file, or to no heading of one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if file.name == "console.png":  # made by taking a picture of the running console
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


def test_every_file_named_in_the_text_exists():
    path = re.compile(r"`((?:integration|sandbox|tests|config|deploy|docs)/[\w/.-]+\.\w+)`")
    named = [(name(page), file) for page in PAGES for file in path.findall(page.read_text())]

    assert len(named) > 30
    assert [(page, file) for page, file in named if not (ROOT / file).exists()] == []


def test_nothing_of_a_machine_is_named():
    for page in (*PAGES, *DEPLOY):
        text = page.read_text()
        assert not re.search(r"(?<![\w.}])/(home|root|work|Users)/", text), name(page)
        assert "../shared" not in text, name(page)
