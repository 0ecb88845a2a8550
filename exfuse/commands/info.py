"""`exfuse info`: what a file of weights holds and where it comes from, from its header alone."""

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exfuse.commands.words import printable
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, Prediction, Tap, Upsampling
from exfuse.spec.weights import ClassifierInfo, Scores, SegmenterInfo, WeightsInfo, read_header, read_info

BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked")
"""Ends of the names of tensors that no optimiser changes."""
LABEL_WIDTH = 12
LINE_WIDTH = 120
UPSAMPLINGS = {
    Upsampling.DECONVOLUTION: "",
    Upsampling.DECONVOLUTION_SUPERVISED: "deconvolution with an auxiliary loss (Table 4)",
    Upsampling.SUBPIXEL: "sub-pixel upsampling without the auxiliary loss (Table 4)",
    Upsampling.ECRE: "explicit channel resolution embedding (ECRE)",
}


def run(weights: Path, *, as_json: bool = False) -> None:
    """Prints it, for people or as JSON.

    Raises:
        UserError: the file is absent, cut short, a pickle, or no file of this program.
    """
    info = read_info(weights)
    if as_json:
        print(info.model_dump_json(indent=1))
        return
    for name, text in _lines(info, parameters(read_header(weights))):
        print(textwrap.fill(
            printable(text), LINE_WIDTH, initial_indent=f"{name:{LABEL_WIDTH}}", subsequent_indent=" " * LABEL_WIDTH,
            break_on_hyphens=False,
        ))  # fmt: skip


def parameters(header: dict[str, Any]) -> int:
    """Trainable values in a file of weights, by its header."""
    return sum(
        math.prod(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and not name.endswith(BUFFERS)
    )


def _lines(info: WeightsInfo, count: int) -> Iterator[tuple[str, str]]:
    """What each line is about, and its text."""
    yield "title", info.title
    if isinstance(info, SegmenterInfo):
        yield from _segmenter_lines(info)
    else:
        yield from _classifier_lines(info)
    yield "parts", _parts_of_the_paper(info)
    yield "parameters", f"{count:,}"
    mean, std = (" ".join(f"{value:g}" for value in of) for of in (info.normalization.mean, info.normalization.std))
    yield "pixels", f"RGB in 0–1, minus mean {mean}, divided by {std}"
    origin = info.origin
    yield "preset", f"{origin.preset}, trained on: {origin.data}"
    if origin.caveat:
        yield "caveat", origin.caveat
    yield "job", origin.job
    yield "key", origin.key
    yield "code", origin.code
    yield "libraries", ", ".join(f"{name} {version}" for name, version in origin.libraries.items())


def _segmenter_lines(info: SegmenterInfo) -> Iterator[tuple[str, str]]:
    yield "kind", "segmentation network"
    pairs = ", ".join(f"{label} {name}" for label, name in zip(info.labels, info.classes, strict=True))
    yield "classes", f"{len(info.classes)}; value in label masks and name: {pairs}"
    if info.merged:
        yield "", f"trained as {info.classes[0]}: the values {', '.join(map(str, info.merged))}"
    yield "input", f"padded to {info.size}×{info.size} pixels; much larger images go through in tiles"
    yield "backbone", _backbone(info.model.backbone)
    yield "decoder", "; ".join(_decoder(info.model))
    yield "score", _score(info.scores) if info.scores else "none: not the last stage of its run, or no labels"


def _classifier_lines(info: ClassifierInfo) -> Iterator[tuple[str, str]]:
    yield "kind", "backbone with its classifier, for fine-tuning"
    yield "classes", f"{info.num_classes} of ImageNet"
    yield "backbone", _backbone(info.backbone)
    error = "not trained here" if info.top1_error is None else f"top-1 error {info.top1_error:.1%} on ImageNet val"
    yield "score", error


def _parts_of_the_paper(info: WeightsInfo) -> str:
    """Which of ExFuse's five parts the network has, in Table 3's order."""
    if isinstance(info, SegmenterInfo):
        backbone, decoder = info.model.backbone, info.model.decoder
    else:
        backbone, decoder = info.backbone, DecoderSpec()
    parts = {
        "SS": backbone.semantic_supervision is not None,
        "LR": info.rearranged,
        "ECRE": decoder.upsampling is Upsampling.ECRE,
        "SEB": decoder.semantic_embedding,
        "DAP": decoder.prediction is Prediction.DAP,
    }
    found = ", ".join(name for name, there in parts.items() if there) or "none"
    unknown = "; whether its layers are rearranged (LR) the file does not say" if info.rearranged is None else ""
    return f"{found}{unknown}"


def _backbone(spec: BackboneSpec) -> str:
    kind = "ResNet" if spec.cardinality == 1 else f"ResNeXt {spec.cardinality}×{spec.base_width}d"
    words = [
        f"{kind} with {{{', '.join(map(str, spec.blocks))}}} blocks in res-2 … res-5",
        f"{', '.join(map(str, spec.out_channels))} channels",
    ]
    if spec.squeeze_excitation:
        words.append("squeeze-and-excitation")
    if spec.semantic_supervision is not None:
        levels = ", ".join(f"res-{level + 1}" for level in spec.semantic_supervision.levels)
        words.append(f"pretrained with semantic supervision (SS) at {levels}")
    return "; ".join(words)


def _decoder(spec: ModelSpec) -> list[str]:
    """The decoder in the paper's words."""
    decoder = spec.decoder
    kernel = f"{decoder.gcn_kernel}×{decoder.gcn_kernel}"
    words = [f"GCN {kernel} on {', '.join(f'res-{level + 1}' for level in decoder.levels)}", f"{spec.width} channels"]
    if decoder.tap is Tap.SS_CONVOLUTION:
        words.append("features from SS's second convolution")
    if decoder.semantic_embedding:
        words.append("semantic embedding branch (SEB)")
    words += [word] if (word := UPSAMPLINGS[decoder.upsampling]) else []
    return words + _prediction(decoder)


def _prediction(decoder: DecoderSpec) -> list[str]:
    match decoder.prediction:
        case Prediction.DAP:
            return [f"densely adjacent prediction (DAP), k = {decoder.dap_kernel}"]
        case Prediction.WIDE:
            return ["more channels without DAP (Table 5)"]
    return []


def _score(scores: Scores) -> str:
    flipped = "" if scores.miou_flip is None else f", {scores.miou_flip:.1%} with the mirrored images"
    miou = "no mIoU" if scores.miou is None else f"mIoU {scores.miou:.1%}"
    return f"{miou}{flipped} on {scores.images} images of {scores.on}"
