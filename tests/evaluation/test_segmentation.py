"""A whole evaluation against loops over pixels, with a fake model that reads its predictions from the image."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exfuse.data.labels import ClassMap
from exfuse.data.loading import WholeImageSet
from exfuse.errors import UserError
from exfuse.evaluation.boundary import boundary_mask
from exfuse.evaluation.inference import InferenceSettings
from exfuse.evaluation.segmentation import evaluate_segmentation, predict_segmentation

KEPT = ("bicycle", "person")  # VOC ids 2 and 15 become 1 and 2
VOC_IDS = (0, 2, 15)
SETTINGS = InferenceSettings(size=32, mean=(0, 0, 0), std=(1 / 255, 1 / 255, 1 / 255), batch_size=3)
Write = Callable[[dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]], Path]


class Reader(nn.Module):
    """Predicts the class that the red channel holds."""

    def forward(self, images: Tensor) -> SimpleNamespace:
        return SimpleNamespace(scores=nn.functional.one_hot(images[:, 0].round().long(), 3).permute(0, 3, 1, 2))


def sample(seed: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image that holds a prediction, and VOC labels with a class that is not kept (9) and void."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), dtype=np.uint8)
    labels[3:9, 2:12] = 2
    labels[8:14, 6:20] = 15
    labels[2:4, 14:18] = 9
    labels[9, 2:12] = 255
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = rng.choice(3, (height, width), p=[0.7, 0.2, 0.1])
    return image, labels


@pytest.fixture
def samples() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    return {f"2007_{number:06}": sample(number, 16 + 4 * number, 40 - 3 * number) for number in range(5)}


def images(table: Path) -> WholeImageSet:
    """The set of a table, in the kept classes."""
    return WholeImageSet(table, table.parent, ClassMap(KEPT))


def test_counts_of_each_image_and_region(
    samples: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]], write_set_of: Write
) -> None:
    table = write_set_of(samples)
    done: list[int] = []
    plain, flipped = evaluate_segmentation(
        Reader(), images(table), len(KEPT) + 1, SETTINGS, boundary_width=2, progress=done.append
    )
    assert done == [3, 5]
    assert (plain.flip, flipped.flip) == (False, True)
    assert plain.images == flipped.images == tuple(samples)
    assert plain.boundary.dtype == np.int32
    for number, (image, voc) in enumerate(samples.values()):
        truth = np.select([voc == 255, voc == 2, voc == 15], [255, 1, 2], 0)
        near = boundary_mask(truth, 2)
        expected = np.zeros((2, 3, 3), dtype=int)
        for (row, column), label in np.ndenumerate(truth):
            if label != 255:
                expected[0 if near[row, column] else 1, label, image[row, column, 0]] += 1
        assert plain.boundary[number].tolist() == expected[0].tolist()
        assert plain.interior[number].tolist() == expected[1].tolist()
    # this model looks at single pixels, so mirroring there and back changes nothing
    assert np.array_equal(plain.confusion, flipped.confusion)
    assert plain.confusion.sum() == sum((voc != 255).sum() for _, voc in samples.values())


def test_plain_and_flipped_differ_where_the_model_depends_on_the_side(write_set_of: Write) -> None:
    class LeftBlind(nn.Module):
        """Sees class 1 everywhere with score 1, but class 0 with score 3 in the two left columns."""

        def forward(self, images: Tensor) -> SimpleNamespace:
            scores = torch.zeros(len(images), 3, *images.shape[2:])
            scores[:, 1] = 1
            scores[:, 0, :, :2] = 3
            return SimpleNamespace(scores=scores)

    labels = np.full((4, 10), 2, dtype=np.uint8)
    table = write_set_of({"a": (np.zeros((4, 10, 3), dtype=np.uint8), labels)})
    plain, flipped = evaluate_segmentation(LeftBlind(), images(table), len(KEPT) + 1, SETTINGS, boundary_width=1)
    assert plain.confusion[0, 1].tolist() == [8, 32, 0]  # two columns wrong
    assert flipped.confusion[0, 1].tolist() == [16, 24, 0]  # (3 + 0) / 2 > (1 + 1) / 2: two on each side
    (alone,) = evaluate_segmentation(
        LeftBlind(), images(table), len(KEPT) + 1, SETTINGS, boundary_width=1, flips=(True,)
    )
    assert np.array_equal(alone.confusion, flipped.confusion)


def test_workers_change_nothing(
    samples: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]], write_set_of: Write
) -> None:
    table = write_set_of(samples)
    parallel = InferenceSettings(size=SETTINGS.size, mean=SETTINGS.mean, std=SETTINGS.std, batch_size=2, workers=2)
    results = [
        evaluate_segmentation(Reader(), images(table), len(KEPT) + 1, settings, boundary_width=2)[0]
        for settings in (SETTINGS, parallel)
    ]
    assert np.array_equal(results[0].boundary, results[1].boundary)
    assert np.array_equal(results[0].interior, results[1].interior)


def test_predictions_for_the_server_are_in_vocs_ids(
    samples: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]], write_set_of: Write
) -> None:
    table = write_set_of(samples)
    predictions = list(predict_segmentation(Reader(), table, table.parent, ClassMap(KEPT), SETTINGS, flip=True))
    assert [name for name, _ in predictions] == list(samples)
    for (_, labels), (image, _) in zip(predictions, samples.values(), strict=True):
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, np.array(VOC_IDS)[image[..., 0]])


def test_a_missing_image_is_named(write_set_of: Write) -> None:
    table = write_set_of({"a": sample(0, 20, 20)})
    (table.parent / "a.jpg").unlink()
    with pytest.raises(UserError, match=r"a\.jpg"):
        evaluate_segmentation(Reader(), images(table), len(KEPT) + 1, SETTINGS, boundary_width=1)
