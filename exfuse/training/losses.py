"""What is minimised: cross-entropy per valid pixel (or per image), and the auxiliary terms with their weights.

A batch may go through the network in parts, on several devices: each part's sums are divided by the count of the whole
batch, so that the parts' losses and gradients add up to the batch's.
"""

import torch
from torch import Tensor
from torch.nn import functional

from exfuse.data.labels import IGNORE_INDEX
from exfuse.models.segmenter import SegmenterOutput
from exfuse.models.semantic_supervision import ClassifierOutput

Losses = dict[str, Tensor]
"""Named terms; ``loss`` is the weighted sum that is minimised."""


def valid_pixels(masks: Tensor) -> Tensor:
    """How many pixels of masks (N, H, W) are not void."""
    return (masks != IGNORE_INDEX).sum()


def classification_losses(output: ClassifierOutput, labels: Tensor, auxiliary_weight: float, count: Tensor) -> Losses:
    """The pretraining's loss: "a weighted summation of all auxiliary branches" (§3.1), the own classifier's weight 1.

    Args:
        output: logits (N, classes) of the own classifier and by level.
        labels: int64 (N,).
        auxiliary_weight: weight of each level's loss.
        count: images of the whole batch.

    Returns:
        ``loss``, ``main`` and ``level<l>`` for each supervised level.
    """
    main = _of_images(output.logits, labels, count)
    levels = {f"level{level}": _of_images(logits, labels, count) for level, logits in output.auxiliary.items()}
    loss = main
    for term in levels.values():
        loss = loss + auxiliary_weight * term
    return {"loss": loss, "main": main, **levels}


def segmentation_losses(output: SegmenterOutput, masks: Tensor, auxiliary_weight: float, count: Tensor) -> Losses:
    """Cross-entropy over valid pixels, so that void changes nothing.

    Args:
        output: scores (N, C, H, W) and, where the model has one, the auxiliary map at the same size.
        masks: int64 (N, H, W); 255 is void.
        auxiliary_weight: weight of the auxiliary map's loss (ECRE and its counter-design).
        count: valid pixels of the whole batch.

    Returns:
        ``loss``, ``main`` and, where there is one, ``auxiliary``.
    """
    main = _of_pixels(output.scores, masks, count)
    if output.auxiliary is None:
        return {"loss": main, "main": main}
    auxiliary = _of_pixels(output.auxiliary, masks, count)
    return {"loss": main + auxiliary_weight * auxiliary, "main": main, "auxiliary": auxiliary}


def _of_images(logits: Tensor, labels: Tensor, count: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="sum") / count


def _of_pixels(scores: Tensor, masks: Tensor, count: Tensor) -> Tensor:
    if scores.is_cuda and torch.are_deterministic_algorithms_enabled():  # its own sum over pixels varies on a GPU
        summed = functional.cross_entropy(scores, masks, ignore_index=IGNORE_INDEX, reduction="none").sum()
    else:
        summed = functional.cross_entropy(scores, masks, ignore_index=IGNORE_INDEX, reduction="sum")
    return summed / count.clamp(min=1)
