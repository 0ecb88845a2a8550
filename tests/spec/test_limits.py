"""How large a network may say it is: a stranger's file is refused before anything of that size is built."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from exfuse.errors import UserError
from exfuse.models import build
from exfuse.models.weights import load_model
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec
from exfuse.spec.weights import METADATA, read_info
from tests.trained import describe

HUGE = 10**6


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("backbone", {"blocks": [1, 1, HUGE, 1]}, r"model\.backbone\.blocks\.2: Input should be less than or equal to"),
        ("backbone", {"channels": [8, 8, 8, HUGE]}, r"model\.backbone\.channels\.3: Input should be less than"),
        ("backbone", {"channels": [-8, 8, 8, 8]}, r"model\.backbone\.channels\.0: Input should be greater than 0"),
        ("backbone", {"stem_width": HUGE}, r"model\.backbone\.stem_width: Input should be less than"),
        ("backbone", {"cardinality": HUGE}, r"model\.backbone\.cardinality: Input should be less than"),
        ("backbone", {"base_width": HUGE}, r"model\.backbone\.base_width: Input should be less than"),
        ("backbone", {"semantic_supervision": {"width_ratio": HUGE}}, r"width_ratio: Input should be less than"),
        ("backbone", {"semantic_supervision": {"levels": [1] * HUGE}}, r"levels: .*at most 4 items"),
        ("decoder", {"gcn_kernel": HUGE + 1}, r"model\.decoder\.gcn_kernel: Input should be less than"),
        ("decoder", {"dap_kernel": HUGE + 1}, r"model\.decoder\.dap_kernel: Input should be less than"),
        ("decoder", {"dap_kernel": 99}, r"3 classes with DAP's k = 99 need 29403 channels"),
    ],
)
def test_a_file_that_says_more_is_refused_unbuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, changes: dict[str, Any], words: str
) -> None:
    about = describe().model_dump(mode="json")
    about["model"][part].update(changes)
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(about)})
    monkeypatch.setattr("exfuse.models.weights.build", None)  # would be called with what the file says
    for read in (read_info, load_model):
        with pytest.raises(UserError, match=rf"(?s)w\.safetensors describes itself .*{words}") as caught:
            read(tmp_path / "w.safetensors")
        assert len(str(caught.value)) < 400


def test_the_largest_can_be_built() -> None:
    """Sizes of its tensors stay within 64 bits, and what runs once a channel ends soon; depth is left out for speed."""
    backbone = BackboneSpec(
        blocks=(1, 2, 1, 1), channels=(8192,) * 4, stem_width=8192, cardinality=1024, base_width=1024,
        squeeze_excitation=True, semantic_supervision=SemanticSupervisionSpec(width_ratio=16),
    )  # fmt: skip
    decoder = DecoderSpec(
        gcn_kernel=511, dap_kernel=27, tap="ss-convolution", upsampling="ecre", semantic_embedding=True,
        prediction="dap",
    )  # fmt: skip
    with torch.device("meta"):
        model = build(ModelSpec(backbone=backbone, decoder=decoder))
    assert sum(tensor.numel() for tensor in model.state_dict().values()) > 10**14


def test_a_kernel_that_is_not_used_widens_nothing() -> None:
    model = describe().model
    plain = {**model.model_dump(), "decoder": {"dap_kernel": 99}}
    assert ModelSpec.model_validate(plain).width == 3
    with pytest.raises(ValidationError, match="at most 16384"):
        ModelSpec.model_validate({**plain, "decoder": {"dap_kernel": 99, "prediction": "wide"}})
