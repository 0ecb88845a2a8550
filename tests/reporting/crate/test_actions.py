"""Jobs in the crate: commands, times, machines, settings, papers."""

import pytest

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.reporting.crate import write_crate
from exfuse.spec.manifest import provenance_file
from tests.reporting.crate.reading import crate_of, issues, references


def test_a_job_is_an_action_with_command_times_files_and_machine(clone):
    clone.backbone("resnext101-ss-lr", 0.2)
    clone.run("exfuse", 0.5, flipped=0.6)
    job = clone.graph.jobs["runs/exfuse/seed0/trainaug"]
    entities = crate_of(clone)
    action = entities["#job/runs/exfuse/seed0/trainaug"]
    assert (action["name"], action["identifier"]) == (job.name, job.key)
    assert action["description"] == "exfuse do runs/exfuse/seed0/trainaug"
    # finished at 03:04:05 after 12.5 s
    assert (action["startTime"], action["endTime"]) == ("2026-01-02T03:03:52+00:00", "2026-01-02T03:04:05+00:00")
    assert "backbones/resnext101-ss-lr/history.csv" in references(action["object"])
    assert "runs/exfuse/seed0/trainaug/history.csv" in references(action["result"])
    machine = {entities[one]["name"]: entities[one]["value"] for one in references(action["environment"])}
    assert machine == {"device": "cpu", "host": "somewhere", "machine": "x86_64", "system": "Linux 6.1"}
    program = entities[action["instrument"]["@id"]]
    assert (program["name"], program["softwareVersion"]) == ("exfuse", "abc123")
    libraries = {
        entities[one]["name"]: entities[one]["softwareVersion"] for one in references(program["softwareRequirements"])
    }
    assert libraries == {"torch": "2.15.0", "numpy": "2.4.6", "python": "3.11.9"}


def test_settings_stand_with_their_origin(clone):
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    slot = entities["#parameter/pretraining.steps"]
    assert (slot["@type"], slot["additionalType"]) == ("FormalParameter", "Integer")
    value = entities[slot["workExample"]["@id"]]
    assert (value["name"], value["value"], value["exampleOfWork"]) == ("pretraining.steps", 300, {"@id": slot["@id"]})
    assert value["description"].startswith("assumption: mini: ")
    assert {"@id": value["@id"]} in entities["#run"]["object"]
    assert {"@id": slot["@id"]} in entities["source/Snakefile"]["input"]


def test_paths_of_the_machine_stay_there(clone):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    command = "exfuse --data-root /home/someone/data --preset mini pretrain resnet50"
    write_json(file, {**read_json(file), "command": command})
    said = crate_of(clone)["#job/backbones/resnet50"]["description"]
    assert said == "exfuse --data-root …/data --preset mini pretrain resnet50"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exfuse --data-root /home/Jane Doe/data --preset mini x", "exfuse --data-root …/data --preset mini x"),
        ('exfuse --data-root "/home/Jane Doe/data" x runs/ss', "exfuse --data-root …/data x runs/ss"),
        ("exfuse --data-root='/home/Jane - Doe/my data' x", 'exfuse "--data-root=…/my data" x'),
        ("exfuse --data-root=/home/Jane Doe/data/ -o /srv/j/b.csv", "exfuse --data-root=…/data -o …/b.csv"),
        ("exfuse -d/home/Jane Doe/data x", "exfuse -d…/data x"),
        ("exfuse do runs/ss/seed0 --at it's", "exfuse do runs/ss/seed0 --at it's"),
    ],
)
def test_a_path_with_a_blank_stays_there_too(clone, command, said):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    write_json(file, {**read_json(file), "command": command})
    assert crate_of(clone)["#job/backbones/resnet50"]["description"] == said


def test_a_job_without_provenance_is_made_at_no_known_time(clone, no_network):
    clone.backbone("resnet50", 0.2)
    clone.backbone("resnet101", 0.2)
    provenance_file(clone.graph.jobs["backbones/resnet50"].manifest).write_text('{"code": "abc')
    entities = crate_of(clone)
    action = entities["#job/backbones/resnet50"]
    assert not {"startTime", "endTime"} & action.keys()
    assert action["description"] == "not told: its provenance cannot be read"
    assert entities["./"]["description"].startswith(f"{clone.spec.preset.description}. 2 of ")
    assert entities["./"]["datePublished"] == entities["#job/backbones/resnet101"]["endTime"]
    assert issues(clone.graph.layout.base) == []


def test_without_any_time_there_is_no_crate(clone):
    clone.backbone("resnet50", 0.2)
    provenance_file(clone.graph.jobs["backbones/resnet50"].manifest).unlink()
    with pytest.raises(UserError, match=r"no job's provenance\.json tells when it ended"):
        write_crate(clone.graph)
    assert not clone.graph.layout.crate.exists()


def test_an_interrupted_training_has_no_beginning(clone):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    stretches = [{"from_step": step, "code": "abc", "host": "there"} for step in (0, 7)]
    write_json(file, {**read_json(file), "stretches": stretches})
    action = crate_of(clone)["#job/backbones/resnet50"]
    assert "startTime" not in action
    assert action["description"].endswith("(interrupted and gone on: 1)")


def test_the_papers_and_the_authors_are_named(clone):
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    papers = [entities[one] for one in references(entities["./"]["citation"])]
    assert {one["@type"] for one in papers} == {"ScholarlyArticle"}
    first = next(one for one in papers if one["name"].startswith("ExFuse"))
    assert "https://orcid.org/0000-0002-0120-1918" in references(first["author"])
    assert entities[entities["./"]["license"]["@id"]]["name"] == "Apache-2.0"
