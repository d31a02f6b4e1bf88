"""Reasons are enums: a bare or misspelled word fails the type check, and every code has a text that can be acted on."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.flow.general_reasons import GENERAL
from integration.reasons import Reason, ReasonCode, stored_reason
from integration.recipes.registry import RECIPES, get_recipe, reason_choices, reason_text

ROOT = Path(__file__).parents[2]
APP = ROOT / "integration"
FILTERS = {"reason", "reason__in", "health_reason", "health_reason__in", "ignored"}
CODES_IN_CODE = re.compile(r"\b(?:[A-Z]\w*)?Reason\.([A-Z_]+)\b")
IMPORTS = re.compile(r"^from (integration\.(?:recipes|connectors)[\w.]*) import \(?([^)]*?)\)?$", re.MULTILINE)
OTHER_NAMES = {"hubspot_maileon": ("Subscribe to Maileon Newsletter",)}
# Only a HubSpot contact has properties that ask for a permission.
NEVER_GIVEN = {"pipedrive_maileon": {"override_limited"}}
PRIVATE_WORDS = ("in step", "at the source", "e-mail address", "by mail", "mend", "lest", "the target", "the vendor")


def classes():
    """Every class of codes, with its module loaded."""
    for path in APP.rglob("*reasons.py"):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return ReasonCode.__subclasses__()


def reachable(key):
    """The modules of a recipe with those that they import of recipes and of its two connectors, `reasons` left out."""
    recipe, found = get_recipe(key), {}
    waiting = [APP / "recipes" / key / "recipe.py"]
    waiting += [APP / "connectors" / side / "connector.py" for side in (recipe.left, recipe.right)]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found[path] = path.read_text()
        for package, names in IMPORTS.findall(found[path]):
            folder = ROOT.joinpath(*package.split("."))
            waiting += [folder.with_suffix(".py"), *(folder / f"{name}.py" for name in re.findall(r"\w+", names))]
    return [path for path in found if not path.name.endswith("reasons.py")]


def names_in(recipe):
    """What a page of this recipe may be told to press, fill in or choose."""
    form = recipe.settings_form(initial=dict(recipe.default_settings))
    labels = [str(field.label) for field in form.fields.values()]
    choices = [str(label) for field in form.fields.values() for _, label in getattr(field, "choices", ())]
    return [*labels, *choices, *OTHER_NAMES.get(recipe.key, ()), "Decide"]


def sources():
    return [path for path in APP.rglob("*.py") if "migrations" not in path.parts]


def test_every_code_has_a_text_and_every_text_a_code():
    codes = [code for kind in classes() for code in kind]
    texts = {code for key in RECIPES for code in get_recipe(key).reason_texts}

    assert len(codes) == len(set(codes)) > 60, "two classes have one code"
    assert set(codes) == texts
    assert GENERAL.keys() == set(Reason)


def test_a_name_is_its_code():
    for kind in classes():
        for code in kind:
            assert code.name == code.value.upper()
            assert len(code) <= 40, "longer than its column"


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_has_one_text_per_reason_that_can_be_acted_on(key):
    recipe = get_recipe(key)
    codes = [text.code for text in recipe.reasons]

    assert len(codes) == len(set(codes))
    for code, text in recipe.reason_texts.items():
        for sentence in (text.what, text.cause, text.fix):
            assert sentence.endswith("."), code
            assert len(sentence) > 10, code
        if code in GENERAL:
            assert text.kind == GENERAL[code].kind, code


@pytest.mark.parametrize("key", RECIPES)
def test_every_reason_a_recipe_can_give_has_a_text_in_it(key):
    texts = get_recipe(key).reason_texts
    given = {name.lower() for path in reachable(key) for name in CODES_IN_CODE.findall(path.read_text())}

    assert len(given) > 15
    assert given - texts.keys() == NEVER_GIVEN.get(key, set())


@pytest.mark.parametrize("key", RECIPES)
def test_the_texts_speak_of_the_recipe_alone(key):
    """A tenant is never told of another vendor, or of a field or button that is not there."""
    recipe = get_recipe(key)
    mine = {get_connector(side).label for side in (recipe.left, recipe.right)}
    foreign = {connector.label for connector in map(get_connector, CONNECTORS)} - mine
    names = names_in(recipe)

    for code, text in recipe.reason_texts.items():
        whole = f"{text.what} {text.cause} {text.fix}"
        assert not [label for label in foreign if label in whole], code
        assert "newsletter" not in whole.lower() or recipe.right == "maileon", code
        for quoted in re.findall("“(.+?)”", whole):
            assert any(quoted in name for name in names), f"{code}: there is no {quoted} in {recipe.label}"


@pytest.mark.parametrize("key", RECIPES)
def test_the_texts_are_plain(key):
    """Some words of ours say nothing to a marketing manager."""
    for code, text in get_recipe(key).reason_texts.items():
        whole = re.sub("“.+?”", "", f"{text.what} {text.cause} {text.fix}").lower()
        assert not [word for word in PRIVATE_WORDS if word in whole], code


def test_a_code_of_an_older_version_is_still_readable():
    for text in (reason_text("contact_locked_out"), reason_text("contact_locked_out", "pipedrive_brevo")):
        assert text is not None
        assert text.what == "Contact locked out."
        assert text.fix == GENERAL["unknown"].fix
    assert reason_text("") is None


def test_a_text_without_a_recipe_is_that_of_the_first_one_that_has_it():
    assert reason_text("no_email") == GENERAL["no_email"]
    assert reason_text("score_low") == get_recipe("leadboxer_pipedrive").reason_texts["score_low"]


def test_a_filter_offers_the_reasons_of_one_recipe_or_names_the_recipe():
    brevo, all_of_them = dict(reason_choices("pipedrive_brevo")), dict(reason_choices())

    assert brevo.keys() == get_recipe("pipedrive_brevo").reason_texts.keys()
    assert brevo["removed_at_target"] == "The contact or company was deleted in Brevo."
    assert all_of_them["no_email"] == "No email address."
    assert all_of_them["score_low"] == "LeadBoxer → Pipedrive: The lead score is too low."
    assert set(all_of_them) == {code for kind in classes() for code in kind}


def test_a_stored_code_is_read_back():
    other = next(code for kind in classes() if kind is not Reason for code in kind)

    assert stored_reason("no_email") is Reason.NO_EMAIL
    assert stored_reason(str(other), type(other)) is other
    assert stored_reason("of_an_older_version") is Reason.UNKNOWN


def test_no_reason_is_a_bare_word_in_a_query_or_comparison():
    """The type check does not see these: a row's column is text."""
    codes, found = {str(code) for kind in classes() for code in kind}, []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            for word in _compared_or_asked(node):
                assert word.value in codes or not word.value, f"{path}:{word.lineno}: {word.value} is no reason"
                found += [f"{path}:{word.lineno}: {word.value}"] if word.value else []

    assert not found, "name the enum's member"


def _compared_or_asked(node):
    """Texts that stand where a reason is meant."""
    values = []
    if isinstance(node, ast.keyword) and node.arg in FILTERS:
        values = [node.value, *getattr(node.value, "elts", ())]
    elif isinstance(node, ast.Compare) and any(getattr(side, "attr", "") == "reason" for side in _sides(node)):
        values = [*_sides(node), *(word for side in _sides(node) for word in getattr(side, "elts", ()))]
    return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def _sides(node):
    return (node.left, *node.comparators)
