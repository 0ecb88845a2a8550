"""Whether tensors are those that a network needs, and in words why not."""

from collections.abc import Callable, Mapping

from torch import Tensor, dtype

BOOKKEEPING = ".num_batches_tracked"
"""A counter that batch norm with a momentum never reads; older public weights lack it."""

LISTED = 4
"""Names of each kind in a message about weights that do not fit."""


def differences(
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    may_remain: Callable[[str], bool] = lambda name: False,
    *,
    same_types: bool = False,
) -> str:
    """What keeps tensors from being loaded strictly, as the middle of a sentence; empty where they fit.

    Args:
        own: the network's state dict.
        given: tensors by name.
        may_remain: whether a given tensor that the network has not may be left over.
        same_types: whether types have to be equal, since nothing converts them.
    """
    shared = {name: (own[name], tensor) for name, tensor in given.items() if name in own}
    missing = [name for name in own if name not in given and not name.endswith(BOOKKEEPING)]
    superfluous = [name for name in given if name not in own and not may_remain(name)]
    misshapen = [
        f"{name} {tuple(found.shape)} for {tuple(wanted.shape)}"
        for name, (wanted, found) in shared.items()
        if found.shape != wanted.shape
    ]
    mistyped = [
        f"{name} {_word(found.dtype)} for {_word(wanted.dtype)}"
        for name, (wanted, found) in shared.items()
        if same_types and found.dtype != wanted.dtype
    ]
    problems = {
        "missing": missing,
        "not of this network": superfluous,
        "of another shape": misshapen,
        "of another type": mistyped,
    }
    return "; ".join(f"{what}: {_shortened(names)}" for what, names in problems.items() if names)


def not_finite(given: Mapping[str, Tensor]) -> str:
    """The first name of a tensor with a value that is infinite or no number; empty where there is none."""
    return next((name for name, tensor in given.items() if not tensor.isfinite().all()), "")


def _word(type: dtype) -> str:
    return str(type).removeprefix("torch.")


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
