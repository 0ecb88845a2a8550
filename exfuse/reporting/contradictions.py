"""Files that contradict themselves, their manifest or their place: numbers that nobody should print."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from exfuse.errors import UserError
from exfuse.files import digest, read_json
from exfuse.spec.graph import Job

TOLERANCE = 1e-6
"""Between a mean and the mean of its parts as the same file prints them."""


def contradiction(job: Job, source: Path, content: Mapping[str, Any], expected: Mapping[str, object]) -> str:
    """Why an evaluation's file cannot be true; empty where nothing speaks against it.

    Args:
        job: the job that made it.
        source: the file.
        content: what it holds.
        expected: fields whose values its place decides (``flip``, ``seed``).
    """
    for name, wanted in expected.items():
        if content.get(name, wanted) != wanted:
            return f"'{name}' is {content[name]!r}, not {wanted!r}"
    if is_altered(job, source):
        return f"it is not the file that {job.manifest.name} describes; run its job again"
    return _unequal_mean(content)


def is_altered(job: Job, source: Path) -> bool:
    """Whether a file that is there has another length or digest than the manifest of the job that made it says."""
    try:
        about = read_json(job.manifest)["outputs"][source.relative_to(job.manifest.parent).as_posix()]
        recorded = about["bytes"], about["sha256"]
        return recorded[0] != source.stat().st_size or recorded[1] != digest(source)
    except (UserError, OSError, KeyError, TypeError, ValueError):
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
