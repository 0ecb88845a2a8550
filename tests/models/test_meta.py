"""Networks without values leave nothing behind in those that have some."""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from exfuse.models import build
from tests.networks import EXFUSE, gcn


def test_a_first_use_without_values_spoils_no_later_network(tmp_path: Path, repo_root: Path) -> None:
    """The modules are imported on first use: what they make then must not lie on ``meta`` for ever."""
    code = """
import sys
import torch
from safetensors.torch import save_file
from exfuse import models
from exfuse.models.meta import without_values
from tests.networks import EXFUSE, gcn
assert "exfuse.models.segmenter" not in sys.modules
with torch.device("meta"):
    build = models.build
with without_values():
    assert {tensor.device.type for tensor in build(gcn(**EXFUSE)).state_dict().values()} == {"meta"}
torch.manual_seed(0)
save_file(build(gcn(**EXFUSE)).state_dict(), sys.argv[1])
assert "torch._dynamo" not in sys.modules, "takes a second or more to load"
"""
    target = tmp_path / "network.safetensors"
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=repo_root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    torch.manual_seed(0)
    expected = build(gcn(**EXFUSE)).state_dict()
    found = load_file(target)
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
