"""Batch norm that is really frozen (paper §4: "we then freeze the batch normalization parameters")."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def freeze_batch_norm(model: nn.Module) -> None:
    """Puts every batch norm into evaluation mode and its weights out of training: neither they nor statistics move.

    Call it after each ``model.train()``.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
