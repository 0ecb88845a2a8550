"""The index table of the folder that preparation writes for each publisher.

``index.csv`` has one line an image, sorted by split (train, val, test) and id; its paths are relative to the folder
above the publisher's, so that the sets built from several publishers share one root.
"""

from dataclasses import dataclass
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import read_csv

SPLITS = ("train", "val", "test")
INDEX_COLUMNS = ("id", "split", "image", "mask", "width", "height", "classes")


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A line of an index table.

    Attributes:
        id: the publisher's name of the image, without suffix.
        split: ``train``, ``val`` or ``test``.
        image: path of the image, relative to the prepared root.
        mask: path of the mask, likewise; empty where the publisher keeps it (VOC test).
        width: pixels.
        height: pixels.
        classes: VOC's object classes in the mask, ascending.
    """

    id: str
    split: str
    image: str
    mask: str
    width: int
    height: int
    classes: tuple[int, ...]

    def row(self) -> dict[str, str | int]:
        """The line's cells by column."""
        cells: dict[str, str | int] = {column: getattr(self, column) for column in INDEX_COLUMNS}
        return {**cells, "classes": " ".join(map(str, self.classes))}


def read_index(index: Path) -> list[PreparedImage]:
    """Reads an index table.

    Raises:
        UserError: it is absent or no index table.
    """
    try:
        return [
            PreparedImage(
                row["id"],
                row["split"],
                row["image"],
                row["mask"],
                int(row["width"]),
                int(row["height"]),
                tuple(map(int, row["classes"].split())),
            )
            for row in read_csv(index)
        ]
    except (KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{index} is no index table ({error}). Prepare the data again.") from error
