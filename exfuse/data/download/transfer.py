"""HTTP for large files: one address to a part file, with ranges, through cut connections and busy servers."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import requests

from exfuse import __version__
from exfuse.data.download.answers import content_range, in_words, retry_after
from exfuse.data.download.partial import Origin, Partial

CHUNK_BYTES = 1 << 14
"""Small, because a connection that is reset takes the chunk with it that was not whole yet."""

_BUSY = (408, 425, 429)
_PERMANENT = (
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


class Display(Protocol):
    """Who shows a person how far it is."""

    def show(self, done: int, total: int | None) -> None:
        """So many bytes of so many are there."""

    def tell(self, line: str) -> None:
        """Something happened."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a server, and how often; times in seconds."""

    tries: int = 6
    """Failures in a row without a new byte, after which the address is given up."""
    connect: float = 20.0
    read: float = 60.0
    """Longest silence."""
    first_pause: float = 1.0
    """Before the second try; each next one is twice as long."""
    longest_pause: float = 60.0
    longest_asked: float = 900.0
    """A server that asks for a longer one (``Retry-After``) is given up."""
    sleep: Callable[[float], object] = time.sleep

    def pause(self, failures: int) -> float:
        """Seconds after so many failures; up to a quarter less, by chance, so that callers do not return together."""
        return min(self.first_pause * 2.0 ** (failures - 1), self.longest_pause) * random.uniform(0.75, 1.0)


class RefusedError(Exception):
    """An address does not give the file, and asking again would not help."""


class _CutError(Exception):
    """Worth another try.

    Attributes:
        pause: seconds that the server asks to wait; none where it does not.
    """

    def __init__(self, problem: str, pause: float | None = None) -> None:
        super().__init__(problem)
        self.pause = pause


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One address and the part file that it fills.

    Attributes:
        url: http or https.
        partial: opened; what it holds already is not asked for again.
        size: bytes of the whole file, where they are known.
        verified: whether a checksum tells at the end whether the bytes are right, so that those of another address or
            of a server that names no version may be gone on with.
        patience: how long and how often to try.
        display: shows how far it is.
    """

    url: str
    partial: Partial
    size: int | None
    verified: bool
    patience: Patience
    display: Display

    def run(self) -> None:
        """Brings the part file to its whole length.

        Raises:
            RefusedError: the address does not give the file.
            UserError: the disk refuses it.
        """
        failures, furthest = 0, self.partial.length
        with requests.Session() as session:
            while True:
                try:
                    self._ask(session)
                    return
                except _CutError as problem:
                    if self.partial.length > furthest:  # not any byte: a server without ranges may cut for ever
                        failures, furthest = 0, self.partial.length
                    failures += 1
                    if failures >= self.patience.tries:
                        raise RefusedError(f"{problem} ({failures} times in a row)") from problem
                    self._wait(problem, failures)

    def _wait(self, problem: _CutError, failures: int) -> None:
        seconds = self.patience.pause(failures) if problem.pause is None else problem.pause
        if seconds > self.patience.longest_asked:
            raise RefusedError(f"{problem}, and asks to come back in {seconds:.0f} s") from problem
        self.display.tell(f"{self.url}: {problem}; next try in {seconds:.0f} s, from byte {self.partial.length:,}")
        self.patience.sleep(seconds)

    def _ask(self, session: requests.Session) -> None:
        self._drop_what_cannot_go_on()
        offset = self.partial.length
        if offset and offset == self._total():
            return
        headers = {"Accept-Encoding": "identity", "User-Agent": f"exfuse/{__version__}", **self._range(offset)}
        times = (self.patience.connect, self.patience.read)
        try:
            response = session.get(self.url, headers=headers, stream=True, timeout=times)
        except _PERMANENT as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error
        except requests.RequestException as error:
            raise _CutError(in_words(error)) from error
        with response:
            self._receive(response, self._beginning(response, offset))

    def _drop_what_cannot_go_on(self) -> None:
        origin = self.partial.origin
        if origin is None or self.partial.length == 0:
            return
        total = self._total()
        elsewhere = origin.url != self.url or origin.validator is None
        if (elsewhere and not self.verified) or (total is not None and self.partial.length > total):
            self.partial.clear()

    def _total(self) -> int | None:
        """Bytes of the whole file, as far as is known."""
        origin = self.partial.origin
        return self.size if self.size is not None or origin is None else origin.total

    def _range(self, offset: int) -> dict[str, str]:
        origin = self.partial.origin
        if not offset or origin is None:
            return {}
        same = {"If-Range": origin.validator} if origin.validator and origin.url == self.url else {}
        return {"Range": f"bytes={offset}-", **same}

    def _beginning(self, response: requests.Response, offset: int) -> int | None:
        """Makes the part file ready for the response's body; gives the bytes of the whole file, if they are known."""
        status = f"answers {response.status_code} {response.reason or ''}".rstrip()
        if response.status_code == 200:
            return self._from_the_start(response, offset)
        if response.status_code == 206:
            return self._from(response, offset)
        if response.status_code == 416:
            return self._nothing_behind(response, offset)
        if response.status_code in _BUSY or response.status_code >= 500:
            raise _CutError(status, retry_after(response.headers.get("Retry-After")))
        raise RefusedError(status)

    def _from_the_start(self, response: requests.Response, offset: int) -> int | None:
        announced = response.headers.get("Content-Length", "")
        total = int(announced) if announced.isdecimal() else None
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html"):
            raise RefusedError(f"answers with a web page ({kind}) where the file should be")
        self._require_size(total, kind)
        total = self._known(total)
        if total is not None:
            self.partial.require_space(total, keep=False)
        if offset:
            self.display.tell(f"{self.url}: its file changed or it sends no parts; starting over from byte 0")
        tag = response.headers.get("ETag", "")
        validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
        self.partial.start(Origin(self.url, validator, total))
        return total

    def _from(self, response: requests.Response, offset: int) -> int | None:
        start, total = content_range(response)
        self._require_size(total, response.headers.get("Content-Type", ""))
        known = self._total()
        if not offset or start != offset or (total is not None and known is not None and total != known):
            self.partial.clear()
            raise _CutError(f"sends other bytes than those from {offset:,} on; what was there is dropped")
        total = self._known(total if total is not None else known)
        if total is not None:
            self.partial.require_space(total, keep=True)
        return total

    def _nothing_behind(self, response: requests.Response, offset: int) -> int:
        _, total = content_range(response)
        if offset and total == offset and self.size is None:
            return offset
        self.partial.clear()
        raise _CutError(f"answers 416: it has no bytes from {offset:,} on; what was there is dropped")

    def _require_size(self, announced: int | None, kind: str) -> None:
        if announced is not None and self.size is not None and announced != self.size:
            of_kind = f" of {kind}" if kind else ""
            raise RefusedError(f"offers {announced:,} bytes{of_kind}, where the file has {self.size:,}")

    def _known(self, announced: int | None) -> int | None:
        return self.size if self.size is not None else announced

    def _receive(self, response: requests.Response, total: int | None) -> None:
        if response.status_code == 416:
            return
        self.partial.responses += 1
        for piece in _pieces(response):
            if total is not None and self.partial.length + len(piece) > total:
                self.partial.clear()
                raise RefusedError(f"sends more than the file's {total:,} bytes")
            self.partial.write(piece)
            self.display.show(self.partial.length, total)
        if total is not None and self.partial.length < total:
            raise _CutError(f"ended after {self.partial.length:,} of {total:,} bytes")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    # An archive's own gzip is sometimes declared as an encoding of the transfer; it must not be unpacked on the way.
    response.raw.headers.pop("Content-Encoding", None)
    try:
        yield from response.iter_content(CHUNK_BYTES)
    except requests.RequestException as error:
        raise _CutError(in_words(error)) from error
