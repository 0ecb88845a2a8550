"""Settings on the page: what jobs share stands once, what they do not beside each, and every value with its origin."""

import dataclasses

from exfuse.files import read_json, write_json
from exfuse.reporting.lineage import all_records, record
from exfuse.reporting.models import Usual
from exfuse.reporting.settings import ABSENT, Origins, own, shared
from exfuse.spec.base import LedgerEntry
from exfuse.spec.graph import Graph


def test_most_of_a_kind_decide_what_is_shared(results):
    """Three of four runs have one value, two of four another: only the first is shared."""
    graph = results.graph
    names = [f"runs/{name}/seed0/trainaug" for name in ("ss-lr", "ss-lr-seb", "ss-lr-ecre", "exfuse")]
    origins = Origins(graph)
    records = [record(graph, name) for name in names]
    common = {one.path: one.value for one in shared("trainaug", records, origins).settings}
    assert common["fine_tuning.steps"] == "400"
    assert "model.decoder.semantic_embedding" not in common  # true for two, false for two
    assert "seed" not in common
    (found,) = own(records[3:], shared("trainaug", records, origins), origins)
    different = {one.path: one.value for one in found.settings}
    assert different["model.decoder.prediction"] == "dap"
    assert different["fine_tuning.steps"] == "200"
    assert "fine_tuning.batch_size" not in different


def test_shared_and_own_settings_together_are_all_that_the_manifest_holds(results):
    graph = results.graph
    usual = Usual(graph, all_records(graph))
    for name in ("runs/exfuse/seed0/trainaug", "runs/gcn-resnet50-4/seed0/trainaug", "backbones/resnet50"):
        about = record(graph, name)
        kind = name.rpartition("/")[2] if name.startswith("runs/") else "backbones"
        (found,) = usual.unlike([about])
        whole = {one.path: one.value for one in usual.kinds[kind].settings}
        whole |= {one.path: one.value for one in found.settings}
        for path in list(whole):
            if path not in about.settings:
                assert whole[path] == ABSENT or any(path.startswith(f"{one.path}.") for one in found.settings)
                del whole[path]
        assert whole == {path: value for path, value in about.settings.items() if path != "seed"}


def test_origins_are_those_of_the_preset(results):
    origins = Origins(results.graph)
    stage = "runs/exfuse/seed0/trainaug"

    def source(job, path, value):
        found = origins.of(job, path, value).origin
        return None if found is None else found.path

    assert source(stage, "model.decoder.gcn_kernel", "7") == "decoder.gcn_kernel"
    assert source(stage, "fine_tuning.steps", "400") == "fine_tuning.trainaug.steps"
    assert source(stage, "fine_tuning.steps", "200") == "fine_tuning.trainaug.wide_steps"
    assert source("runs/exfuse-resnet101-test/seed0/train", "fine_tuning.steps", "100") == "fine_tuning.train.steps"
    assert source(stage, "model.backbone.blocks", "2, 2, 1, 1") == "backbones.resnext101-ss-lr.blocks"
    assert source(stage, "model.backbone.channels", "8, 16, 32, 64") == "backbones.common.channels"
    assert source("backbones/resnet50", "architecture.blocks", "1, 1, 2, 1") == "backbones.resnet50.blocks"
    assert source("backbones/resnet50-ss", "architecture.semantic_supervision.loss_weight", "0.3") == (
        "semantic_supervision.loss_weight"
    )
    assert source(f"{stage}/val", "evaluation.boundary_width", "0.875") == "evaluation.boundary_width"
    assert source(stage, "normalization.mean", "0.485, 0.456, 0.406") == "normalization.mean"


def test_a_value_that_the_preset_does_not_state_has_no_origin(results):
    """A stale result was made with what was stated then."""
    origins = Origins(results.graph)
    assert origins.of("backbones/resnet50", "pretraining.steps", "301").origin is None
    assert origins.of("backbones/resnet50", "threads", "1").origin is None


def test_seeds_that_were_given_the_same_stand_together(seeded):
    graph = seeded.graph
    names = [f"runs/gcn-resnet50/seed{seed}/trainaug" for seed in range(3)]
    for seed in range(3):
        seeded.run("gcn-resnet50", 0.4, seed=seed)
    origins = Origins(graph)
    usual = Usual(graph, all_records(graph))
    assert [one.seeds for one in usual.unlike([record(graph, name) for name in names])] == [""]
    manifest = graph.jobs[names[1]].manifest
    content = read_json(manifest)
    content["settings"]["fine_tuning"]["batch_size"] = 4
    write_json(manifest, {**content, "key": "another"})
    found = own([record(graph, name) for name in names], usual.kinds["trainaug"], origins)
    assert [one.seeds for one in found] == ["seeds 0, 2", "seed 1"]
    assert ("fine_tuning.batch_size", "4") in [(one.path, one.value) for one in found[1].settings]


def test_what_a_job_lacks_that_most_have_is_said(results):
    """An older result knows nothing of a setting that came later; a group that is none lacks its parts silently."""
    graph = results.graph
    results.backbone("resnet50", 0.2)
    manifest = graph.jobs["backbones/resnet50"].manifest
    content = read_json(manifest)
    del content["settings"]["precision"]
    write_json(manifest, content)
    usual = Usual(graph, all_records(graph))
    (found,) = usual.unlike([record(graph, "backbones/resnet50")])
    values = {one.path: one.value for one in found.settings}
    assert values["precision"] == ABSENT
    assert values["architecture.semantic_supervision"] == "none"
    assert "architecture.semantic_supervision.levels" not in values


def test_hostile_settings_are_words(results):
    from exfuse.reporting.report import write_report

    hostile = "<script>alert('1')</script>"
    entry = LedgerEntry(path="pretraining.steps", value=hostile, source="assumption", why=hostile)
    spec = dataclasses.replace(results.spec, ledger=(*results.spec.ledger[3:], entry))
    results.backbone("resnet50", 0.2)
    manifest = results.graph.jobs["backbones/resnet50"].manifest
    content = read_json(manifest)
    content["settings"]["pretraining"] = {"steps": hostile, hostile: 1}
    write_json(manifest, content)
    graph = Graph(spec)
    write_report(graph)
    html = graph.layout.report.read_text()
    assert hostile not in html
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;" in html


def test_settings_of_a_stage_in_the_manifest_of_a_backbone_have_no_origin(results):
    assert Origins(results.graph).of("backbones/resnet50", "fine_tuning.steps", "400").origin is None
