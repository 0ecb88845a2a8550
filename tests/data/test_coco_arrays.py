import io
import json

import pytest

from exfuse.data import json_stream
from exfuse.data.json_stream import read_arrays

NAMES = ("images", "annotations", "categories")
CONTENT = {
    "info": {"a": [1, {"b": 'x]}"\\'}]},
    "annotations": [1, 2.5, -3e-2, None, True, [], {}, "a,b]", {"deep": [[{"x": [1]}]]}],
    "number": 12345,
    "images": [{"id": number, "name": "é\n\\" * number} for number in range(9)],
    "categories": [],
}
LAYOUTS = [{}, {"indent": 2}, {"ensure_ascii": False, "separators": (",", ":")}]


def read(text: bytes) -> dict[str, list]:
    found = {name: [] for name in NAMES}
    for name, element in read_arrays(io.BytesIO(text), NAMES):
        found[name].append(element)
    return found


@pytest.mark.parametrize("window", [1, 2, 7, 1000])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_elements_are_those_of_the_standard_library(monkeypatch: pytest.MonkeyPatch, window: int, layout: dict) -> None:
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", window)
    assert read(json.dumps(CONTENT, **layout).encode()) == {name: CONTENT[name] for name in NAMES}


@pytest.mark.parametrize("window", [3, 1000])
def test_a_cut_anywhere_is_noticed(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", window)
    text = json.dumps(CONTENT, ensure_ascii=False).encode()
    for cut in range(len(text)):
        with pytest.raises(ValueError, match=r"."):
            read(text[:cut])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[]", "stands where { belongs"),
        (b'{"images": {}, "annotations": [], "categories": []}', "images is no array"),
        (b'{"images": [], "images": []}', "images stands there twice"),
        (b'{"images": [], "kinds": []}', "annotations, categories is absent"),
        (b'{"images": [1 2]}', "2 stands where ] belongs"),
        (b'{"images": [1,]}', "Expecting value"),
        (b'{"images": [], "annotations": [], "categories": []} x', "more follows"),
        (b'{"images": ["\xff"]}', "can't decode byte 0xff"),
    ],
)
def test_what_is_no_such_object_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)


def test_an_endless_element_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_ELEMENT_CHARACTERS", 1 << 16)
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", 1 << 10)
    stream = io.BytesIO(b'{"images": ["' + b"x" * (1 << 20))
    with pytest.raises(ValueError, match="does not end within 65536 characters"):
        list(read_arrays(stream, NAMES))
    assert stream.tell() < 1 << 18


def test_deep_nesting_is_no_crash() -> None:
    with pytest.raises(RecursionError):
        read(b'{"images": ' + b"[" * 100_000)
