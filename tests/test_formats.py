"""JSON, CSV and digests: what is written is read back, and what is damaged is one sentence."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.files import (
    digest,
    encodable,
    read_csv,
    read_json,
    read_mapping,
    write_csv,
    write_json,
    write_text,
)


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"größe": [1, 2.5, None, True], "leer": {}}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content
    assert json.loads((tmp_path / "x.json").read_bytes()) == content
    assert (tmp_path / "x.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_has_no_such_numbers(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "x.json", {"miou": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"miou": number})
    assert read_json(tmp_path / "x.json") == {"miou": 0.5}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"nope"])
def test_damaged_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_json_nested_beyond_reason_is_one_sentence(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", "[" * 100_000)
    with pytest.raises(UserError, match="is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_lone_surrogates_are_spelt_and_all_else_stays() -> None:
    assert encodable("Größe 标签 😀 \\ \n") == "Größe 标签 😀 \\ \n"
    assert encodable(os.fsdecode(b"\xe9") + "\ud800") == r"\udce9\ud800"


@pytest.mark.parametrize("read", [read_json, read_csv])
def test_missing_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent: No such file or directory"):
        read(tmp_path / "absent")


def test_csv_round_trip(tmp_path: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {"id": "a", "words": 'one, "two"\nthree'},
        {"id": "ä", "words": None},
        {"id": "c"},
    ]
    write_csv(tmp_path / "x.csv", ["id", "words"], rows)
    assert (tmp_path / "x.csv").read_bytes() == 'id,words\na,"one, ""two""\nthree"\nä,\nc,\n'.encode()
    assert read_csv(tmp_path / "x.csv") == [
        {"id": "a", "words": 'one, "two"\nthree'},
        {"id": "ä", "words": ""},
        {"id": "c", "words": ""},
    ]


def test_csv_refuses_values_without_a_column(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in fieldnames"):
        write_csv(tmp_path / "x.csv", ["id"], [{"id": "a", "extra": 1}])
    assert list(tmp_path.iterdir()) == []


def test_damaged_csv(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id\n\xff\xfe\n")
    with pytest.raises(UserError, match=r"x\.csv is no table"):
        read_csv(tmp_path / "x.csv")


def test_digests_of_known_content(tmp_path: Path) -> None:
    """The test vectors of FIPS 180-2 and RFC 1321 for "abc"."""
    (tmp_path / "x").write_bytes(b"abc")
    assert digest(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(tmp_path / "x", "md5") == "900150983cd24fb0d6963f7d28e17f72"


def test_digests_do_not_depend_on_the_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(bytes(range(256)) * 5)
    whole = digest(tmp_path / "x")
    monkeypatch.setattr("exfuse.files.CHUNK_BYTES", 7)
    assert digest(tmp_path / "x") == whole


@pytest.mark.parametrize(("content", "found"), [('{"a": 1}', {"a": 1}), ("[1]", {}), ('{"a"', {}), (None, {})])
def test_a_mapping_is_empty_where_there_is_none(tmp_path: Path, content: str | None, found: dict[str, int]) -> None:
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    assert read_mapping(tmp_path / "x.json") == found
