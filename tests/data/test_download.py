"""What is kept of an unfinished download, who may go on with it, and what is taken for the publisher's file."""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from exfuse import locks
from exfuse.data.download import Downloaded, partial
from exfuse.data.download.partial import Partial, part_of
from exfuse.errors import UserError
from tests.data.download_client import CONTENT, HALF, MD5, NAME, Client
from tests.data.publisher_server import Answer, Publisher
from tests.data.publishers import tar_bytes


def test_the_next_call_goes_on(server: Publisher, client: Client) -> None:
    server.script = [Answer(cut=HALF)]
    with pytest.raises(UserError, match="bytes are kept for the next call"):
        client.get(server.url, tries=1)
    assert client.left() == {f".{NAME}.part", f".{NAME}.part.json"}
    kept = part_of(client.target).stat().st_size
    assert client.get(server.url).md5 == MD5
    assert server.ranges() == [None, f"bytes={kept}-"]
    assert client.left() == {NAME}


def test_a_second_address_goes_on_where_the_first_ended(server: Publisher, client: Client) -> None:
    server.script = [Answer(cut=HALF), Answer(status=404), Answer(etag='"of another machine"')]
    client.get(f"{server.url}/a", f"{server.url}/b")
    assert client.target.read_bytes() == CONTENT
    assert server.ranges()[2] is not None
    assert "If-Range" not in server.asked[2]


def test_bytes_of_another_address_are_dropped_where_no_checksum_would_tell(server: Publisher, client: Client) -> None:
    server.content = tar_bytes({"member": CONTENT})
    server.script = [Answer(cut=HALF), Answer(status=404)]
    client.get(f"{server.url}/a", f"{server.url}/b", md5=None, size=None)
    assert client.target.read_bytes() == server.content
    assert server.ranges()[2] is None


def test_416_for_a_part_that_is_too_long_starts_over(server: Publisher, client: Client) -> None:
    with Partial(client.target) as part:
        part.start(partial.Origin(server.url, '"1"', None))
        part.write(b"x" * (len(CONTENT) + 5))
    client.get(server.url, size=None)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges() == [f"bytes={len(CONTENT) + 5}-", None]


def test_416_for_a_whole_part_is_the_end(server: Publisher, client: Client) -> None:
    with Partial(client.target) as part:
        part.start(partial.Origin(server.url, '"1"', None))
        part.write(CONTENT)
    client.get(server.url, size=None)
    assert client.target.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_a_whole_part_of_known_size_is_not_asked_for(server: Publisher, client: Client) -> None:
    with Partial(client.target) as part:
        part.start(partial.Origin(server.url, '"1"', len(CONTENT)))
        part.write(CONTENT)
    client.get(server.url)
    assert server.asked == []
    assert client.target.read_bytes() == CONTENT


@pytest.mark.parametrize("note", [None, "", "{", "[]", '{"url": 5, "validator": null, "total": null}'])
def test_bytes_of_unknown_origin_are_dropped(server: Publisher, client: Client, note: str | None) -> None:
    part_of(client.target).write_bytes(b"x" * 10)
    if note is not None:
        part_of(client.target).with_name(f".{NAME}.part.json").write_text(note)
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges() == [None]


def test_a_wrong_md5_names_both_sums_and_leaves_nothing(server: Publisher, client: Client) -> None:
    wrong = b"y" * len(CONTENT)
    server.content = wrong
    with pytest.raises(UserError) as raised:
        client.get(server.url)
    assert f"md5 {hashlib.md5(wrong).hexdigest()}, expected {MD5}" in str(raised.value)
    assert client.left() == set()
    assert len(server.asked) == 1


def test_a_wrong_md5_of_joined_parts_is_tried_once_more(server: Publisher, client: Client) -> None:
    server.script = [Answer(content=b"z" * len(CONTENT), cut=HALF)]  # its ETag lies
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges()[2:] == [None]


def test_a_md5_that_stays_wrong_ends(server: Publisher, client: Client) -> None:
    server.content = b"z" * len(CONTENT)
    server.script = [Answer(cut=HALF), Answer(), Answer(cut=HALF)]
    with pytest.raises(UserError, match="Nothing of it is kept"):
        client.get(server.url)
    assert len(server.asked) == 4
    assert client.left() == set()


def test_a_disk_too_small(server: Publisher, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script = [Answer(cut=HALF)]
    with pytest.raises(UserError):
        client.get(server.url, tries=1)
    kept = part_of(client.target).stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(CONTENT) - kept - 1))
    with pytest.raises(UserError, match=f"needs {len(CONTENT) - kept:,} more bytes, and"):
        client.get(server.url)
    assert part_of(client.target).stat().st_size == kept
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(CONTENT) - kept))
    assert client.get(server.url).md5 == MD5


def test_two_downloads_at_once(server: Publisher, client: Client) -> None:
    with Partial(client.target), pytest.raises(UserError, match="another process downloads"):
        client.get(server.url)
    assert server.asked == []
    assert client.get(server.url).new


def test_a_part_that_became_the_target_is_not_written_to(
    server: Publisher, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the other process finishes."""
    client.get(server.url)
    client.target.rename(part_of(client.target))
    lock: Callable[[int, int], None] = locks.fcntl.flock

    def late(descriptor: int, how: int) -> None:
        if not client.target.exists():
            part_of(client.target).rename(client.target)
        lock(descriptor, how)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    assert not client.get(server.url).new
    assert client.target.read_bytes() == CONTENT
    assert client.left() == {NAME}


def test_a_folder_that_cannot_be_made(server: Publisher, client: Client) -> None:
    (client.folder / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file"):
        Client(client.folder / "file" / "below").get(server.url)


def test_without_a_checksum_the_format_is_looked_at(server: Publisher, client: Client) -> None:
    facts = {"md5": None, "size": None}
    with pytest.raises(UserError, match="is no tar archive"):
        client.get(server.url, **facts)
    with pytest.raises(UserError, match="is no zip archive"):
        client.get(server.url, name="archive.zip", **facts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "b")
    server.content = buffer.getvalue()
    assert client.get(server.url, name="archive.zip", **facts) == Downloaded(len(server.content), None)
    assert client.left() == {"archive.zip"}
