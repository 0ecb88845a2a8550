"""A set of images with the predictions of both models, as their jobs write them."""

import io
import zipfile

import numpy as np
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.evaluation.confusion import confusion_matrix, mean_iou
from exfuse.evaluation.results import SegmentationResult, write_confusions
from exfuse.files import write_csv

GCN, EXFUSE = "gcn-resnext101-coco", "exfuse-resnext131-coco"
CLASSES = (0, 2, 7, 8, 9)  # background, bicycle, car, cat, chair: VOC's labels of what `mini` keeps


def palette_png(labels: np.ndarray) -> bytes:
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(voc_palette())
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


class Scene:
    """A set of images with the predictions of both models, all as their jobs write them."""

    def __init__(self, results) -> None:
        self.results, self.graph = results, results.graph
        self.truths: dict[str, np.ndarray] = {}
        self.predictions: dict[str, dict[str, np.ndarray]] = {GCN: {}, EXFUSE: {}}

    def image(self, name: str, truth: np.ndarray, gcn: np.ndarray, exfuse: np.ndarray) -> None:
        """An image with VOC's labels (H, W)."""
        self.truths[name] = truth
        self.predictions[GCN][name], self.predictions[EXFUSE][name] = gcn, exfuse

    def write(self, *runs: str) -> None:
        data = self.graph.layout.data
        (data / "voc").mkdir(parents=True, exist_ok=True)
        rows = []
        for number, (name, truth) in enumerate(self.truths.items()):
            height, width = truth.shape
            Image.new("RGB", (width, height), (10, 200, 30)).save(data / "voc" / f"{number}.jpg")
            (data / "voc" / f"{number}.png").write_bytes(palette_png(truth))
            paths = {"image": f"voc/{number}.jpg", "mask": f"voc/{number}.png"}
            rows.append({"id": name, "source": "voc", **paths, "width": width, "height": height, "classes": ""})
        write_csv(self.graph.layout.set("val"), tuple(rows[0]), rows)
        self.results.finish(self.graph.jobs["data/sets/val"])
        for run in runs or (GCN, EXFUSE):
            self._run(run)

    def folder(self, run: str):
        return self.graph.layout.stage(run, 0, self.results.spec.chain(run)[-1].stage)

    def _run(self, run: str) -> None:
        table = np.zeros(256, np.uint8)
        table[list(CLASSES)] = range(5)
        table[255] = 255
        counts = [
            confusion_matrix(table[self.predictions[run][name]], table[truth], 5) for name, truth in self.truths.items()
        ]
        plain = np.stack(counts).astype(np.int32)
        self.results.run(run, float(mean_iou(plain.sum(axis=0))))
        flipped = SegmentationResult(tuple(self.truths), plain[::-1], plain * 0, True)  # never to be read
        results = [SegmentationResult(tuple(self.truths), plain * 0, plain, False), flipped]
        write_confusions(self.folder(run) / "confusions.npz", results)
        with zipfile.ZipFile(self.folder(run) / "predictions.zip", "w") as archive:
            for name, labels in self.predictions[run].items():
                archive.writestr(f"{name}.png", palette_png(labels))
        self.results.finish(self.graph.jobs[f"{self.graph.last_stage(run, 0)}/val"])


def halves(left: int, right: int, share: float = 0.5) -> np.ndarray:
    """10 × 10 labels, one class on the left and one on the right."""
    labels = np.full((10, 10), left, np.uint8)
    labels[:, round(10 * (1 - share)) :] = right
    return labels
