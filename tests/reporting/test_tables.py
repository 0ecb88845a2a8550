"""Tables against the paper's printed values, typed here a second time, and against hand-worked differences."""

import dataclasses
import re

import pytest

from exfuse.errors import UserError
from exfuse.files import read_csv, read_json, write_json, write_text
from exfuse.reporting.cells import table_cells
from exfuse.reporting.evaluations import MEASURED, Evaluation, evaluate, shown_path
from exfuse.reporting.latex import escape
from exfuse.reporting.tables import COLUMNS, write_table
from exfuse.spec.own import OwnData
from exfuse.spec.paper import Measure
from exfuse.spec.preset import ServerScore

PRINTED = {
    "table1": [70.04, 73.79, 72.17, 75.97, 72.28, 75.98, 72.41, 76.02],
    "table2": [24.15, 72.4, 24.77, 73.5],
    "table3": [76.0, 77.5, 78.3, 78.8, 79.0, 79.6, 80.0],
    "table4": [78.3, 78.2, 77.6, 78.8],
    "table5": [79.0, 79.1, 79.6],
    "table6": [73.79, 77.29, 75.97, 78.69, 75.98, 79.11, 76.02, 80.04],
    "table7": [80.0, 80.8, 85.4, 85.8],
    "table8": [83.1, 83.6, 84.2, 84.9, 85.4, 85.7, 86.6, 87.8, 86.2, 87.9],
}
"""The paper's Tables 1–8, row by row."""


SUBMITTED = "exfuse-resnext131-test"
SUBMISSION = f"runs/{SUBMITTED}/seed0/trainval/test"


def with_score(results, run, key):
    """The same results, with a score of 87.5% in the preset."""
    preset = results.spec.preset.model_copy(update={"test_server": {run: ServerScore(miou=87.5, key=key)}})
    return type(results)(dataclasses.replace(results.spec, preset=preset))


def lines(results, name):
    write_table(results.graph, name)
    return read_csv(results.graph.layout.table(name))


def cell(results, name, row, column="miou"):
    return next(line for line in lines(results, name) if (line["row"], line["column"]) == (row, column))


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_value_is_there_and_nothing_is_invented(results, name):
    table = lines(results, name)
    assert list(table[0]) == list(COLUMNS)
    assert [float(line["paper"]) for line in table] == PRINTED[name]
    assert {line["measured"] for line in table} == {""}
    assert {line["status"] for line in table} <= {"missing", "quoted"}


def test_measured_cell_in_percent_with_difference(results):
    results.run("exfuse", 0.45678)
    line = cell(results, "table3", "7")
    assert line["run"] == "exfuse"
    assert line["paper"] == "80.0"
    assert line["measured"] == "45.68"
    assert line["delta"] == "-34.32"  # 45.68 − 80.0
    assert (line["std"], line["seeds"], line["status"], line["flip"]) == ("", "1", "measured", "false")


def test_one_run_fills_every_cell_that_points_at_it(results):
    results.run("exfuse", 0.5)
    places = [("table3", "7", "miou"), ("table6", "{1, 2, 3, 4}", "exfuse"), ("table7", "1 (ResNeXt 101)", "miou")]
    assert [cell(results, *place)["measured"] for place in places] == ["50.00"] * 3


def test_top1_error_of_a_backbone(results):
    results.backbone("resnet50-ss", 0.2)
    line = cell(results, "table2", "SS Res50", "top1")
    assert (line["run"], line["metric"]) == ("resnet50-ss", "top1_error")
    assert (line["measured"], line["delta"]) == ("20.00", "-4.77")


def test_flipped_evaluation_is_read_from_its_own_file(results):
    results.run("exfuse-resnext131-coco", 0.5, flipped=0.6)
    assert cell(results, "table7", "3")["measured"] == "50.00"
    flipped = cell(results, "table7", "4")
    assert (flipped["measured"], flipped["flip"]) == ("60.00", "true")


def test_mean_and_sample_deviation_over_seeds(seeded):
    for seed, miou in enumerate((0.40, 0.41, 0.45)):
        seeded.run("ss", miou, seed=seed)
    line = cell(seeded, "table3", "2")
    assert line["measured"] == "42.00"
    assert line["std"] == "2.65"  # √((2² + 1² + 3²) / 2)
    assert line["seeds"] == "3"


def test_seeds_that_are_missing_are_said(seeded):
    seeded.run("ss", 0.4, seed=0)
    line = cell(seeded, "table3", "2")
    assert (line["measured"], line["seeds"], line["std"]) == ("40.00", "1", "")
    assert "Fewer than the 3 seeds" in seeded.graph.layout.table("table3", "tex").read_text()


def test_stale_number_is_not_shown(results):
    results.run("ss", 0.4321, key="made from other settings")
    line = cell(results, "table3", "2")
    assert (line["measured"], line["delta"], line["status"]) == ("", "", "stale")
    assert "43.21" not in results.graph.layout.table("table3", "tex").read_text()


@pytest.mark.parametrize("content", ["{", "[]", '"x"'])
def test_damaged_file_is_said(results, content):
    results.run("ss", 0.4)
    write_text(results.graph.layout.stage("ss", 0, "trainaug") / "val.json", content)
    assert cell(results, "table3", "2")["status"] == "unreadable"


def changed_by_hand(results, field):
    """What a cell says when a field of its evaluation is another, under a manifest that fits."""
    results.run("ss", 0.4)
    job = results.graph.jobs["runs/ss/seed0/trainaug/val"]
    file = job.manifest.with_name("val.json")
    write_json(file, read_json(file) | field)
    results.finish(job)
    return cell(results, "table3", "2"), evaluate(results.graph, Measure(run="ss")).detail


@pytest.mark.parametrize("value", [None, 41.0, "0.4", True, -0.1])
def test_what_is_no_fraction_is_not_printed(results, value):
    line, detail = changed_by_hand(results, {"miou": value})
    assert (line["status"], line["measured"]) == ("unreadable", "")
    assert "val.json: 'miou' is" in detail


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"flip": True}, "'flip' is True, not False"),
        ({"seed": 7}, "'seed' is 7, not 0"),
        ({"iou": {"cat": 10**400}}, "the IoU of a class is no fraction"),
        ({"miou": 0.41}, "'miou' is 0.4100, but the mean of its classes is 0.4000"),
    ],
)
def test_contradictory_number_is_said(results, field, reason):
    line, detail = changed_by_hand(results, field)
    assert (line["status"], line["measured"]) == ("contradictory", "")
    assert reason in detail


def test_a_file_that_is_not_what_its_manifest_describes_is_not_printed(results):
    results.run("ss", 0.4)
    file = results.graph.layout.stage("ss", 0, "trainaug") / "val.json"
    write_text(file, file.read_text().replace("0.4", "0.9"))
    line = cell(results, "table3", "2")
    assert (line["status"], line["measured"]) == ("contradictory", "")
    assert "not the file that val.manifest.json describes" in evaluate(results.graph, Measure(run="ss")).detail


def test_test_server_cells_wait_then_show_what_a_person_entered(results):
    assert cell(results, "table8", "ExFuse_ResNeXt131")["status"] == "missing"
    results.submission("exfuse-resnext131-test")
    assert cell(results, "table8", "ExFuse_ResNeXt131")["status"] == "waiting for the server's score"
    entered = with_score(results, SUBMITTED, results.graph.jobs[SUBMISSION].key)
    line = cell(entered, "table8", "ExFuse_ResNeXt131")
    assert (line["measured"], line["delta"], line["status"]) == ("87.50", "-0.40", "measured")
    assert cell(entered, "table8", "DeepLabv3+ (Xception)")["status"] == "quoted"


def test_a_waiting_cell_says_where_the_archive_is_and_which_key_to_enter(results):
    results.submission(SUBMITTED)
    waiting = evaluate(results.graph, Measure(run=SUBMITTED, metric="test_miou"))
    assert shown_path(results.graph, results.graph.jobs[SUBMISSION].outputs[0]) in waiting.detail
    key = read_json(results.graph.jobs[SUBMISSION].manifest)["key"]
    assert f"{SUBMITTED}: {{miou: …, key: {key}}}" in waiting.detail


def test_a_score_of_an_older_submission_is_stale(results):
    results.submission(SUBMITTED)
    entered = with_score(results, SUBMITTED, "made before it was trained anew")
    line = cell(entered, "table8", "ExFuse_ResNeXt131")
    assert (line["measured"], line["delta"], line["status"]) == ("", "", "stale")
    tex = results.graph.layout.table("table8", "tex").read_text()
    assert "87.50" not in tex
    assert "submission made before it was trained anew" in tex


def test_a_score_belongs_to_the_seed_whose_archive_was_sent_in(seeded):
    entered = with_score(seeded, SUBMITTED, seeded.graph.jobs[SUBMISSION.replace("seed0", "seed2")].key)
    assert evaluate(entered.graph, Measure(run=SUBMITTED, metric="test_miou")).values == {2: 87.5}


def test_a_score_of_a_run_that_the_preset_does_not_make_is_no_measurement(results):
    key = results.graph.jobs[SUBMISSION].key
    preset = results.spec.preset.model_copy(update={"backbone_weights": "public", "coco": False})
    public = type(results)(dataclasses.replace(results.spec, preset=preset))
    line = cell(with_score(public, SUBMITTED, key), "table8", "ExFuse_ResNeXt131")
    assert (line["measured"], line["status"]) == ("", "not run: needs ImageNet")


def test_preset_without_imagenet_says_what_it_does_not_run(results):
    preset = results.spec.preset.model_copy(update={"backbone_weights": "public", "coco": False})
    public = type(results)(dataclasses.replace(results.spec, preset=preset))
    assert cell(public, "table3", "1")["status"] == "missing"
    assert cell(public, "table3", "2")["status"] == "not run: needs ImageNet"
    assert cell(public, "table2", "Res50", "top1")["status"] == "not run: needs ImageNet"
    assert {line["status"] for line in lines(public, "table8")} == {"quoted", "not run: needs ImageNet"}


def test_unknown_table_is_a_users_error(results):
    with pytest.raises(UserError, match="table9"):
        write_table(results.graph, "table9")


def test_latex_has_the_papers_columns_and_marks(results):
    results.run("exfuse", 0.5)
    write_table(results.graph, "table3")
    tex = results.graph.layout.table("table3", "tex").read_text()
    columns = re.search(r"\\begin\{tabular\}\{(.*)\}", tex)[1]
    assert columns == "l" + "c" * 6 + "rrr"
    body = tex.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines()
    assert {line.count("&") for line in body} == {len(columns) - 1}
    assert body[6] == "7 & " + r"\checkmark & " * 6 + r"80.0 & 50.00 & $-30.00$ \\"
    assert r"\emph{missing}" in body[0]


def test_latex_notes_say_which_rows_had_fewer_steps(results):
    write_table(results.graph, "table3")
    note = results.graph.layout.table("table3", "tex").read_text()
    assert "400 (trainaug) for rows 1, 2, 3, 4, 5; 200 (trainaug) for rows 6, 7." in note
    write_table(results.graph, "table6")
    note = results.graph.layout.table("table6", "tex").read_text()
    assert "400 (trainaug) for Original GCN; 200 (trainaug) for ExFuse." in note
    write_table(results.graph, "table4")
    assert "number of steps" not in results.graph.layout.table("table4", "tex").read_text()


def test_latex_escapes_what_latex_reads_as_its_own():
    assert escape("100% of a_b & c#d {x} $y ~^ \\z <w>") == (
        r"100\% of a\_b \& c\#d \{x\} \$y \textasciitilde{}\textasciicircum{} \textbackslash{}z "
        r"\textless{}w\textgreater{}"
    )


def test_latex_of_the_papers_own_labels_is_escaped(results):
    write_table(results.graph, "table8")
    tex = results.graph.layout.table("table8", "tex").read_text()
    assert r"ResNet\_38\_MS\_COCO & 84.9 & -- &" in tex
    unescaped = re.sub(r"\\[_%#&{}$]", "", tex.split(r"\begin{table}")[1])
    assert not re.search(r"[_%#]", unescaped)


def test_own_data_have_no_difference_to_the_papers_values(results):
    results.everything()
    table = results.spec.tables["table3"]
    assert all(cell.delta for cell in table_cells(results.graph, table))
    own = OwnData(classes=results.spec.all_classes)
    folder = results.spec.folder.model_copy(update={"generated": None, "archives": {}, "own": own})
    datasets = results.spec.datasets.model_copy(update={"folders": {results.spec.preset.data: folder}})
    preset = results.spec.preset.model_copy(update={"backbone_weights": "random"})
    graph = type(results)(dataclasses.replace(results.spec, datasets=datasets, preset=preset)).graph
    cells = table_cells(graph, table)
    assert not any(cell.comparable for cell in cells)
    measured = dataclasses.replace(cells[0], evaluation=Evaluation(status=MEASURED, values={0: 50.0}))
    assert (measured.measured, measured.delta) == ("50.00", "")
