"""Files that contradict themselves, their manifest or their place: numbers that nobody should print."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from exfuse.errors import UserError
from exfuse.files import digest, read_json
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Job

TOLERANCE = 1e-6
"""Between a mean and the mean of its parts as the same file prints them."""


def contradiction(content: Mapping[str, Any], expected: Mapping[str, object]) -> str:
    """Why an evaluation cannot be true; empty where nothing speaks against it.

    Args:
        content: what its file holds.
        expected: fields whose values its place decides (``flip``, ``seed``).
    """
    for name, wanted in expected.items():
        if content.get(name, wanted) != wanted:
            return f"'{name}' is {content[name]!r}, not {wanted!r}"
    return _unequal_mean(content)


def is_altered(job: Job, source: Path) -> bool:
    """Whether a file that is there is not the one that its job left behind; of a stale job nobody asks."""
    try:
        return has_expected_key(job) and not is_described(read_json(job.manifest), source, job.manifest.parent)
    except (UserError, OSError):
        return False


def is_described(manifest: object, source: Path, folder: Path) -> bool:
    """Whether a manifest in a folder lists a file with the length and the digest that it has.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        about = manifest["outputs"][source.relative_to(folder).as_posix()]  # type: ignore[index]
        return bool(about["bytes"] == source.stat().st_size and about["sha256"] == digest(source))
    except (KeyError, TypeError, ValueError):
        return False


def _unequal_mean(content: Mapping[str, Any]) -> str:
    """mIoU is the mean over the classes that have ground truth."""
    by_class = content.get("iou")
    if not isinstance(by_class, dict) or "miou" not in content:
        return ""
    known = [value for value in by_class.values() if isinstance(value, int | float)]
    if any(not 0 <= value <= 1 for value in known):
        return "the IoU of a class is no fraction"
    if known and not math.isclose(fmean(known), content["miou"], abs_tol=TOLERANCE):
        return f"'miou' is {content['miou']:.4f}, but the mean of its classes is {fmean(known):.4f}"
    return ""
