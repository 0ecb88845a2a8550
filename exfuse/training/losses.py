"""What is minimised: cross-entropy per valid pixel (or per image), and the auxiliary terms with their weights."""

from torch import Tensor
from torch.nn import functional

from exfuse.data.labels import IGNORE_INDEX
from exfuse.models.segmenter import SegmenterOutput
from exfuse.models.semantic_supervision import ClassifierOutput

Losses = dict[str, Tensor]
"""Named terms; ``loss`` is the weighted sum that is minimised."""


def classification_losses(output: ClassifierOutput, labels: Tensor, auxiliary_weight: float) -> Losses:
    """The pretraining's loss: "a weighted summation of all auxiliary branches" (§3.1), the own classifier's weight 1.

    Args:
        output: logits (N, classes) of the own classifier and by level.
        labels: int64 (N,).
        auxiliary_weight: weight of each level's loss.

    Returns:
        ``loss``, ``main`` and ``level<l>`` for each supervised level.
    """
    main = functional.cross_entropy(output.logits, labels)
    levels = {f"level{level}": functional.cross_entropy(logits, labels) for level, logits in output.auxiliary.items()}
    loss = main
    for term in levels.values():
        loss = loss + auxiliary_weight * term
    return {"loss": loss, "main": main, **levels}


def segmentation_losses(output: SegmenterOutput, masks: Tensor, auxiliary_weight: float) -> Losses:
    """Cross-entropy, summed and divided by the number of valid pixels of the batch, so that void changes nothing.

    Args:
        output: scores (N, C, H, W) and, where the model has one, the auxiliary map at the same size.
        masks: int64 (N, H, W); 255 is void.
        auxiliary_weight: weight of the auxiliary map's loss (ECRE and its counter-design).

    Returns:
        ``loss``, ``main`` and, where there is one, ``auxiliary``.
    """
    valid = (masks != IGNORE_INDEX).sum().clamp(min=1)
    main = functional.cross_entropy(output.scores, masks, ignore_index=IGNORE_INDEX, reduction="sum") / valid
    if output.auxiliary is None:
        return {"loss": main, "main": main}
    auxiliary = functional.cross_entropy(output.auxiliary, masks, ignore_index=IGNORE_INDEX, reduction="sum") / valid
    return {"loss": main + auxiliary_weight * auxiliary, "main": main, "auxiliary": auxiliary}
