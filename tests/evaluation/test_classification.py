"""Top-1 evaluation with a fake model that reads the class from the image's colour."""

import io
from pathlib import Path
from types import SimpleNamespace

import torch
from PIL import Image
from torch import Tensor, nn

from exfuse.data.loading import ImageNetSet
from exfuse.data.transforms import CentreCrop
from exfuse.evaluation.classification import evaluate_classification
from exfuse.evaluation.inference import InferenceSettings
from exfuse.evaluation.results import summarize_classification
from tests.evaluation.imagenet_val import write_val

SETTINGS = InferenceSettings(size=1, mean=(0, 0, 0), std=(1, 1, 1), batch_size=4)
COLOURS = (10, 60, 110, 160, 210)


class ByColour(nn.Module):
    def forward(self, images: Tensor) -> SimpleNamespace:
        grey = 255 * images.mean(dim=(1, 2, 3))
        return SimpleNamespace(logits=-(grey[:, None] - torch.tensor(COLOURS)).abs())


def test_the_prediction_of_every_image_is_kept_in_order(tmp_path: Path) -> None:
    shown = [3, 0, 0, 4, 1, 2, 2]
    labels = [3, 0, 1, 4, 1, 2, 0]
    contents = []
    for number, colour in enumerate(shown):
        buffer = io.BytesIO()
        Image.new("RGB", (30 + number, 20), (COLOURS[colour],) * 3).save(buffer, "JPEG")
        contents.append(buffer.getvalue())
    write_val(tmp_path, contents, labels)
    done: list[int] = []
    dataset = ImageNetSet(tmp_path / "val.npz", tmp_path, CentreCrop(18, 16))
    result = evaluate_classification(ByColour(), dataset, SETTINGS, progress=done.append)
    assert done == [4, 7]
    assert result.predictions.tolist() == shown
    assert result.labels.tolist() == labels
    assert result.images[6] == "ILSVRC2012_val_00000006.JPEG"
    assert summarize_classification(result) == {"top1_error": 2 / 7, "images": 7}
