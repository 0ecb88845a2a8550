"""The features that are probed are those that the decoder used: computed again by hand from the network's modules."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from exfuse.evaluation.inference import InferenceSettings, evaluation_mode
from exfuse.inspection.features import read_features, tapped
from exfuse.models import build
from exfuse.models.segmenter import Segmenter
from exfuse.spec.model import BackboneSpec, DecoderSpec, Level, ModelSpec, Prediction, SemanticSupervisionSpec, Tap
from exfuse.spec.model import Upsampling as Up

SETTINGS = InferenceSettings(size=64, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), batch_size=2)


def network(exfuse: bool, levels: tuple[Level, ...] = (1, 2, 3, 4)) -> Segmenter:
    """A small GCN, or ExFuse with all its parts, with random weights and statistics."""
    backbone = BackboneSpec(
        blocks=(1, 1, 2, 1), channels=(4, 4, 6, 8), stem_width=8, cardinality=2, base_width=32,
        semantic_supervision=SemanticSupervisionSpec(width_ratio=0.5),
    )  # fmt: skip
    parts = {"tap": Tap.SS_CONVOLUTION, "upsampling": Up.ECRE, "semantic_embedding": True, "prediction": Prediction.DAP}
    decoder = DecoderSpec(gcn_kernel=5, levels=levels, **(parts if exfuse else {}))
    torch.manual_seed(0)
    model = build(ModelSpec(backbone=backbone, decoder=decoder, num_classes=3))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def by_hand(model: Segmenter, images: Tensor) -> dict[tuple[str, int], Tensor]:
    """Equations 1 and 2 with boundary refinements, for all four levels."""
    tails = model.backbone.features(images)
    x = {level: tails[level - 1] for level in (1, 2, 3, 4)}
    for key, head in model.semantic_supervision.items():
        hidden = F.relu(head.bn1(head.conv1(x[int(key)])))
        x[int(key)] = F.relu(head.bn2(head.conv2(hidden)))
    decoder, found = model.decoder, {}
    for level in (4, 3, 2, 1):
        own = x[level]
        for other in range(level + 1, 5):
            if str(level) in decoder.semantic_embedding:
                convolution = decoder.semantic_embedding[str(level)].embed[str(other)]
                own = own * F.interpolate(convolution(x[other]), size=x[level].shape[2:], mode="bilinear")
        added = decoder.refine_level[str(level)](decoder.gcn[str(level)](own))
        found["encoder", level], found["added", level] = x[level], added
        if level == 4:
            found["fused", 4] = added
        else:
            stride = str(2 ** (level + 1))
            raised = decoder.upsample[stride](found["fused", level + 1])
            found["fused", level] = decoder.refine_fused[stride](raised + added)
    found["image", 0] = torch.stack([images[:, :, a::4, b::4] for a in range(4) for b in range(4)], 2).flatten(1, 2)
    return found


@pytest.mark.parametrize("exfuse", [False, True])
def test_maps_are_those_of_the_equations(exfuse: bool) -> None:
    model = network(exfuse)
    images = torch.randn(2, 3, 64, 96)
    with evaluation_mode(model):
        with tapped(model) as maps:
            model(images)
        expected = by_hand(model, images)  # not tapped: it calls the same modules
    assert set(maps) == set(expected) and len(maps) == 13
    for place, found in maps.items():
        torch.testing.assert_close(found, expected[place], msg=str(place))
        assert found.abs().max() > 0


def test_omitted_levels_are_not_there_and_hooks_go() -> None:
    model = network(False, (2, 4))
    with evaluation_mode(model), tapped(model) as maps:
        model(torch.randn(1, 3, 64, 64))
        levels = {kind: sorted(level for other, level in maps if other == kind) for kind, _ in maps}
        assert levels == {"image": [0], "encoder": [2, 4], "added": [2, 4], "fused": [2, 4]}
    with evaluation_mode(model):
        model(torch.randn(1, 3, 32, 32))
    assert maps["image", 0].shape[2:] == (16, 16)


def test_an_image_larger_than_the_training_size_is_seen_in_windows() -> None:
    model = network(False)
    sizes = [(64, 64), (40, 100), (130, 20), (64, 30)]
    samples = [
        (torch.randint(0, 256, (3, *size), dtype=torch.uint8), torch.full(size, number, dtype=torch.uint8))
        for number, size in enumerate(sizes)
    ]
    with evaluation_mode(model), tapped(model) as maps:
        windows = list(read_features(model, maps, samples, SETTINGS))
        alone = list(read_features(model, maps, samples[3:], SETTINGS))
    assert [window.image for window in windows] == [0, 1, 1, 2, 2, 2, 3]
    assert [tuple(window.mask.shape) for window in windows] == [
        (64, 64), (40, 64), (40, 36), (64, 20), (64, 20), (2, 20), (64, 30)
    ]  # fmt: skip
    assert all((window.mask == window.image).all() for window in windows)
    for place, found in windows[-1].maps.items():  # in whatever company, and wherever in a batch
        torch.testing.assert_close(found, alone[0].maps[place], atol=1e-4, rtol=1e-4)
    pixels = (
        windows[2].maps["image", 0][:, :10, :9].reshape(3, 16, 10, 9) * torch.tensor(SETTINGS.std)[:, None, None, None]
    )
    corner = samples[1][0][:, ::4, 64::4] / 255 - torch.tensor(SETTINGS.mean)[:, None, None]
    torch.testing.assert_close(pixels[:, 0], corner, atol=1e-5, rtol=1e-4)
