"""Losses against sums written out: void pixels, auxiliary terms, and PyTorch's mean where there is no void."""

import math

import pytest
import torch
from torch.nn import functional

from exfuse.models.segmenter import SegmenterOutput
from exfuse.models.semantic_supervision import ClassifierOutput
from exfuse.training.losses import Losses, classification_losses, segmentation_losses, valid_pixels

VOID = 255


def _scores(*pixels: tuple[float, float]) -> torch.Tensor:
    """Scores of two classes for one row of pixels: (1, 2, 1, W)."""
    return torch.tensor(pixels).T.reshape(1, 2, 1, len(pixels))


def _segmentation(output: SegmenterOutput, masks: torch.Tensor, weight: float = 0.4) -> Losses:
    """Of a batch that goes through the network as one."""
    return segmentation_losses(output, masks, weight, valid_pixels(masks))


def test_hand_worked_case_with_void() -> None:
    """Softmax of (ln 3, 0) is (3/4, 1/4): a hit costs ln 4/3, a miss ln 4; the void pixel counts in neither part."""
    scores = _scores((math.log(3), 0.0), (math.log(3), 0.0), (math.log(3), 0.0))
    losses = _segmentation(SegmenterOutput(scores, None), torch.tensor([[[0, 1, VOID]]]))
    expected = (math.log(4 / 3) + math.log(4)) / 2
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-6)
    assert set(losses) == {"loss", "main"}


def test_pixels_of_the_whole_batch_weigh_the_same() -> None:
    """Not the mean of the images' means: one image has a single valid pixel, a hit, the other two misses."""
    hit, miss = (math.log(3), 0.0), (0.0, math.log(3))
    scores = torch.cat([_scores(hit, hit), _scores(miss, miss)])
    masks = torch.tensor([[[0, VOID]], [[0, 0]]])
    losses = _segmentation(SegmenterOutput(scores, None), masks)
    assert losses["loss"].item() == pytest.approx((math.log(4 / 3) + 2 * math.log(4)) / 3, rel=1e-6)


def test_without_void_it_is_the_mean() -> None:
    torch.manual_seed(0)
    scores, masks = torch.randn(2, 5, 6, 7), torch.randint(0, 5, (2, 6, 7))
    losses = _segmentation(SegmenterOutput(scores, None), masks)
    torch.testing.assert_close(losses["loss"], functional.cross_entropy(scores, masks))


def test_void_changes_neither_value_nor_gradient() -> None:
    torch.manual_seed(0)
    scores = torch.randn(1, 3, 4, 4, requires_grad=True)
    masks = torch.randint(0, 3, (1, 4, 4))
    _segmentation(SegmenterOutput(scores, None), masks)["loss"].backward()
    padded = functional.pad(scores.detach(), (0, 5, 0, 2), value=9.0).requires_grad_()
    padded_masks = functional.pad(masks, (0, 5, 0, 2), value=VOID)
    loss = _segmentation(SegmenterOutput(padded, None), padded_masks)["loss"]
    loss.backward()
    assert scores.grad is not None and padded.grad is not None
    torch.testing.assert_close(padded.grad[..., :4, :4], scores.grad)
    assert padded.grad[..., 4:, :].abs().max() == 0
    assert padded.grad[..., :, 4:].abs().max() == 0


def test_an_image_of_void_alone_costs_nothing() -> None:
    scores = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = _segmentation(SegmenterOutput(scores, None), torch.full((1, 3, 3), VOID))["loss"]
    loss.backward()
    assert loss.item() == 0.0
    assert scores.grad is not None and scores.grad.abs().max() == 0


def test_the_auxiliary_map_has_its_weight() -> None:
    """Main: a hit, ln 4/3. Auxiliary: a miss, ln 4. Void counts in neither."""
    output = SegmenterOutput(
        _scores((math.log(3), 0.0), (5.0, 0.0)), _scores((0.0, math.log(3)), (0.0, 5.0))
    )  # fmt: skip
    losses = _segmentation(output, torch.tensor([[[0, VOID]]]), 0.25)
    assert losses["main"].item() == pytest.approx(math.log(4 / 3), rel=1e-6)
    assert losses["auxiliary"].item() == pytest.approx(math.log(4), rel=1e-6)
    assert losses["loss"].item() == pytest.approx(math.log(4 / 3) + 0.25 * math.log(4), rel=1e-6)


def test_classification_without_supervision_is_cross_entropy() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    losses = classification_losses(ClassifierOutput(logits, {}), labels, 0.3, torch.tensor(4))
    torch.testing.assert_close(losses["loss"], functional.cross_entropy(logits, labels))
    assert set(losses) == {"loss", "main"}


def test_each_supervised_level_has_the_same_weight_and_the_own_classifier_one() -> None:
    """ln 4/3 for a hit, ln 4 for a miss, ln 2 for a draw; 1·ln 4/3 + 0.3·(ln 4 + ln 2)."""
    hit, miss, draw = ([[math.log(3), 0.0]], [[0.0, math.log(3)]], [[0.0, 0.0]])
    output = ClassifierOutput(torch.tensor(hit), {1: torch.tensor(miss), 3: torch.tensor(draw)})
    losses = classification_losses(output, torch.tensor([0]), 0.3, torch.tensor(1))
    assert losses["main"].item() == pytest.approx(math.log(4 / 3), rel=1e-6)
    assert losses["level1"].item() == pytest.approx(math.log(4), rel=1e-6)
    assert losses["level3"].item() == pytest.approx(math.log(2), rel=1e-6)
    assert losses["loss"].item() == pytest.approx(math.log(4 / 3) + 0.3 * (math.log(4) + math.log(2)), rel=1e-6)


def test_class_255_of_imagenet_is_a_class() -> None:
    """255 is void in masks alone."""
    logits = torch.zeros(2, 1000)
    losses = classification_losses(ClassifierOutput(logits, {}), torch.tensor([255, 0]), 0.3, torch.tensor(2))
    assert losses["loss"].item() == pytest.approx(math.log(1000), rel=1e-6)


def test_the_parts_of_a_batch_add_up_to_its_losses() -> None:
    """Also where they hold different numbers of valid pixels, one of them none."""
    torch.manual_seed(0)
    scores, auxiliary = torch.randn(3, 5, 6, 7), torch.randn(3, 5, 6, 7)
    masks = torch.randint(0, 5, (3, 6, 7))
    masks[0, 2:] = VOID
    masks[1] = VOID
    whole = _segmentation(SegmenterOutput(scores, auxiliary), masks)
    count = valid_pixels(masks)
    parts = [
        segmentation_losses(SegmenterOutput(scores[[image]], auxiliary[[image]]), masks[[image]], 0.4, count)
        for image in range(3)
    ]
    for name, value in whole.items():
        torch.testing.assert_close(torch.stack([part[name] for part in parts]).sum(), value)
