"""Backbones that are not pretrained here: those of another folder, untrained ones."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from exfuse.errors import UserError
from exfuse.models import build_classifier
from exfuse.spec.model import BackboneSpec, SemanticSupervisionSpec
from exfuse.training.starting import trained_classifier, untrained_classifier

ARCHITECTURE = BackboneSpec(blocks=(1, 1, 1, 1), channels=(4, 4, 4, 4), stem_width=8, cardinality=2, base_width=32)

SUPERVISED = ARCHITECTURE.model_copy(update={"semantic_supervision": SemanticSupervisionSpec(levels=(1, 3))})


def test_a_trained_backbone_of_any_number_of_classes(tmp_path: Path) -> None:
    trained = build_classifier(SUPERVISED, 7).state_dict()
    save_file(trained, tmp_path / "weights.safetensors")
    state = trained_classifier(tmp_path / "weights.safetensors", SUPERVISED)
    assert state.keys() == trained.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in trained.items())


def test_trained_weights_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(UserError, match=r"weights\.safetensors is absent or damaged\. Copy it again"):
        trained_classifier(file, SUPERVISED)
    save_file({"decoder.weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="holds no backbone with its classifier"):
        trained_classifier(file, SUPERVISED)
    save_file(build_classifier(ARCHITECTURE, 7).state_dict(), file)
    with pytest.raises(UserError, match="are of another network"):
        trained_classifier(file, SUPERVISED)


def test_an_untrained_backbone_is_drawn_by_the_seed() -> None:
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(untrained_classifier(SUPERVISED)["backbone.conv1.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
