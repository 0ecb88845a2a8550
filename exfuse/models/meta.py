"""Networks whose tensors have shapes and no values: to read weights into, or to count operations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@contextmanager
def without_values() -> Iterator[None]:
    """Networks built inside lie on torch's ``meta`` device, and are not initialised."""
    with torch.device("meta"), _NoStart():
        yield


class _NoStart(TorchFunctionMode):
    """Leaves tensors as they are where they would be initialised.

    On ``meta`` that changes nothing, but for its random numbers torch would load its compiler, which takes a second.
    """

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", "") == torch.nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
