"""Manifests and provenance that no job writes: the crate is written all the same, and says what it can."""

import json

import pytest

from exfuse.files import read_json, write_json, write_text
from exfuse.spec import manifest
from tests.reporting.crate.reading import ABC, as_list, crate_of, references

NAME = "backbones/resnet50"


def change(file, **facts):
    write_text(file, json.dumps({**read_json(file), **facts}))


@pytest.mark.parametrize("fact", ["host", "machine", "gpu", "code", "python", "command", "libraries"])
def test_a_lone_surrogate_is_spelt(clone, fact):
    clone.backbone("resnet50", 0.2)
    said = {"torch\udce9": "\ud800"} if fact == "libraries" else "here\udce9"
    change(manifest.provenance_file(clone.graph.jobs[NAME].manifest), **{fact: said})
    entities = crate_of(clone)
    assert any("%5Cudce9" in name for name in entities) or fact == "command"
    json.dumps(list(entities.values())).encode()


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\udce9.csv", "deep/" * 900 + "x", "."], ids=range(5))
def test_a_name_that_no_file_has_is_one_that_is_gone(clone, name):
    clone.backbone("resnet50", 0.2)
    file = clone.graph.jobs[NAME].manifest
    change(file, outputs={**read_json(file)["outputs"], name: {"sha256": ABC, "bytes": 3}})
    entities = crate_of(clone)
    gone = [one for one in references(entities[f"#job/{NAME}"]["result"]) if one.startswith("#gone/")]
    assert [entities[one]["@type"] for one in gone] == ["CreativeWork"]


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (7, 7),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        ({"a": 1}, "{'a': 1}"),
        ([1, 2], "1, 2"),
        (None, "none"),
        ("\ud800", "\ud800"),
    ],
    ids=range(7),
)
def test_a_setting_is_one_value_or_words(clone, seed, said):
    clone.backbone("resnet50", 0.2)
    change(clone.graph.jobs[NAME].manifest, settings={"seed": seed})
    entities = crate_of(clone)
    given = [entities[one] for one in references(entities[f"#job/{NAME}"]["object"])]
    assert [one["value"] for one in given if one["name"] == "seed"] == [said]


@pytest.mark.parametrize("stated", [float("inf"), float("nan"), 10**400, -0.5, True], ids=range(5))
def test_a_metric_that_is_no_fraction_is_none(clone, stated):
    clone.backbone("resnet50", 0.2)
    job = clone.graph.jobs[NAME]
    file = job.manifest.with_name("metrics.json")
    write_text(file, json.dumps({**read_json(file), "top1_error": stated}))
    clone.finish(job)
    assert not [name for name in crate_of(clone) if name.startswith("#metric/")]


@pytest.mark.parametrize("stated", [10**400, -5], ids=range(2))
def test_a_length_that_no_file_has_is_not_stated(clone, stated):
    clone.backbone("resnet50", 0.2)
    file = clone.graph.jobs[NAME].manifest
    outputs = read_json(file)["outputs"]
    write_json(file, {**read_json(file), "outputs": {**outputs, "history.csv": {"bytes": stated}}})
    entity = crate_of(clone)[f"{NAME}/history.csv"]
    assert as_list(entity["@type"]) == ["File"]
    assert "contentSize" not in entity
