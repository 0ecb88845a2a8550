"""Files and numbers of the crate: those that are there, as their jobs left them."""

import dataclasses

import pytest

from exfuse.files import read_json, write_json
from exfuse.reporting.crate.parts import format_of
from exfuse.spec.graph import Graph
from exfuse.spec.graph.reporting import WORKFLOW
from exfuse.spec.load import load
from tests.reporting.crate.reading import ABC, as_list, crate_of, references


def test_numbers_are_values_of_the_files_that_hold_them(clone):
    clone.backbone("resnet50", 0.2)
    clone.run("gcn-resnet50", 0.4, flipped=0.41)
    entities = crate_of(clone)
    folder = "runs/gcn-resnet50/seed0/trainaug"
    plain = {
        entities[one]["name"]: entities[one]["value"]
        for one in references(entities[f"{folder}/val.json"]["variableMeasured"])
    }
    assert plain["mIoU"] == 0.4
    assert plain["mIoU within GCN's distance of a boundary"] == pytest.approx(0.28)
    mirrored = references(entities[f"{folder}/val-flip.json"]["variableMeasured"])
    assert {entities[one]["value"] for one in mirrored if entities[one]["name"].startswith("mIoU,")} == {0.41}
    error = entities[entities["backbones/resnet50/metrics.json"]["variableMeasured"]["@id"]]
    assert (error["name"], error["value"]) == ("top-1 error", 0.2)
    assert references(entities[f"#job/{folder}/val"]["result"]) >= mirrored


def test_stale_results_are_left_out(clone):
    clone.backbone("resnet50", 0.2)
    clone.backbone("resnet101", 0.2)
    write_json(clone.graph.jobs["backbones/resnet101"].manifest, {"key": "another"})
    entities = crate_of(clone)
    assert "#job/backbones/resnet50" in entities
    assert not [name for name in entities if "resnet101/" in name]


def test_files_that_are_gone_or_changed_are_told_apart(clone):
    """A digest stands only where it is believed: for the file that is there, or for one that was."""
    job = clone.graph.jobs["backbones/resnet50"]
    weights = job.manifest.with_name("weights.safetensors")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"abc")
    clone.backbone("resnet50", 0.2)
    name = "backbones/resnet50/weights.safetensors"
    found = crate_of(clone)[name]
    assert (found["sha256"], found["contentSize"]) == (ABC, "3")
    weights.write_bytes(b"abcd")
    found = crate_of(clone)[name]
    assert "sha256" not in found
    assert found["description"] == "not what its job recorded: 3 bytes then"
    weights.write_bytes(b"abd")
    found = crate_of(clone)[name]
    assert "sha256" not in found
    assert found["description"] == "not what its job recorded: as many bytes, but others"
    weights.unlink()
    entities = crate_of(clone)
    assert name not in entities
    gone = entities[f"#gone/{name}"]
    assert (gone["@type"], gone["sha256"]) == ("CreativeWork", ABC)
    assert gone["@id"] in references(entities["#job/backbones/resnet50"]["result"])


def test_lineage_leads_from_the_weights_to_the_archives(clone):
    """Each action's objects are results of others, until the archives."""
    archives = clone.graph.jobs["archives"]
    for output in archives.outputs:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"abc")
    for name in ("archives", "data/imagenet"):
        job = clone.graph.jobs[name]
        for output in job.outputs:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(b"abc")
        clone.finish(job)
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    makers = {
        file: one
        for one in entities.values()
        if one["@type"] == "CreateAction" and one["@id"] != "#run"
        for file in references(one["result"])
    }
    pretraining = makers["backbones/resnet50/metrics.json"]
    preparation = makers[sorted(references(pretraining["object"]))[0]]
    assert preparation["name"] == "data/imagenet"
    raw = references(preparation["object"])
    assert raw == {f"#archive/ILSVRC2012_{rest}" for rest in ("devkit_t12.tar.gz", "img_train.tar", "img_val.tar")}
    assert {entities[one]["identifier"] for one in raw} == {f"sha256:{ABC}"}
    assert {makers[one]["name"] for one in raw} == {"archives"}


def test_numbers_of_a_changed_file_are_none_of_the_jobs(clone):
    clone.backbone("resnet50", 0.2)
    file = clone.graph.jobs["backbones/resnet50"].manifest.with_name("metrics.json")
    assert any(name.startswith("#metric/") for name in crate_of(clone))
    file.write_text(file.read_text().replace("0.2", "0.1"))
    assert not any(name.startswith("#metric/") for name in crate_of(clone))


def test_archives_that_nobody_read_are_none_of_the_crate(repo_root, clone):
    """Official archives, of which one was read; COCO's are zip files."""
    voc = type(clone)(dataclasses.replace(load(repo_root, "voc"), root=clone.spec.root))
    voc.backbone("resnet101", 0.2)
    entities = crate_of(voc)
    assert not [name for name in entities if name.startswith(("http://host.robots", "http://images.cocodataset"))]
    groups = voc.spec.folder.archives
    publisher = "coco" if "data/coco" in voc.graph.jobs else "voc"
    job, (first, *_) = voc.graph.jobs[f"data/{publisher}"], groups[publisher]
    job = dataclasses.replace(job, settings={**job.settings, "raw": {first.file: "sha256:1"}})
    voc.finish(job)
    entities = crate_of(voc)
    url = first.urls[0]
    assert [name for name in entities if "File" in as_list(entities[name]["@type"]) and "://" in name] == [url]
    assert entities[url]["encodingFormat"] == ("application/zip" if url.endswith(".zip") else "application/x-tar")
    assert url in references(entities["#run"]["object"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("val2014.zip", "application/zip"), ("x.tar", "application/x-tar"), ("x.tar.gz", "application/gzip"),
     ("SBD.tgz", "application/gzip"), ("x.json", "application/json")],
)  # fmt: skip
def test_a_format_is_that_of_the_suffix(name, kind):
    assert format_of(name) == kind


def test_a_manifest_names_no_file_outside(clone):
    clone.backbone("resnet50", 0.2)
    manifest = clone.graph.jobs["backbones/resnet50"].manifest
    content = read_json(manifest)
    content["outputs"] |= {"/etc/hostname": {"sha256": ABC, "bytes": 3}, "../../../x": {"sha256": ABC, "bytes": 3}}
    write_json(manifest, content)
    assert not [name for name in crate_of(clone) if "hostname" in name or name.endswith("x")]


def test_what_the_crate_copies_and_cites_is_in_its_key(clone):
    for name in ("CITATION.cff", WORKFLOW[-1]):
        before = Graph(clone.spec).jobs
        with open(clone.spec.root / name, "a") as file:
            file.write("# more")
        after = Graph(clone.spec).jobs
        assert [job for job in after if after[job].key != before[job].key] == ["crate"]


def test_the_sources_that_are_copied_are_all_that_there_are(repo_root):
    rules = {path.relative_to(repo_root).as_posix() for path in (repo_root / "workflow" / "rules").iterdir()}
    assert set(WORKFLOW) == {"Snakefile", *rules}
