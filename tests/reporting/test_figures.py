"""Figures: the same bytes each time, chosen by the rule that the caption states, and words where a run is missing."""

import dataclasses
import io
import zipfile

import matplotlib as mpl
import numpy as np
from PIL import Image

from exfuse.files import read_csv
from exfuse.reporting import figure7
from exfuse.reporting.charts.plans import PLANS
from exfuse.reporting.figures import PICTURES, write_figure
from exfuse.spec.graph import FIGURES


def texts(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text) if text.get_text())


def test_every_figure_of_the_graph_can_be_drawn():
    assert {*PICTURES, *PLANS} == set(FIGURES)
    assert not {*PICTURES} & {*PLANS}


def test_same_bytes_twice(results):
    results.everything()
    paths = [results.graph.layout.figure("figure7", suffix) for suffix in ("svg", "png")]
    write_figure(results.graph, "figure7")
    first = [path.read_bytes() for path in paths]
    write_figure(results.graph, "figure7")
    assert [path.read_bytes() for path in paths] == first
    with Image.open(paths[1]) as image:
        assert min(image.size) > 300
    assert b"<svg" in first[0]
    assert b"<dc:date>" not in first[0]


def test_a_chart_is_written_by_the_same_verb(results):
    write_figure(results.graph, "boundary")
    for suffix in ("svg", "png", "vl.json"):
        assert results.graph.layout.figure("boundary", suffix).is_file()


def test_missing_runs_are_said_in_their_places(results):
    results.val_set()
    assert texts(figure7.draw(results.graph)).count("missing") >= 8


def test_without_prepared_images_figure_7_says_so(results):
    write_figure(results.graph, "figure7")
    assert "val.csv" in texts(figure7.draw(results.graph))


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
