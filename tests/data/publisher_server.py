"""A publisher's web server on this machine that answers as told: whole, cut, refused, changed or wrong."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """How one request is answered; nothing set, as a good server does."""

    status: int = 200
    content: bytes | None = None
    """In place of the server's."""
    etag: str | None = '"1"'
    cut: int | None = None
    """Bytes of the body after which the connection is reset."""
    close: int | None = None
    """Bytes of the body after which the connection is closed as if all was sent."""
    stall: int | None = None
    """Bytes of the body after which nothing comes any more."""
    ranges: bool = True
    shift: int = 0
    """How far the bytes of a range lie from those asked for."""
    length: int | None = None
    """Announced in place of the true length of the body; -1: nothing is announced."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Publisher:
    """The server: what it holds, what it answers, and what it was asked."""

    content: bytes
    url: str = ""
    script: list[Answer] = field(default_factory=list)
    """Answers to the first requests."""
    otherwise: Answer = field(default_factory=Answer)
    paths: dict[str, Answer] = field(default_factory=dict)
    """Answers by path, before all others."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Headers of each request, and its `path`."""
    released: threading.Event = field(default_factory=threading.Event)

    def ranges(self) -> list[str | None]:
        """The `Range` of each request."""
        return [headers.get("Range") for headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        own = self.publisher
        own.asked.append({**dict(self.headers.items()), "path": self.path})
        answer = own.paths.get(self.path) or (own.script.pop(0) if own.script else own.otherwise)
        body = own.content if answer.content is None else answer.content
        status, extra = answer.status, dict(answer.headers)
        if status == 200:
            status, body, extra = self._range(answer, body, extra)
            if answer.etag is not None:
                extra["ETag"] = answer.etag
        self.send_response(status)
        if answer.length != -1:
            extra.setdefault("Content-Length", str(len(body) if answer.length is None else answer.length))
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self._send(answer, body)

    def _range(self, answer: Answer, body: bytes, extra: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        asked = self.headers.get("Range")
        if asked is None or not answer.ranges or self.headers.get("If-Range", answer.etag) != answer.etag:
            return 200, body, extra
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            return 416, b"", {**extra, "Content-Range": f"bytes */{len(body)}"}
        start += answer.shift
        return 206, body[start:], {**extra, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}

    def _send(self, answer: Answer, body: bytes) -> None:
        stop = next((at for at in (answer.cut, answer.close, answer.stall) if at is not None), len(body))
        self.wfile.write(body[:stop])
        self.wfile.flush()
        if answer.stall is not None:
            self.publisher.released.wait(30)
        if answer.cut is not None:  # sent bytes arrive first only if the reset waits for them
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(content: bytes) -> Iterator[Publisher]:
    """A server in a thread of this process."""
    own = Publisher(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"publisher": own}))
    server.daemon_threads = True
    own.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield own
    finally:
        own.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
