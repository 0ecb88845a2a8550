"""The networks of the paper's size, and the small one that all tests share, as fixtures."""

from collections.abc import Callable

import pytest
from torch import nn

from exfuse.spec.model import BackboneSpec, ModelSpec
from tests import networks

SpecMaker = Callable[..., ModelSpec]
Enliven = Callable[[nn.Module], nn.Module]

RESNET_50 = BackboneSpec(blocks=(3, 4, 6, 3))
RESNET_101 = BackboneSpec(blocks=(3, 4, 23, 3))
RESNEXT_101 = BackboneSpec(blocks=(3, 4, 23, 3), cardinality=32, base_width=4)
REARRANGED = RESNEXT_101.model_copy(update={"blocks": (8, 8, 9, 8)})
RESNEXT_131 = RESNEXT_101.model_copy(update={"blocks": (8, 8, 19, 8), "squeeze_excitation": True})
"""Encoders at the paper's size."""

SUBSETS = [(4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]
"""Levels of Tables 1 and 6."""


@pytest.fixture
def backbone_spec() -> BackboneSpec:
    """A narrow ResNeXt with semantic supervision."""
    return networks.backbone()


@pytest.fixture
def model_spec() -> SpecMaker:
    """Builds the spec of a small network from decoder options."""
    return networks.gcn


@pytest.fixture
def enliven() -> Enliven:
    """Gives batch norms random weights and statistics."""
    return networks.enliven
