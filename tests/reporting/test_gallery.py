"""The gallery: images chosen as the rule says, masks whose labels survive, and files that are cut or strange."""

import base64
import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.evaluation.confusion import confusion_matrix, mean_iou
from exfuse.evaluation.results import SegmentationResult, write_confusions
from exfuse.files import read_json, write_csv, write_json
from exfuse.reporting.gallery.choice import Chosen, choose
from exfuse.reporting.gallery.content import Gallery
from exfuse.reporting.gallery.making import make, write_gallery
from exfuse.reporting.gallery.pictures import mask_url, photograph_url
from exfuse.reporting.gallery.section import gallery_section
from exfuse.reporting.report import write_report

GCN, EXFUSE = "gcn-resnext101-coco", "exfuse-resnext131-coco"
HOSTILE = "<script>alert('1')</script> & \"quotes\" 标签 " + "x" * 150
CLASSES = (0, 2, 7, 8, 9)  # background, bicycle, car, cat, chair: VOC's labels of what `mini` keeps


def labels_of(url: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        assert image.mode == "L"
        return np.array(image)


def palette_png(labels: np.ndarray) -> bytes:
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(voc_palette())
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


class Scene:
    """A set of images with the predictions of both models, all as their jobs write them."""

    def __init__(self, results) -> None:
        self.results, self.graph = results, results.graph
        self.truths: dict[str, np.ndarray] = {}
        self.predictions: dict[str, dict[str, np.ndarray]] = {GCN: {}, EXFUSE: {}}

    def image(self, name: str, truth: np.ndarray, gcn: np.ndarray, exfuse: np.ndarray) -> None:
        """An image with VOC's labels (H, W)."""
        self.truths[name] = truth
        self.predictions[GCN][name], self.predictions[EXFUSE][name] = gcn, exfuse

    def write(self, *runs: str) -> None:
        data = self.graph.layout.data
        (data / "voc").mkdir(parents=True, exist_ok=True)
        rows = []
        for number, (name, truth) in enumerate(self.truths.items()):
            height, width = truth.shape
            Image.new("RGB", (width, height), (10, 200, 30)).save(data / "voc" / f"{number}.jpg")
            (data / "voc" / f"{number}.png").write_bytes(palette_png(truth))
            paths = {"image": f"voc/{number}.jpg", "mask": f"voc/{number}.png"}
            rows.append({"id": name, "source": "voc", **paths, "width": width, "height": height, "classes": ""})
        write_csv(self.graph.layout.set("val"), tuple(rows[0]), rows)
        self.results.finish(self.graph.jobs["data/sets/val"])
        for run in runs or (GCN, EXFUSE):
            self._run(run)

    def folder(self, run: str):
        return self.graph.layout.stage(run, 0, self.results.spec.chain(run)[-1].stage)

    def _run(self, run: str) -> None:
        table = np.zeros(256, np.uint8)
        table[list(CLASSES)] = range(5)
        table[255] = 255
        counts = [
            confusion_matrix(table[self.predictions[run][name]], table[truth], 5) for name, truth in self.truths.items()
        ]
        plain = np.stack(counts).astype(np.int32)
        self.results.run(run, float(mean_iou(plain.sum(axis=0))))
        flipped = SegmentationResult(tuple(self.truths), plain[::-1], plain * 0, True)  # never to be read
        results = [SegmentationResult(tuple(self.truths), plain * 0, plain, False), flipped]
        write_confusions(self.folder(run) / "confusions.npz", results)
        with zipfile.ZipFile(self.folder(run) / "predictions.zip", "w") as archive:
            for name, labels in self.predictions[run].items():
                archive.writestr(f"{name}.png", palette_png(labels))
        self.results.finish(self.graph.jobs[f"{self.graph.last_stage(run, 0)}/val"])


@pytest.fixture
def scene(results):
    return Scene(results)


def halves(left: int, right: int, share: float = 0.5) -> np.ndarray:
    """10 × 10 labels, one class on the left and one on the right."""
    labels = np.full((10, 10), left, np.uint8)
    labels[:, round(10 * (1 - share)) :] = right
    return labels


# The rule


def test_images_are_taken_by_the_first_rule_that_wants_them():
    exfuse = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.4, "e": 0.6, "f": 0.7}
    gcn = {"a": 0.1, "b": 0.7, "c": 0.5, "d": 0.9, "e": 0.9, "f": 0.6}
    # changes: a +0.8, b +0.1, c 0, d −0.5, e −0.3, f +0.1; a and d are taken before
    assert choose(exfuse, gcn, each=2) == [
        Chosen("a", "best", 1), Chosen("b", "best", 2),
        Chosen("d", "worst", 1), Chosen("c", "worst", 2),
        Chosen("e", "changed", 3), Chosen("f", "changed", 5),
    ]  # fmt: skip


def test_equal_scores_go_by_id_and_rounding_makes_no_order():
    exfuse = {"b": 0.1 + 0.2, "z": 0.3, "a": 0.5, "y": 0.5, "c": 0.5}  # 0.1 + 0.2 is a bit above 0.3
    assert [one.id for one in choose(exfuse, {}, each=2)] == ["a", "c", "b", "z"]
    # 0.3 − 0.1 and 0.4 − 0.2 differ by one bit
    changed = choose({"q": 0.3, "p": 0.4}, {"q": 0.1, "p": 0.2}, each=0) + [
        one
        for one in choose({"q": 0.3, "p": 0.4, "x": 1, "w": 0}, {"q": 0.1, "p": 0.2}, each=1)
        if one.rule == "changed"
    ]
    assert changed == [Chosen("p", "changed", 1)]


def test_what_did_not_change_or_has_no_counterpart_is_not_changed():
    assert choose({"a": 0.5, "b": 0.5, "c": 0.4}, {"a": 0.5, "b": 0.5}, each=1) == [
        Chosen("a", "best", 1),
        Chosen("c", "worst", 1),
    ]


# What is written


def test_scores_are_those_of_the_image_by_hand(scene):
    # truth: half background, half cat. GCN: all background. ExFuse: one column of the cat taken for a car.
    exfuse = halves(0, 8)
    exfuse[:, 9] = 7
    scene.image("one", halves(0, 8), halves(0, 0), exfuse)
    scene.image("empty", halves(0, 0), halves(0, 8), halves(0, 0))
    scene.write()
    gallery = make(scene.graph)
    assert (gallery.scored, gallery.without_objects, gallery.problems) == (1, 1, ())
    (one,) = gallery.pictures
    assert one.gcn == pytest.approx((0.5 + 0) / 2)  # background 50 of 100, cat 0
    assert one.exfuse == pytest.approx((1 + 40 / 50) / 2)  # the car is no class of this image
    assert {c.label: (c.truth, c.gcn, c.exfuse) for c in one.classes} == {
        0: (0.5, 0.5, 1.0), 8: (0.5, 0.0, 0.8), 7: (0.0, None, None),
    }  # fmt: skip
    assert [c.exfuse_share for c in one.classes] == [0.5, 0.1, 0.4]
    assert one.problems == {}


def test_something_painted_on_background_lowers_the_score(scene):
    painted = halves(0, 8)
    painted[:, 0] = 2
    scene.image("one", halves(0, 8), halves(0, 8), painted)
    scene.write()
    (one,) = make(scene.graph).pictures
    assert one.exfuse == pytest.approx((40 / 50 + 1) / 2)


def test_score_is_the_papers_measure_on_one_image(scene):
    generator = np.random.default_rng(0)
    truth, gcn, exfuse = (generator.choice(CLASSES, (12, 9)).astype(np.uint8) for _ in range(3))
    scene.image("one", truth, gcn, exfuse)
    scene.write()
    (one,) = make(scene.graph).pictures
    places = {label: place for place, label in enumerate(CLASSES)}
    counts = np.zeros((5, 5), int)
    for t, p in zip(truth.ravel(), exfuse.ravel(), strict=True):
        counts[places[t], places[p]] += 1
    assert one.exfuse == pytest.approx(float(mean_iou(counts)))


def test_labels_survive_and_classes_that_are_not_kept_are_background(scene):
    truth = halves(15, 9)  # person is not kept by `mini`
    truth[0, :] = 255
    scene.image("one", truth, halves(0, 9), halves(7, 9))
    scene.write()
    (one,) = make(scene.graph).pictures
    expected = halves(0, 9)
    expected[0, :] = 255
    assert (labels_of(one.truth) == expected).all()
    assert (labels_of(one.exfuse_mask) == halves(7, 9)).all()
    assert (one.width, one.height) == (10, 10)
    assert {entry.name: entry.label for entry in make(scene.graph).palette}["void"] == 255


def test_large_pictures_are_made_smaller_without_new_labels():
    labels = np.zeros((375, 500), np.uint8)
    labels[100:200, 100:400] = 9
    labels[99, 100:400] = 255
    small = labels_of(mask_url(labels))
    assert small.shape == (300, 400)
    assert set(np.unique(small)) <= {0, 9, 255}
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 255, (375, 500, 3), dtype=np.uint8))
    with Image.open(io.BytesIO(base64.b64decode(photograph_url(noise).partition(",")[2]))) as photograph:
        assert photograph.size == (400, 300)


def test_same_bytes_twice(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_gallery(scene.graph)
    first = scene.graph.layout.gallery.read_bytes()
    write_gallery(scene.graph)
    assert scene.graph.layout.gallery.read_bytes() == first
    assert Gallery.model_validate_json(first) == make(scene.graph)


# What is in the way


def test_without_exfuse_nothing_is_chosen_and_it_is_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write(GCN)
    gallery = make(scene.graph)
    assert gallery.pictures == ()
    assert gallery.problems == (f"{EXFUSE}: missing",)


def test_without_gcn_the_best_and_worst_are_there(scene):
    for number in range(9):
        scene.image(f"i{number}", halves(0, 8), halves(0, 9), halves(0, 8, share=0.1 * number))
    scene.write(EXFUSE)
    gallery = make(scene.graph)
    assert [one.rule for one in gallery.pictures] == ["best"] * 4 + ["worst"] * 4
    assert {one.problems["gcn_mask"] for one in gallery.pictures} == {f"{GCN}: missing"}
    assert all(one.gcn is None and one.gcn_mask is None for one in gallery.pictures)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", None])
def test_cut_predictions_are_said_in_their_place(scene, damage):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    archive = scene.folder(EXFUSE) / "predictions.zip"
    archive.write_bytes(archive.read_bytes()[:-40] if damage is None else damage)
    (one,) = make(scene.graph).pictures
    assert "predictions.zip does not hold it, or cannot be read" in one.problems["exfuse_mask"]
    assert one.exfuse_mask is None
    assert one.gcn_mask is not None


def test_a_prediction_with_altered_bytes_is_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    archive = scene.folder(EXFUSE) / "predictions.zip"
    content = bytearray(archive.read_bytes())
    content[90] ^= 255  # within the picture's data: the zip's own checksum notices
    archive.write_bytes(content)
    assert "cannot be read" in make(scene.graph).pictures[0].problems["exfuse_mask"]


def test_cut_confusions_leave_the_pictures_that_there_are(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    counts = scene.folder(GCN) / "confusions.npz"
    counts.write_bytes(counts.read_bytes()[:100])
    gallery = make(scene.graph)
    assert "confusions.npz is missing or cannot be read" in gallery.problems[0]
    assert gallery.pictures[0].gcn is None
    assert gallery.pictures[0].gcn_mask is not None


@pytest.mark.parametrize(
    "wrong", [np.ones((1, 21, 21), np.int32), np.ones((2, 5, 5), np.int32), -np.ones((1, 5, 5), np.int32)]
)
def test_confusions_that_are_none_are_refused(scene, wrong):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_confusions(scene.folder(EXFUSE) / "confusions.npz", [SegmentationResult(("one",), wrong, wrong, False)])
    gallery = make(scene.graph)
    assert "does not hold counts of 5 classes" in gallery.problems[0]
    assert gallery.pictures == ()


def test_counts_of_another_evaluation_are_said(scene):
    """Counts that are whole, but of other predictions than those whose mIoU the tables print."""
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    counts = halves(0, 0).size // 2 * np.eye(5, dtype=np.int32)[None]
    result = SegmentationResult(("one",), counts, counts * 0, False)
    write_confusions(scene.folder(GCN) / "confusions.npz", [result])
    gallery = make(scene.graph)
    assert gallery.problems[0].startswith(f"{GCN}: contradictory: ")
    assert "confusions.npz holds other counts than those that val.json was made of" in gallery.problems[0]
    assert gallery.pictures[0].gcn is None
    assert gallery.pictures[0].exfuse is not None


@pytest.mark.parametrize("stated", [None, "0.5", 10**400, True], ids=range(4))
def test_an_evaluation_whose_mean_is_no_fraction_has_no_scores(scene, stated):
    scene.image("one", halves(0, 8), halves(0, 8), halves(0, 8))
    scene.write()
    path = scene.folder(EXFUSE) / "val.json"
    write_json(path, read_json(path) | {"miou": stated})
    assert "contradictory" in make(scene.graph).problems[0]


def test_predictions_that_were_not_scored_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    with zipfile.ZipFile(scene.folder(EXFUSE) / "predictions.zip", "w") as archive:
        archive.writestr("one.png", palette_png(halves(0, 7)))
    (one,) = make(scene.graph).pictures
    assert "not the prediction that was scored" in one.problems["exfuse_mask"]


def test_predictions_of_another_size_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    with zipfile.ZipFile(scene.folder(EXFUSE) / "predictions.zip", "w") as archive:
        archive.writestr("one.png", palette_png(np.zeros((4, 4), np.uint8)))
    (one,) = make(scene.graph).pictures
    assert one.problems == {"exfuse_mask": "the prediction has another size than the image"}
    assert one.exfuse_mask is None


def test_photographs_and_masks_that_are_gone_or_of_another_size_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.image("two", halves(0, 8), halves(0, 9), halves(0, 7))
    scene.write()
    data = scene.graph.layout.data / "voc"
    (data / "0.jpg").unlink()
    (data / "1.png").write_bytes(palette_png(np.zeros((4, 4), np.uint8)))
    one, two = make(scene.graph).pictures
    assert one.problems == {"photograph": "missing: 0.jpg cannot be read"}
    assert one.photograph is None and one.truth is not None
    assert two.problems == {"truth": "the mask has another size than the photograph"}


def test_images_that_only_one_side_scored_are_counted(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    scene.image("two", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write(EXFUSE)
    assert make(scene.graph).problems == (f"images that were scored with {EXFUSE} alone: 1",)


# The page


def page(results) -> str:
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    return re.search(r'<section id="gallery".*?</section>', html, re.S)[0]


def test_page_without_the_file_says_so(results):
    assert "missing: results/mini/figures/gallery.json is not there" in page(results)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"gcn": 1}'])
def test_page_with_a_cut_file_says_so(results, content):
    results.graph.layout.gallery.parent.mkdir(parents=True)
    results.graph.layout.gallery.write_text(content)
    assert "cut or of another format" in page(results)


def test_page_asks_nobody_for_a_picture_that_a_file_names(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_gallery(scene.graph)
    content = read_json(scene.graph.layout.gallery)
    content["pictures"][0]["photograph"] = "https://example.org/a.jpg"
    write_json(scene.graph.layout.gallery, content)
    html = page(scene.results)
    assert "example.org" not in html
    assert "cut or of another format" in html


def test_page_holds_each_photograph_once_and_its_numbers_in_a_table(scene):
    scene.image("one", halves(0, 8), halves(0, 0), halves(0, 8))
    scene.image("two", halves(0, 9), halves(0, 9), halves(0, 0))
    scene.write()
    write_gallery(scene.graph)
    html = page(scene.results)
    assert "stale" in html  # no manifest yet
    scene.results.finish(scene.graph.jobs["gallery"])
    html = page(scene.results)
    assert "stale" not in html
    assert html.count("data:image/jpeg") == 2
    rows = re.findall(r'<tr id="(gallery-\w+)">.*?</tr>', html, re.S)
    assert rows == ["gallery-one", "gallery-two"]
    assert re.search(r"best of ExFuse: mean IoU 100\.0%</td><td>cat</td>.*25\.00.*100\.00.*\+75\.00</td>", html)
    data = json.loads(re.search(r'id="viewer-data">(.*?)</script>', html, re.S)[1])
    assert [one["place"] for one in data["pictures"]] == rows
    assert {entry["name"]: entry["colour"] for entry in data["palette"]}["chair"] == [192, 0, 0]


def test_hostile_ids_are_shown_and_have_places_of_their_own(scene):
    names = [HOSTILE, "标签", "签标"]
    for number, name in enumerate(names):
        scene.image(name, halves(0, 8), halves(0, 9), halves(0, 8, share=0.2 * number))
    scene.write()
    write_gallery(scene.graph)
    html = page(scene.results)
    places = [one.place for _, group in gallery_section(scene.graph).groups for one in group]
    assert len(set(places)) == 3
    assert all(re.fullmatch(r"gallery-[A-Za-z0-9_-]*", place) for place in places)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#39;1&#39;)" in html
    data = json.loads(re.search(r'id="viewer-data">(.*?)</script>', html, re.S)[1])
    assert {one["id"] for one in data["pictures"]} == set(names)
