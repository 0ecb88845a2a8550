"""Each switch of the spec changes its own part of the network and nothing else: names, shapes, and what comes out."""

import pytest
import torch
from torch import nn

from exfuse.models import build, build_classifier
from exfuse.models.segmenter import Segmenter, SegmenterOutput
from exfuse.spec.model import BackboneSpec, ModelSpec, Prediction, Upsampling
from tests.models.conftest import SUBSETS, Enliven, SpecMaker
from tests.networks import EXFUSE

Shapes = dict[str, tuple[int, ...]]


def shapes(model: nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def tensors(spec: ModelSpec) -> set[str]:
    return set(build(spec).state_dict())


def outputs(model: Segmenter, weights: nn.Module) -> SegmenterOutput:
    """What a model gives in training mode with another one's weights, as far as both have them."""
    own = model.state_dict()
    shared = {name: tensor for name, tensor in weights.state_dict().items() if name in own}
    model.load_state_dict({**own, **shared})
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        output: SegmenterOutput = model.train()(images)
    return output


@pytest.mark.parametrize(
    ("switch", "added", "removed", "reshaped"),
    [
        ({"tap": "ss-convolution"}, "semantic_supervision.", None, ("decoder.gcn.",)),
        ({"semantic_embedding": True}, "decoder.semantic_embedding.", None, ()),
        ({"upsampling": "ecre"}, "decoder.upsample.16.conv.", "decoder.upsample.16.weight", ()),
        ({"upsampling": "sub-pixel"}, "decoder.upsample.16.conv.", "decoder.upsample.16.weight", ()),
        ({"upsampling": "deconvolution-supervised"}, None, None, ()),
        ({"prediction": "dap"}, None, None, ("decoder.",)),
        ({"prediction": "wide"}, "decoder.predict.", None, ("decoder.",)),
        ({"gcn_kernel": 7}, None, None, ("decoder.gcn.",)),
        ({"dap_kernel": 5}, None, None, ()),
        ({"auxiliary_weight": 1.0}, None, None, ()),
    ],
)
def test_each_switch_changes_its_own_part(
    model_spec: SpecMaker, switch: dict, added: str | None, removed: str | None, reshaped: tuple[str, ...]
) -> None:
    plain, switched = shapes(build(model_spec())), shapes(build(model_spec(**switch)))
    new, gone = switched.keys() - plain.keys(), plain.keys() - switched.keys()
    assert bool(new) == (added is not None)
    assert all(name.startswith(added or "-") for name in new)
    assert gone == ({removed} if removed else set())
    differing = {name for name in plain.keys() & switched.keys() if plain[name] != switched[name]}
    assert bool(differing) == bool(reshaped)
    assert all(name.startswith(reshaped) for name in differing)


def test_level_subsets_lose_only_their_own_branch(model_spec: SpecMaker) -> None:
    full = tensors(model_spec(**EXFUSE))
    for levels in SUBSETS:
        omitted = {level for level in (1, 2, 3) if level not in levels}
        gone = tuple(
            f"{part}.{level}."
            for level in omitted
            for part in ("decoder.gcn", "decoder.refine_level", "decoder.semantic_embedding", "semantic_supervision")
        )
        expected = {name for name in full if not name.startswith(gone)}
        assert tensors(model_spec(**EXFUSE, levels=levels)) == expected
    assert not {name for name in tensors(model_spec(**EXFUSE, levels=(4,))) if "semantic" in name}


def test_seb_sees_only_the_kept_levels(model_spec: SpecMaker) -> None:
    names = tensors(model_spec(semantic_embedding=True, levels=(1, 4)))
    embedded = {name.removeprefix("decoder.semantic_embedding.") for name in names if "semantic_embedding" in name}
    assert embedded == {"1.embed.4.weight", "1.embed.4.bias"}


@pytest.mark.parametrize("switch", [{"upsampling": u} for u in Upsampling] + [{"prediction": p} for p in Prediction])
def test_widths_follow_the_prediction(model_spec: SpecMaker, switch: dict) -> None:
    spec = model_spec(**switch)
    decoder = build(spec).decoder
    width = 3 if spec.decoder.prediction is Prediction.PLAIN else 27
    for part in ("gcn", "refine_level", "upsample", "refine_fused"):
        for name, parameter in decoder.get_submodule(part).named_parameters():
            assert parameter.shape[0] in (width, 4 * width if "upsample" in part else width), (part, name)


def test_dap_and_more_channels_differ_in_the_prediction_only(model_spec: SpecMaker) -> None:
    wide, dap = (shapes(build(model_spec(prediction=p))) for p in ("wide", "dap"))
    assert wide.keys() - dap.keys() == {"decoder.predict.weight", "decoder.predict.bias"}
    assert all(wide[name] == shape for name, shape in dap.items())
    assert wide["decoder.predict.weight"] == (3, 27, 1, 1)


# --- outputs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "supervised"), [("deconvolution", "deconvolution-supervised"), ("sub-pixel", "ecre")]
)
def test_supervision_adds_an_output_and_leaves_the_scores(
    model_spec: SpecMaker, enliven: Enliven, plain: str, supervised: str
) -> None:
    weights = enliven(build(model_spec(upsampling=plain)))
    without = outputs(build(model_spec(upsampling=plain)), weights)
    with_loss = outputs(build(model_spec(upsampling=supervised)), weights)
    torch.testing.assert_close(with_loss.scores, without.scores)
    assert without.auxiliary is None
    assert with_loss.auxiliary is not None


@pytest.mark.parametrize("upsampling", list(Upsampling))
def test_the_designs_of_table_4_start_as_one_function(
    model_spec: SpecMaker, enliven: Enliven, upsampling: Upsampling
) -> None:
    weights = enliven(build(model_spec()))
    other = outputs(build(model_spec(upsampling=upsampling)), weights)
    torch.testing.assert_close(other.scores, outputs(build(model_spec()), weights).scores)


def test_seb_that_embeds_ones_changes_nothing(model_spec: SpecMaker, enliven: Enliven) -> None:
    weights = enliven(build(model_spec()))
    embedding = build(model_spec(semantic_embedding=True))
    for name, parameter in embedding.decoder.semantic_embedding.named_parameters():
        nn.init.constant_(parameter, 1.0 if name.endswith("bias") else 0.0)
    torch.testing.assert_close(outputs(embedding, weights).scores, outputs(build(model_spec()), weights).scores)


def test_dap_and_more_channels_read_the_same_map(model_spec: SpecMaker, enliven: Enliven) -> None:
    """Table 5: with equal weights what is predicted from is equal; how it is read is the one difference."""
    weights = enliven(build(model_spec(prediction="dap")))
    maps: list[torch.Tensor] = []
    for prediction in ("dap", "wide"):
        model = build(model_spec(prediction=prediction))
        model.decoder.predict.register_forward_hook(lambda module, inputs, output: maps.append(inputs[0]))
        outputs(model, weights)
    assert maps[0].shape == (2, 27, 64, 96)
    torch.testing.assert_close(maps[0], maps[1])


def test_the_weight_of_the_auxiliary_loss_is_not_the_networks(model_spec: SpecMaker, enliven: Enliven) -> None:
    weights = enliven(build(model_spec(**EXFUSE)))
    light, heavy = (outputs(build(model_spec(**EXFUSE, auxiliary_weight=w)), weights) for w in (0.1, 1.0))
    torch.testing.assert_close(light.auxiliary, heavy.auxiliary)


# --- encoders -----------------------------------------------------------------------------------------------------


def test_semantic_supervision_leaves_encoder_and_classifier(backbone_spec: BackboneSpec, enliven: Enliven) -> None:
    supervised = enliven(build_classifier(backbone_spec, 5)).eval()
    plain = build_classifier(backbone_spec.model_copy(update={"semantic_supervision": None}), 5).eval()
    kept = {name: tensor for name, tensor in supervised.state_dict().items() if name.startswith("backbone.")}
    plain.load_state_dict(kept)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(plain(images).logits, supervised(images).logits)


def test_squeeze_excitation_that_lets_everything_pass_changes_nothing(
    backbone_spec: BackboneSpec, enliven: Enliven
) -> None:
    """Its gate is a sigmoid: 1 where its last bias is large and its weights are zero."""
    plain = enliven(build_classifier(backbone_spec, 5)).eval()
    excited = build_classifier(backbone_spec.model_copy(update={"squeeze_excitation": True}), 5).eval()
    assert shapes(plain).items() <= shapes(excited).items()
    excited.load_state_dict({**excited.state_dict(), **plain.state_dict()})
    for name, parameter in excited.named_parameters():
        if ".se.fc2." in name:
            nn.init.constant_(parameter, 40.0 if name.endswith("bias") else 0.0)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(excited(images).logits, plain(images).logits)
    for name, parameter in excited.named_parameters():
        if ".se.fc2.bias" in name:
            nn.init.constant_(parameter, -40.0)  # shut: only the shortcuts are left
    assert (excited(images).logits - plain(images).logits).abs().max() > 0.01


def test_rearrangement_changes_the_number_of_blocks_and_nothing_else(backbone_spec: BackboneSpec) -> None:
    plain, rearranged = (
        shapes(build_classifier(backbone_spec, 5)),
        shapes(build_classifier(backbone_spec.model_copy(update={"blocks": (2, 1, 1, 1)}), 5)),
    )
    assert {name[:17] for name in rearranged.keys() - plain.keys()} == {"backbone.layer1.1"}
    assert {name[:17] for name in plain.keys() - rearranged.keys()} == {"backbone.layer3.1"}
    assert all(rearranged[name] == plain[name] for name in plain.keys() & rearranged.keys())
