"""Batch norm in a training: frozen (paper §4: "we then freeze the batch normalization parameters"), or trained with the
statistics of a micro-batch, or of the whole batch that several GPUs share."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from exfuse.errors import UserError
from exfuse.training.team import Team


def freeze_batch_norm(model: nn.Module) -> None:
    """Puts every batch norm into evaluation mode and its weights out of training: neither they nor statistics move.

    Call it after each ``model.train()``.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)


def synchronise_batch_norm(model: nn.Module, team: Team) -> None:
    """Has every batch norm take its statistics of what all processes see at once; names of weights stay.

    One process sees the whole batch, whose statistics batch norm takes anyway.

    Args:
        model: on its device; its layers are replaced in place.
        team: of which each process gives a batch's share to the network at once (:func:`share_at_once`).

    Raises:
        UserError: several processes train on processors, for which torch has no such layer.
    """
    if team.size == 1:
        return
    if next(model.parameters()).device.type == "cpu":
        raise UserError(
            f"batch norm that is `synchronised` over {team.size} processes needs a GPU for each. Train in one process, "
            "or set `batch_norm: train` and a `micro_batch`, of which it then takes its statistics."
        )
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if converted is not model:
        raise ValueError("a batch norm by itself cannot be replaced in place")


def share_at_once(batch_size: int, team: Team) -> int:
    """Images that each process gives to the network at once where batch norm is synchronised: its whole share.

    Raises:
        UserError: the processes cannot share the batch evenly.
    """
    if batch_size % team.size:
        raise UserError(
            f"{team.size} processes cannot share a batch of {batch_size} images evenly. Take a number of GPUs that "
            f"divides {batch_size}."
        )
    return batch_size // team.size
