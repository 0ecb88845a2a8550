"""From a publisher's archives to what training reads, whichever publisher it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from exfuse.data.coco import prepare_coco
from exfuse.data.imagenet import prepare_imagenet
from exfuse.data.sbd import prepare_sbd
from exfuse.data.voc import prepare_voc, prepare_voc_test
from exfuse.spec.datasets import Publisher


def prepare(
    publisher: Publisher,
    archives: Mapping[str, Path],
    target: Path,
    *,
    class_names: Sequence[str],
    workers: int = 1,
    expected: Mapping[str, int] = {},
    identity: str | None = None,
) -> dict[str, int]:
    """Turns archives into images, masks and an index (ImageNet: an index alone).

    Args:
        publisher: whose archives they are.
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.
        class_names: VOC's object classes that an image of COCO must show to be kept.
        workers: processes that convert masks; the result does not depend on it.
        expected: numbers of images, and of ImageNet's classes, where they are declared.
        identity: of all that the result depends on: what a killed call of the same identity finished is kept.

    Returns:
        Number of images by split (COCO: ``retained`` too; ImageNet: ``classes`` too).

    Raises:
        UserError: an archive is missing, damaged, holds an unusable member or another number of images.
    """
    match publisher:
        case "voc":
            return prepare_voc(archives, target, expected=expected, identity=identity)
        case "voc-test":
            return prepare_voc_test(archives, target, expected=expected, identity=identity)
        case "sbd":
            return prepare_sbd(archives, target, workers=workers, expected=expected, identity=identity)
        case "coco":
            return prepare_coco(archives, target, class_names, workers=workers, expected=expected, identity=identity)
        case "imagenet":
            return prepare_imagenet(archives, target, expected=expected)
