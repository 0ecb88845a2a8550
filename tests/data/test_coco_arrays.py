import io
import json

import pytest

from exfuse.data.coco import arrays
from exfuse.data.coco.arrays import read_arrays

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
    monkeypatch.setattr(arrays, "BUFFER_BYTES", window)
    assert read(json.dumps(CONTENT, **layout).encode()) == {name: CONTENT[name] for name in NAMES}


@pytest.mark.parametrize("window", [3, 1000])
def test_a_cut_anywhere_is_noticed(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(arrays, "BUFFER_BYTES", window)
    text = json.dumps(CONTENT, ensure_ascii=False).encode()
    for cut in range(len(text)):
        with pytest.raises(ValueError, match=r"."):
            read(text[:cut])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[]", "it is no object"),
        (b"", "premature EOF"),
        (b'{"images": {}, "annotations": [], "categories": []}', "images is no array"),
        (b'{"images": [], "images": []}', "images stands there twice"),
        (b'{"images": [], "kinds": []}', "annotations, categories is absent"),
        (b'{"images": [1 2]}', r"after array element, I expect ',' or '\]' near `\{\"images\": \[1 2\]\}`$"),
        (b'{"images": [1,]}', "unallowed token"),
        (b'{"images": [], "annotations": [], "categories": []} x', "trailing garbage"),
        (b'{"images": ["\xff"]}', "^lexical error: invalid bytes in UTF8 string"),
        (b'{"images": [18446744073709551616]}', "integer overflow"),
    ],
)
def test_what_is_no_such_object_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)


@pytest.mark.parametrize("element", [b'"' + b"x" * (1 << 20), b"[" + b"[[1]]," * (1 << 18)])
def test_an_endless_element_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch, element: bytes
) -> None:
    monkeypatch.setattr(arrays, "MAX_ELEMENT_BYTES", 1 << 16)
    monkeypatch.setattr(arrays, "BUFFER_BYTES", 1 << 10)
    stream = io.BytesIO(b'{"images": [' + element)
    with pytest.raises(ValueError, match="does not end within 65536 bytes"):
        list(read_arrays(stream, NAMES))
    assert stream.tell() < 1 << 18


def test_what_is_passed_over_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_ELEMENT_BYTES", 1 << 12)
    monkeypatch.setattr(arrays, "BUFFER_BYTES", 1 << 10)
    wanted = {name: [1] for name in NAMES}
    assert read(json.dumps({"info": ["x"] * 10_000, **wanted}).encode()) == wanted


@pytest.mark.parametrize("key", ["images", "info"])
def test_deep_nesting_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="nested more than 100 levels deep"):
        read(f'{{"{key}": '.encode() + b"[" * 100_000)
