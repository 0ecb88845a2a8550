"""A client for the tests of downloads: it never sleeps, and remembers what a person would have seen."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from exfuse.data.download import Downloaded, download
from exfuse.data.download.transfer import Patience
from exfuse.spec.datasets import Archive

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
NAME = "archive.tar"
HALF = 150_000


@dataclass
class Screen:
    """What a person would have seen."""

    lines: list[str] = field(default_factory=list)
    shown: list[tuple[int, int | None]] = field(default_factory=list)

    def show(self, done: int, total: int | None) -> None:
        self.shown.append((done, total))

    def tell(self, line: str) -> None:
        self.lines.append(line)


@dataclass
class Client:
    """Downloads without ever sleeping; remembers how long it would have slept."""

    folder: Path
    screen: Screen = field(default_factory=Screen)
    slept: list[float] = field(default_factory=list)

    @property
    def target(self) -> Path:
        return self.folder / NAME

    def get(self, *urls: str, tries: int = 6, name: str = NAME, **facts: object) -> Downloaded:
        known = {"md5": MD5, "size": len(CONTENT), **facts}
        archive = Archive.model_validate({"file": name, "urls": urls, **known})
        patience = Patience(tries=tries, connect=2.0, read=0.3, sleep=self.slept.append)
        return download(archive, self.folder / name, self.screen, patience)

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}
