"""Figures: the same bytes each time, chosen by the rule that the caption states, and words where a run is missing."""

import dataclasses
import io
import zipfile

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from exfuse.files import read_csv
from exfuse.reporting import figure7, learning_curves, per_class
from exfuse.reporting.figures import PICTURES, write_figure
from exfuse.spec.graph import FIGURES


def texts(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text) if text.get_text())


def test_every_figure_of_the_graph_can_be_drawn():
    assert set(PICTURES) == set(FIGURES)


@pytest.mark.parametrize("name", ["figure7", "per-class"])
def test_same_bytes_twice(results, name):
    results.everything()
    paths = [results.graph.layout.figure(name, suffix) for suffix in ("svg", "png")]
    write_figure(results.graph, name)
    first = [path.read_bytes() for path in paths]
    write_figure(results.graph, name)
    assert [path.read_bytes() for path in paths] == first
    with Image.open(paths[1]) as image:
        assert min(image.size) > 300
    assert b"<svg" in first[0]
    assert b"<dc:date>" not in first[0]


def test_learning_curves_have_the_same_bytes_twice(results):
    results.run("ss-lr-ecre", 0.4)
    path = results.graph.layout.figure("learning-curves")
    write_figure(results.graph, "learning-curves")
    first = path.read_bytes()
    write_figure(results.graph, "learning-curves")
    assert path.read_bytes() == first


def test_learning_curves_draw_every_training(results):
    results.everything()
    figure = learning_curves.draw(results.graph)
    panels = [axes for axes in figure.get_axes() if axes.lines]
    assert len(panels) == len(results.spec.backbones) + len(results.spec.runs)
    chain = next(axes for axes in panels if axes.get_title() == "exfuse-resnext131-coco")
    assert chain.get_xlim()[1] == 200 + 200 + 60  # its three stages, wide decoder
    assert np.isclose(chain.lines[-1].get_ydata()[0], 2 / (1 + 6 / 50))  # first row of the last stage's total loss


def test_missing_runs_are_said_in_their_places(results):
    results.val_set()
    assert texts(figure7.draw(results.graph)).count("missing") >= 8
    assert "trainaug: missing" in texts(learning_curves.draw(results.graph))
    assert "no evaluation of GCN or ExFuse" in texts(per_class.draw(results.graph))


def test_without_prepared_images_figure_7_says_so(results):
    write_figure(results.graph, "figure7")
    assert "val.csv" in texts(figure7.draw(results.graph))


def test_stale_training_is_not_drawn(results):
    results.run("ss", 0.4)
    job = results.graph.jobs["runs/ss/seed0/trainaug"]
    job.manifest.write_text('{"key": "old"}')
    panel = next(axes for axes in learning_curves.draw(results.graph).get_axes() if axes.get_title() == "ss")
    assert not panel.lines
    assert "stale" in panel.texts[0].get_text()


def test_images_are_chosen_by_id_among_those_with_two_kept_classes(results):
    results.val_set()
    chosen = figure7.choose(read_csv(results.graph.layout.set("val")), results.spec)
    # 2 and 3 hold two kept classes; 1 and 4 hold one (person is not kept in `mini`); 5 holds none
    assert [line["id"][-1] for line in chosen] == ["2", "3", "1", "4"]


def test_truth_shows_kept_classes_and_void_only(results):
    labels = np.array([[0, 2, 15, 255, 9, 200]], np.uint8)
    assert figure7.restrict(labels, results.spec).tolist() == [[0, 2, 0, 255, 9, 0]]


def test_where_there_is_no_coco_other_models_stand_in_and_the_caption_says_so(results):
    assert "stand in" not in figure7.caption(results.graph)
    spec = dataclasses.replace(results.spec, preset=results.spec.preset.model_copy(update={"coco": False}))
    caption = figure7.caption(type(results)(spec).graph)
    assert caption.startswith("The paper shows models trained with COCO; those of Table 3 stand in here.")
    assert spec.runs["gcn-resnext101"].title in caption and spec.runs["exfuse"].title in caption


def test_predictions_appear_in_vocs_colours(results):
    results.everything()
    figure = figure7.draw(results.graph)
    grid = [axes for axes in figure.get_axes() if axes.images]
    assert len(grid) == 4 * 4
    chair = np.array([192, 0, 0])  # VOC's palette, label 9
    for axes in grid[2::4]:
        pixels = axes.images[0].get_array()
        assert (pixels[20, 20] == chair).all()
        assert (pixels[0, 0] == 0).all()
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert legend == {"background", "bicycle", "car", "cat", "chair", "void"}


def test_damaged_predictions_are_said(results):
    results.everything()
    folder = results.graph.layout.stage("exfuse-resnext131-coco", 0, "train")
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "png")
    with zipfile.ZipFile(folder / "predictions.zip", "w") as archive:
        archive.writestr("2007_000002.png", stream.getvalue())
    assert texts(figure7.draw(results.graph)).count("missing: prediction") == 4


def test_class_iou_is_averaged_over_seeds_and_skips_absent_classes(seeded):
    seeded.run("exfuse", 0.4, seed=0, iou={"background": 0.8, "cat": None})
    seeded.run("exfuse", 0.4, seed=1, iou={"background": 0.9, "cat": None})
    assert per_class.class_iou(seeded.graph, "exfuse") == pytest.approx({"background": 85.0})
