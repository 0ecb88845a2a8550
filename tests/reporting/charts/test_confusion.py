"""Confusion matrices: shares of a true class's pixels, summed over images and seeds, worked out by hand."""

import numpy as np
import pytest

from exfuse.evaluation.results import SegmentationResult, write_confusions
from exfuse.reporting.charts import confusion

CAT, CHAIR = 3, 4


def write(results, run, counts, seed=0):
    """Evaluates a run as having counts (C, C), half of them near boundaries, in two images."""
    results.run(run, 0.5, seed=seed)
    job = results.graph.jobs[f"{results.graph.last_stage(run, seed)}/val"]
    halves = np.stack([counts, counts]).astype(np.int32)
    result = SegmentationResult(("a", "b"), halves, halves, False)
    flipped = SegmentationResult(("a", "b"), halves * 0, halves * 0 + 7, True)
    write_confusions(job.manifest.with_name("confusions.npz"), [result, flipped])
    results.finish(job)
    return job.manifest.with_name("confusions.npz")


def counts(right, wrong):
    """Cats: `right` pixels found, `wrong` taken for chairs; as many pixels of background, all found."""
    found = np.zeros((5, 5), int)
    found[0, 0] = 10
    found[CAT, CAT], found[CAT, CHAIR] = right, wrong
    return found


def field(view, truth, prediction):
    return next(
        (one["share"] for one in view["data"]["values"] if (one["truth"], one["prediction"]) == (truth, prediction)),
        None,
    )


def test_rows_are_shares_of_the_truth_and_the_third_matrix_is_the_difference(results):
    write(results, "gcn-resnext101", counts(6, 4))
    write(results, "exfuse", counts(9, 1))
    chart = confusion.chart(results.graph)
    gcn, exfuse, change = chart.spec["concat"]
    assert [gcn["title"], exfuse["title"], change["title"]] == ["GCN", "ExFuse", "ExFuse − GCN"]
    assert field(gcn, CAT, CAT) == 60.0
    assert field(gcn, CAT, CHAIR) == 40.0
    assert field(exfuse, CAT, CHAIR) == 10.0
    assert field(change, CAT, CHAIR) == -30.0
    assert field(gcn, CHAIR, CHAIR) is None  # no ground truth
    assert ("cat", "chair", "40.00", "10.00", "−30.00") in chart.table.rows
    assert "cat taken for chair, −30.00 points" in chart.alternative


def test_seeds_are_added_up_and_mirrored_images_take_no_part(seeded):
    write(seeded, "exfuse", counts(10, 0), 0)
    write(seeded, "exfuse", counts(10, 20), 1)
    found = confusion.read(seeded.graph, "exfuse", {0, 1, 2})
    assert found.seeds == (0, 1)
    assert found.counts.sum() == 4 * (20 + 40)
    assert found.shares[CAT, CAT] == 50.0


@pytest.mark.parametrize(
    "damage", ["cut", "flipped bytes", "no deflate", "other classes", "no array", "gone", "text", "another's"]
)
def test_a_broken_file_is_said_and_the_other_seed_is_shown(seeded, damage):
    write(seeded, "exfuse", counts(10, 0), 0)
    path = write(seeded, "exfuse", counts(0, 10), 1)
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "flipped bytes":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes(255 - byte for byte in content[middle:-300]) + content[-300:])
        case "no deflate":  # the compressed bytes of the first member, behind its header
            start = content.index(b"names.npy") + len(b"names.npy") + int.from_bytes(content[28:30], "little")
            path.write_bytes(content[:start] + b"\xff" * 8 + content[start + 8 :])
        case "other classes":
            result = SegmentationResult(("a",), np.zeros((1, 3, 3), np.int32), np.ones((1, 3, 3), np.int32), False)
            write_confusions(path, [result])
        case "no array":
            np.savez(path, names=np.array(["a"]))
        case "gone":
            path.unlink()
        case "another's":
            result = SegmentationResult(("a",), counts(1, 2)[None].astype(np.int32), counts(3, 4)[None] * 0, False)
            write_confusions(path, [result])
        case "text":
            path.write_text("counts")
    found = confusion.read(seeded.graph, "exfuse", {0, 1, 2})
    assert found.seeds == (0,)
    assert found.shares[CAT, CAT] == 100.0
    assert len(found.problems) == 1
    assert found.problems[0].startswith("exfuse, seed 1: ")
    assert "results/mini/runs/exfuse/seed1/trainaug/confusions.npz" in found.problems[0]
    assert found.problems[0] in confusion.chart(seeded.graph).notes


def test_one_side_alone_is_shown_without_a_difference(results):
    write(results, "exfuse", counts(9, 1))
    chart = confusion.chart(results.graph)
    assert [one["title"] for one in chart.spec["concat"]] == ["ExFuse"]
    assert chart.table.columns == ("True class", "Given class", "ExFuse (%)")
    assert any(note.startswith("gcn-resnext101: missing") for note in chart.notes)


def test_classes_without_ground_truth_have_a_row_of_dashes_nowhere(results):
    write(results, "gcn-resnext101", counts(6, 4))
    write(results, "exfuse", counts(9, 1))
    lengths = {len(row) for row in confusion.chart(results.graph).table.rows}
    assert lengths == {5}


def test_many_classes_are_cut_to_those_with_the_most_pixels():
    found = np.diag(np.arange(60)).astype(np.int64)
    kept = confusion._kept([found, found], 60)
    assert kept == list(range(20, 60))
