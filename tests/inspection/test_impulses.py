"""Where DAP and the sub-pixel shuffle take each channel, against the paper's equations."""

import pytest

from exfuse.inspection.impulses import dap_impulses, shuffle_impulses
from exfuse.models import build
from tests.networks import CLASSES, exfuse


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_dap_moves_every_channel_as_equation_3_says(kernel: int) -> None:
    impulses = dap_impulses(build(exfuse(dap_kernel=kernel)))
    assert impulses is not None
    assert impulses.kernel == kernel
    half, found = kernel // 2, {one.channel: one for one in impulses.found}
    assert len(found) == len(impulses.found) == kernel**2 * CLASSES
    for row in range(kernel):
        for column in range(kernel):
            for label in range(CLASSES):
                one = found[(row * kernel + column) * CLASSES + label]
                # r[i] reads x[i + l − ⌊k/2⌋], so what stands at p comes out at p − l + ⌊k/2⌋
                assert (one.target, one.row, one.column) == (label, half - row, half - column)
                assert one.weight == pytest.approx(1 / kernel**2)


def test_shuffle_moves_channels_as_sub_pixel_convolution_says() -> None:
    impulses = shuffle_impulses(build(exfuse()))
    assert impulses is not None
    assert impulses.channels == 4 * 27
    found = {one.channel: (one.target, one.row, one.column, one.weight) for one in impulses.found}
    assert found == {0: (0, 0, 0, 1.0), 1: (0, 0, 1, 1.0), 2: (0, 1, 0, 1.0), 3: (0, 1, 1, 1.0)}


def test_what_a_network_does_not_have_gives_no_impulses() -> None:
    network = build(exfuse(prediction="wide", upsampling="deconvolution"))
    assert dap_impulses(network) is None
    assert shuffle_impulses(network) is None
