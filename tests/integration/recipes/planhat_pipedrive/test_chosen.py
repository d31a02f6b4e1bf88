"""What the settings chose in Pipedrive is known by id: renamed it stays, deleted it is held and told."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.models import SyncJob

FIELDS = "/pipedrive/acme/dealFields"


def ruled(planhat_install, **settings):
    """A rule that makes deals of one kind a Sale; returns the world, the field's key and its options' ids by label."""
    w = planhat_install()
    body = {"field_name": "Kind", "field_type": "enum", "options": [{"label": "Once"}, {"label": "Yearly"}]}
    made = w.sandbox.control("POST", FIELDS, body)["data"]
    code = made["field_code"]
    w.save(rule_1_what=f"custom_fields.{code}", rule_1_value="once", rule_1_to="sale", **settings)
    return w, code, {row["label"]: row["id"] for row in made["options"]}


def rename(w, code, **labels):
    rows = [{"id": number, "label": label} for label, number in labels.items()]
    w.sandbox.control("PATCH", f"{FIELDS}/{code}/options", rows)


def nightly(w):
    tasks.repair_integration(str(w.integration.pk))
    w.integration.refresh_from_db()


def kinds(w):
    return len(w.rows("sales")), len(w.rows("licenses"))


def test_a_renamed_option_of_a_rule_still_decides(planhat_install):
    w, code, ids = ruled(planhat_install)
    rename(w, code, Single=ids["Once"])
    nightly(w)
    w.won(w.organization("Engines"), custom_fields={code: ids["Once"]})
    w.won(w.organization("Looms"), custom_fields={code: ids["Yearly"]})
    w.deliver()
    assert kinds(w) == (1, 1)


def test_options_that_swapped_their_names_keep_their_meaning(planhat_install):
    w, code, ids = ruled(planhat_install)
    rename(w, code, Once=ids["Yearly"], Yearly=ids["Once"])
    nightly(w)
    w.won(w.organization("Looms"), custom_fields={code: ids["Yearly"]})
    w.deliver()
    assert kinds(w) == (0, 1)


def test_a_renamed_pipeline_of_a_rule_still_decides(planhat_install):
    w = planhat_install()
    w.save(rule_1_what="pipeline", rule_1_value="Pipeline", rule_1_to="sale")
    w.sandbox.control("PATCH", "/pipedrive/acme/pipelines/1", {"name": "Vertrieb"})
    nightly(w)
    w.won(w.organization("Engines"))
    w.deliver()
    assert kinds(w) == (1, 0)


def test_a_deleted_option_of_a_rule_is_held_and_told(planhat_install):
    w, code, ids = ruled(planhat_install)
    w.sandbox.control("DELETE", f"{FIELDS}/{code}/options", [{"id": ids["Once"]}])
    w.won(w.organization("Engines"))
    w.deliver()
    assert kinds(w) == (0, 0)
    assert {job.reason for job in SyncJob.objects.filter(state="held")} == {"deal_field_missing"}
    nightly(w)
    [step] = [step for step in w.integration.provisioning if not step["ok"]]
    assert "option “once”" in step["detail"]
    w.sandbox.control("POST", f"{FIELDS}/{code}/options", [{"label": "Once"}])
    nightly(w)
    w.deliver()
    assert kinds(w) == (0, 1)
    assert not SyncJob.objects.filter(state="held").exists()


@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_a_deleted_date_is_held_and_no_other_date_takes_its_place(planhat_install, name):
    w = planhat_install()
    code = w.deal_field("Contract date")
    w.save(**{name: f"custom_fields.{code}"})
    w.sandbox.control("DELETE", f"{FIELDS}/{code}")
    w.won(w.organization("Engines"))
    w.deliver()
    assert kinds(w) == (0, 0)
    assert {job.reason for job in SyncJob.objects.filter(state="held")} == {"deal_field_missing"}
    w.save(**{name: ""})
    w.deliver()
    assert kinds(w) == (0, 1)
