"""Backbones that are not pretrained here: public ImageNet weights, a folder of trained ones, or untrained ones."""

from pathlib import Path

import torch
from torch import Tensor

from exfuse.errors import UserError
from exfuse.models import build_classifier
from exfuse.models.matching import differences
from exfuse.models.weights import load_weights
from exfuse.spec.graph.inspection import IMAGENET_CLASSES
from exfuse.spec.model import BackboneSpec

CLASSIFIER = "backbone.fc.weight"


def public_classifier(name: str, architecture: BackboneSpec, archives: Path) -> dict[str, Tensor]:
    """The state dict of a classifier with public weights: a local file where there is one, else timm's hub.

    Args:
        name: timm's name of model and weights.
        architecture: the backbone that they have to fit.
        archives: the folder whose ``weights/<name>.safetensors`` is looked for first: timm's ``model.safetensors`` as
            it is, classifier included.

    Raises:
        UserError: neither can be had, or the weights are of another network.
    """
    local = archives / "weights" / f"{name}.safetensors"
    state = load_weights(local) if local.is_file() else _from_hub(name, local)
    model = build_classifier(architecture, IMAGENET_CLASSES)
    found = differences(model.backbone.state_dict(), state)
    if found:
        raise UserError(
            f"the public weights {name}{f' ({local})' if local.is_file() else ''} do not fit the backbone for which "
            f"params/backbones.yaml names them ({found}). Give timm's file as it is, with the classifier `fc`."
        )
    model.backbone.load_state_dict(state)
    return model.state_dict()


def trained_classifier(file: Path, architecture: BackboneSpec) -> dict[str, Tensor]:
    """The state dict of a classifier that this program trained, for any number of classes.

    Args:
        file: its ``weights.safetensors``.
        architecture: the backbone that it has to fit, heads of semantic supervision included.

    Raises:
        UserError: the file is absent or damaged, or of another network.
    """
    try:
        state = load_weights(file)
    except UserError as error:
        raise UserError(
            f"{file} is absent or damaged. Copy it again from where it was trained, or train it there."
        ) from error
    classifier = state.get(CLASSIFIER)
    if classifier is None:
        raise UserError(f"{file} holds no backbone with its classifier. Name a folder of `backbones/<name>`.")
    found = differences(build_classifier(architecture, len(classifier)).state_dict(), state)
    if found:
        raise UserError(
            f"the weights {file} are of another network ({found}). Use the sizes (`backbones`, "
            "`semantic_supervision`) of the preset that trained them."
        )
    return state


def untrained_classifier(architecture: BackboneSpec) -> dict[str, Tensor]:
    """The state dict of a classifier as it is drawn before any training."""
    return build_classifier(architecture, IMAGENET_CLASSES).state_dict()


def _from_hub(name: str, local: Path) -> dict[str, Tensor]:
    import timm

    try:
        published = timm.get_pretrained_cfg(name)
    except RuntimeError:  # a known network, but no such weights of it
        published = None
    if published is None:
        raise UserError(
            f"timm knows no weights '{name}' (`public_weights` in params/backbones.yaml), and there is no {local}. "
            f"`timm.list_pretrained('{name.partition('.')[0]}.*')` in Python lists those of the network."
        )
    try:
        model: torch.nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:  # the hub's client raises what its many layers raise; each means "not to be had"
        raise UserError(
            f"cannot fetch the public weights {name} from timm's hub ({type(error).__name__}). On a machine with a "
            f"connection fetch https://huggingface.co/{published.hf_hub_id}/resolve/main/model.safetensors and put it "
            f"at {local}."
        ) from error
    return model.state_dict()
