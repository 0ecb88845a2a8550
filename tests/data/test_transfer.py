"""Servers that cut, refuse, lie and change their mind: the file comes whole, or one message."""

from dataclasses import replace
from email.utils import formatdate

import pytest

from exfuse.data.download import Downloaded
from exfuse.data.download.partial import part_of
from exfuse.data.download.transfer import CHUNK_BYTES
from exfuse.errors import UserError
from tests.data.download_client import CONTENT, HALF, MD5, NAME, Client
from tests.data.publisher_server import Answer, Publisher, serving


def test_a_whole_file(server: Publisher, client: Client) -> None:
    assert client.get(server.url) == Downloaded(len(CONTENT), MD5)
    assert client.target.read_bytes() == CONTENT
    assert client.left() == {NAME}
    assert client.screen.shown[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("at", [0, 1, 70_000, len(CONTENT) - 1])
@pytest.mark.parametrize("how", ["cut", "close"])
def test_a_cut_connection_is_gone_on_with(server: Publisher, client: Client, how: str, at: int) -> None:
    server.script = [replace(Answer(), **{how: at})]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    first, second = server.ranges()
    assert first is None
    kept = int((second or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    assert kept <= at
    if how == "close":  # a reset takes with it what the system has not handed over
        assert kept > at - CHUNK_BYTES
    assert server.asked[1].get("If-Range") == ('"1"' if kept else None)
    assert len(client.slept) == 1
    (told,) = [line for line in client.screen.lines if "next try" in line]
    assert f"from byte {kept:,}" in told


def test_many_cuts_are_no_reason_to_give_up_while_bytes_arrive(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(close=20_000)
    client.get(server.url, tries=2)
    assert client.target.read_bytes() == CONTENT
    assert len(server.asked) >= 15


def test_a_file_that_changed_meanwhile_is_started_over(server: Publisher, client: Client) -> None:
    server.script = [Answer(content=b"x" * len(CONTENT), etag='"old"', cut=HALF)]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.asked[1]["If-Range"] == '"old"'
    assert any("starting over" in line for line in client.screen.lines)


def test_a_server_without_ranges_is_started_over(server: Publisher, client: Client) -> None:
    server.script = [Answer(cut=HALF, ranges=False)]
    server.otherwise = Answer(ranges=False)
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_cuts_is_given_up(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(cut=HALF, ranges=False)
    with pytest.raises(UserError, match=r"3 times in a row"):
        client.get(server.url, tries=3)
    assert len(server.asked) <= 6


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_an_address_refuses_the_next_one_gives(server: Publisher, client: Client, status: int) -> None:
    server.paths["/first"] = Answer(status=status, content=b"no")
    client.get(f"{server.url}/first", f"{server.url}/second")
    assert client.target.read_bytes() == CONTENT
    assert client.slept == []
    assert f"answers {status}" in client.screen.lines[0]


def test_what_all_addresses_refuse_is_one_message(server: Publisher, client: Client) -> None:
    server.script = [Answer(status=404, content=b"no"), Answer(status=403, content=b"no")]
    with pytest.raises(UserError) as raised:
        client.get(f"{server.url}/a", f"{server.url}/b")
    for part in (f"{server.url}/a answers 404", f"{server.url}/b answers 403", f"put it at {client.target}", MD5):
        assert part in str(raised.value)
    assert client.left() == set()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: Publisher, client: Client, status: int) -> None:
    server.script = [Answer(status=status, content=b"busy")] * 3
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    for pause, most in zip(client.slept, (1.0, 2.0, 4.0), strict=True):
        assert 0.75 * most <= pause <= most


def test_a_server_that_stays_busy_is_given_up(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(status=503, content=b"busy")
    with pytest.raises(UserError, match=r"answers 503 .*4 times in a row"):
        client.get(server.url, tries=4)
    assert (len(server.asked), len(client.slept)) == (4, 3)
    assert client.left() == set()


def test_retry_after_is_heeded(server: Publisher, client: Client) -> None:
    later = formatdate(usegmt=True)
    server.script = [
        Answer(status=429, headers={"Retry-After": "7"}),
        Answer(status=503, headers={"Retry-After": later}),
        Answer(status=503, headers={"Retry-After": "soon"}),
    ]
    client.get(server.url)
    assert client.slept[:2] == [7.0, 0.0]
    assert 3.0 <= client.slept[2] <= 4.0


def test_a_server_that_asks_for_hours_is_given_up(server: Publisher, client: Client) -> None:
    server.script = [Answer(status=429, headers={"Retry-After": "7200"})]
    with pytest.raises(UserError, match="come back in 7200 s"):
        client.get(server.url)
    assert client.slept == []


def test_a_body_shorter_than_announced_is_gone_on_with(server: Publisher, client: Client) -> None:
    server.script = [Answer(close=HALF)]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges()[1] is not None


def test_a_clean_end_too_early_without_announcement(server: Publisher, client: Client) -> None:
    server.script = [Answer(close=HALF, length=-1)]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges() == [None, f"bytes={HALF}-"]


def test_a_body_longer_than_the_file(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(content=CONTENT + b"more", length=-1)
    with pytest.raises(UserError, match=f"more than the file's {len(CONTENT):,} bytes"):
        client.get(server.url)
    assert client.left() == set()


def test_another_size_than_the_file_is_refused_before_it_is_loaded(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(content=b"x" * 1000, headers={"Content-Type": "application/x-tar"})
    with pytest.raises(UserError, match=r"offers 1,000 bytes of application/x-tar, where the file has 300,000"):
        client.get(server.url)
    assert client.left() == set()


@pytest.mark.parametrize("length", [None, -1])
def test_a_web_page_in_the_files_place_destroys_no_part(server: Publisher, client: Client, length: int | None) -> None:
    page = Answer(content=b"<html>log in", ranges=False, length=length, headers={"Content-Type": "text/html"})
    server.script = [Answer(cut=HALF), page]
    with pytest.raises(UserError, match=r"a web page \(text/html\)"):
        client.get(server.url)
    kept = part_of(client.target).stat().st_size
    assert 0 < kept <= HALF
    client.get(server.url)
    assert server.ranges()[2] == f"bytes={kept}-"


def test_a_redirect_is_followed(server: Publisher, client: Client) -> None:
    server.paths["/old"] = Answer(status=302, headers={"Location": "/new"})
    client.get(f"{server.url}/old")
    assert client.target.read_bytes() == CONTENT


def test_redirects_in_a_circle_are_refused(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(status=302, headers={"Location": "/again"})
    with pytest.raises(UserError, match="TooManyRedirects"):
        client.get(server.url)


def test_an_archives_own_gzip_is_no_encoding(server: Publisher, client: Client) -> None:
    server.otherwise = Answer(headers={"Content-Encoding": "x-gzip"})
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT


def test_a_stalled_server_is_asked_again(server: Publisher, client: Client) -> None:
    server.script = [Answer(stall=HALF)]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert "no answer in time" in client.screen.lines[0]


def test_a_range_that_starts_elsewhere_is_dropped(server: Publisher, client: Client) -> None:
    server.script = [Answer(cut=HALF), Answer(shift=1)]
    client.get(server.url)
    assert client.target.read_bytes() == CONTENT
    assert server.ranges()[2] is None


def test_no_server_at_all(client: Client) -> None:
    with serving(b"") as gone:
        url = gone.url
    with pytest.raises(UserError, match=r"no connection \(2 times in a row\)"):
        client.get(url, tries=2)
    assert client.left() == set()
