"""Objects and how much of each was found, on masks drawn by hand; intervals against what they are defined as."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from exfuse.data.labels import voc_palette
from exfuse.files import write_csv
from exfuse.reporting.charts import object_size
from exfuse.reporting.charts.objects import measure, regions

BICYCLE, CAT, CHAIR, VOID = 2, 8, 9, 255


def png(labels):
    image = Image.fromarray(labels, "L").convert("P")
    image.putdata(labels.ravel().tolist())
    image.putpalette(voc_palette())
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


def archive(path, predictions):
    with zipfile.ZipFile(path, "w") as target:
        for name, labels in predictions.items():
            target.writestr(f"{name}.png", png(labels))


def test_regions_are_connected_pixels_of_one_class():
    truth = np.array(
        [
            [CAT, CAT, 0, CHAIR],
            [CAT, 0, 0, CHAIR],
            [0, CAT, VOID, CAT],  # touches the first cat at a corner; the other stands apart
            [BICYCLE, 0, 0, CAT],
        ],
        np.uint8,
    )
    found = regions(truth)
    numbers = np.full(truth.size, -1)
    numbers[found.places] = found.numbers
    numbers = numbers.reshape(truth.shape)
    assert numbers[0, 0] == numbers[2, 1] != numbers[2, 3]
    assert numbers[2, 2] == numbers[0, 2] == -1
    assert sorted(found.sizes.tolist()) == [1, 2, 2, 4]
    assert found.sizes[numbers[3, 0]] == 1


def test_share_of_an_objects_pixels_that_were_given_its_class():
    truth = np.zeros((4, 4), np.uint8)
    truth[0], truth[2:, :2] = CAT, CHAIR
    prediction = np.full((4, 4), CAT, np.uint8)
    prediction[2, 0] = CHAIR
    assert regions(truth).found(prediction).tolist() == [1.0, 0.25]


def test_archives_that_cannot_be_compared_are_left_out_whole(tmp_path):
    truth = np.zeros((4, 4), np.uint8)
    truth[0] = CAT
    images = {"a": truth, "b": truth}
    good, lacking, sized, broken = (tmp_path / name for name in ("good.zip", "lacking.zip", "sized.zip", "broken.zip"))
    archive(good, images)
    archive(lacking, {"a": truth})
    archive(sized, {"a": truth, "b": truth[:2]})
    broken.write_bytes(good.read_bytes()[:40])
    found = measure(iter(images.items()), [good, lacking, sized, broken, tmp_path / "gone.zip"])
    assert list(found.found) == [good]
    assert found.found[good].tolist() == [1.0, 1.0]
    assert found.area.tolist() == [0.25, 0.25]
    assert len(found.problems) == 4
    assert any("4×2 pixels, not 4×4" in problem for problem in found.problems)


def flipped(path, place, bit):
    content = bytearray(path.read_bytes())
    content[place] ^= bit
    path.write_bytes(content)


def test_archives_that_zip_cannot_open_are_left_out(tmp_path):
    """Encryption and a method of compression that Python has not, as they stand in the central directory."""
    truth = np.zeros((4, 4), np.uint8)
    truth[0] = CAT
    for name, offset, bit in (("locked.zip", 8, 1), ("odd.zip", 10, 64), ("newer.zip", 6, 128)):
        archive(tmp_path / name, {"a": truth})
        flipped(tmp_path / name, (tmp_path / name).read_bytes().index(b"PK\x01\x02") + offset, bit)
        found = measure([("a", truth)], [tmp_path / name])
        assert found.found == {}
        assert len(found.problems) == 1
        assert found.area.tolist() == [0.25]


def test_a_flipped_bit_is_a_problem_or_none(tmp_path):
    truth = np.zeros((4, 4), np.uint8)
    truth[0] = CAT
    path = tmp_path / "predictions.zip"
    archive(path, {"a": truth})
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 8, 64):
            path.write_bytes(whole)
            flipped(path, place, bit)
            found = measure([("a", truth)], [path])
            assert len(found.found) + len(found.problems) == 1
            assert all(values.tolist() == [1.0] for values in found.found.values())


def test_sizes_are_quantiles_and_equal_objects_stay_together():
    assert object_size.size_cuts(np.arange(1, 101) / 100) == pytest.approx([0.208, 0.406, 0.604, 0.802])
    assert object_size.size_cuts(np.array([0.1] * 9 + [0.2])).tolist() == [0.1]
    assert object_size.size_cuts(np.array([])).size == 0


def test_interval_over_images_draws_images_not_objects():
    """A hundred objects of one image are one draw: the interval is as wide as that of two images."""
    image = np.array([0] * 100 + [1] * 100)
    difference = np.where(image == 0, 1.0, 0.0)
    assert object_size.interval_over_images(difference, image, 2) == (0.0, 1.0)
    assert object_size.interval_over_images(difference[:100], image[:100], 2) is None
    alone = np.arange(400) % 2 * 1.0
    low, high = object_size.interval_over_images(alone, np.arange(400), 400)
    reach = 1.96 * 0.5 / 20  # normal approximation of a share of one half
    assert (low, high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=0.01)


@pytest.fixture
def sized(seeded):
    """Ten images: nine with a small cat, one a large one; every part finds a pixel row more of the small ones."""
    data = seeded.graph.layout.data
    lines, truths = [], {}
    for number in range(10):
        truth = np.zeros((20, 20), np.uint8)
        truth[: 20 if number == 9 else 4, :5] = CAT
        truths[f"i{number}"] = truth
        target = data / "voc" / "masks" / f"i{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(truth))
        lines.append({"id": f"i{number}", "mask": f"voc/masks/i{number}.png"})
    write_csv(seeded.graph.layout.set("val"), ("id", "mask"), lines)

    def predict(run, seed, rows):
        seeded.run(run, 0.5, seed=seed)
        job = seeded.graph.jobs[f"{seeded.graph.last_stage(run, seed)}/val"]
        seen = (np.arange(20) < rows)[:, None]
        found = {name: np.where(seen, truth, 0).astype(np.uint8) for name, truth in truths.items()}
        archive(job.manifest.with_name("predictions.zip"), found)
        seeded.finish(job)

    return seeded, predict


def test_effect_by_size(sized):
    results, predict = sized
    for seed in range(2):
        predict("ss-lr", seed, 2)
        predict("ss-lr-ecre", seed, 3)
    chart = object_size.chart(results.graph)
    small, large = chart.table.rows
    assert small[:6] == ("ECRE", "5%", "9", "9", "50.00", "75.00")  # 2 and 3 of 4 rows
    assert small[6:] == ("+25.00", "–")
    assert large[:7] == ("ECRE", "25%", "1", "1", "10.00", "15.00", "+5.00")  # 2 and 3 of 20
    assert large[7] == "–"  # one image
    assert "bootstrap over images" in chart.caption
    assert any(note.startswith("ss-lr-seb-dap: missing") for note in chart.notes)


def test_with_three_seeds_intervals_hold_what_changes_between_them(sized):
    results, predict = sized
    for seed, rows in enumerate((2, 3, 4)):
        predict("ss-lr-seb", seed, 1)
        predict("ss-lr-seb-dap", seed, rows)
    chart = object_size.chart(results.graph)
    expected = stats.ttest_1samp([25.0, 50.0, 75.0], 0.0).confidence_interval(0.95)
    assert chart.table.rows[0][6:] == ("+50.00", f"−{-expected.low:.2f} to +{expected.high:.2f}")
    assert "Student's t over 3 seeds" in chart.caption


def test_predictions_that_were_exchanged_are_not_measured(sized):
    results, predict = sized
    predict("ss-lr", 0, 2)
    predict("ss-lr-ecre", 0, 3)
    mine, other = (results.graph.jobs[f"{results.graph.last_stage(run, 0)}/val"] for run in ("ss-lr-ecre", "ss-lr"))
    shutil.copyfile(other.manifest.with_name("predictions.zip"), mine.manifest.with_name("predictions.zip"))
    chart = object_size.chart(results.graph)
    assert chart.table.rows == ()
    (note,) = (one for one in chart.notes if one.startswith("ss-lr-ecre, seed 0: contradictory: "))
    assert note.endswith("predictions.zip is not the file that its manifest describes")


def test_without_images_or_predictions_there_is_a_sentence(results):
    chart = object_size.chart(results.graph)
    assert "Neither ECRE nor DAP" in chart.spec["mark"]["text"]
    assert "none yet: nothing was evaluated" in chart.caption
    assert len(chart.notes) == 4
    results.run("ss-lr", 0.5)
    results.run("ss-lr-ecre", 0.5)
    assert object_size.chart(results.graph).table.rows == ()


def test_a_mask_that_cannot_be_read_costs_one_image(sized):
    results, predict = sized
    predict("ss-lr", 0, 2)
    predict("ss-lr-ecre", 0, 3)
    (results.graph.layout.data / "voc" / "masks" / "i3.png").write_bytes(b"no image")
    chart = object_size.chart(results.graph)
    assert chart.table.rows[0][2] == "8"
    assert any(note.startswith("i3: its ground truth cannot be read") for note in chart.notes)
