"""From a pretrained classifier to a segmenter, strictly."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.models import build, build_classifier, load_pretrained
from exfuse.spec.model import BackboneSpec, ModelSpec

State = dict[str, torch.Tensor]
SpecMaker = Callable[..., ModelSpec]


@pytest.fixture
def pretrained(backbone_spec: BackboneSpec, enliven: Callable[[nn.Module], nn.Module]) -> State:
    torch.manual_seed(1)
    return enliven(build_classifier(backbone_spec, 7)).state_dict()


@pytest.mark.parametrize("levels", [(4,), (2, 3, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("tap", ["tail", "ss-convolution"])
def test_copies_everything_that_the_encoder_has(
    model_spec: SpecMaker, pretrained: State, levels: tuple[int, ...], tap: str
) -> None:
    model = build(model_spec(tap=tap, levels=levels))
    decoder = {name: tensor.clone() for name, tensor in model.decoder.state_dict().items()}
    load_pretrained(model, pretrained)
    encoder = {name: t for name, t in model.state_dict().items() if not name.startswith("decoder.")}
    assert all(torch.equal(tensor, pretrained[name]) for name, tensor in encoder.items())
    assert any("running_mean" in name for name in encoder)
    assert all(torch.equal(tensor, decoder[name]) for name, tensor in model.decoder.state_dict().items())
    tapped = {name.split(".")[1] for name in encoder if name.startswith("semantic_supervision.")}
    assert tapped == ({str(level) for level in levels if level < 4} if tap == "ss-convolution" else set())
    left_over = set(pretrained) - set(encoder)
    assert all(name.startswith(("backbone.fc.", "semantic_supervision.")) for name in left_over)


def missing(state: State) -> None:
    del state["backbone.layer3.1.bn2.running_var"]


def missing_head(state: State) -> None:
    for name in [name for name in state if name.startswith("semantic_supervision.")]:
        del state[name]


def misshapen(state: State) -> None:
    state["backbone.conv1.weight"] = torch.zeros(64, 3, 7, 7)


def superfluous(state: State) -> None:
    state["backbone.layer3.2.conv1.weight"] = torch.zeros(1)


def foreign(state: State) -> None:
    state["decoder.gcn.4.left.0.weight"] = torch.zeros(1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (missing, r"missing: backbone\.layer3\.1\.bn2\.running_var"),
        (missing_head, r"missing: semantic_supervision\.1\.conv1\.weight.* and \d+ more"),
        (misshapen, r"another shape: backbone\.conv1\.weight \(64, 3, 7, 7\) for \(8, 3, 7, 7\)"),
        (superfluous, r"not of this network: backbone\.layer3\.2\.conv1\.weight"),
        (foreign, r"not of this network: decoder\.gcn\.4"),
    ],
)
def test_other_weights_are_refused_and_nothing_changes(
    model_spec: SpecMaker, pretrained: State, damage: Callable[[State], None], message: str
) -> None:
    model = build(model_spec(tap="ss-convolution"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    damage(pretrained)
    with pytest.raises(UserError, match=message):
        load_pretrained(model, pretrained)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_public_weights_without_counters_load(model_spec: SpecMaker, pretrained: State) -> None:
    model = build(model_spec())
    load_pretrained(model, {n: t for n, t in pretrained.items() if not n.endswith("num_batches_tracked")})
    assert torch.equal(model.backbone.bn1.running_mean, pretrained["backbone.bn1.running_mean"])
