"""One description for several presets: cases worked by hand."""

from typing import Any

import pytest

from exfuse.pipeline.entries import Entry
from exfuse.pipeline.variable import named, shared


def test_a_name_becomes_the_variable_and_back() -> None:
    tree = {"cmd": "exfuse --preset mini dvc check", "outs": ["results/mini/a.csv"]}
    merged = shared(
        {"mini": tree, "smoke": {"cmd": "exfuse --preset smoke dvc check", "outs": ["results/smoke/a.csv"]}}
    )
    assert merged == {"cmd": "exfuse --preset ${preset} dvc check", "outs": ["results/${preset}/a.csv"]}
    assert named(merged, "mini") == tree
    assert named(merged, "other")["outs"] == ["results/other/a.csv"]


def test_one_preset_alone_has_the_variable_too() -> None:
    assert shared({"mini": {"cmd": "exfuse --preset mini"}}) == {"cmd": "exfuse --preset ${preset}"}


def test_a_value_that_each_preset_has_from_another_file() -> None:
    """`smoke` replaces the steps of `mini` by its own; the classes both have from `mini`."""
    mini, smoke = "params/presets/mini.yaml", "params/presets/smoke.yaml"
    trees: dict[str, dict[str, Any]] = {
        "mini": {"params": [Entry("classes", mini), Entry("steps", mini)]},
        "smoke": {"params": [Entry("classes", mini), Entry("steps", smoke)]},
    }
    assert shared(trees) == {"params": [Entry("classes", mini), Entry("steps", "params/presets/${preset}.yaml")]}


def test_a_chain_of_files_of_which_one_preset_has_fewer() -> None:
    """For `mini` its own file and the one by name are the same."""
    own, inherited = Entry("", "params/presets/smoke.yaml"), Entry("", "params/presets/mini.yaml")
    merged = shared({"mini": {"params": [inherited]}, "smoke": {"params": [own, inherited]}})
    assert merged is not None
    assert set(named(merged, "mini")["params"]) == {inherited}
    assert set(named(merged, "smoke")["params"]) == {own, inherited}


def test_an_entry_named_after_the_data_of_a_preset() -> None:
    trees: dict[str, dict[str, Any]] = {
        name: {"params": [Entry(f"folders.{name}.generated", "params/datasets.yaml")]} for name in ("mini", "smoke")
    }
    assert shared(trees) == {"params": [Entry("folders.${preset}.generated", "params/datasets.yaml")]}
    trees["smoke"] = trees["mini"]  # made of the same archives: the name is no preset's
    assert shared(trees) == trees["mini"]


@pytest.mark.parametrize("text", ["results/minimum/a.csv", "results/mini-x/a.csv", "x-mini", "a_mini", "minis"])
def test_a_name_inside_another_word_is_none(text: str) -> None:
    assert shared({"mini": {"cmd": text}}) == {"cmd": text}
    assert shared({"mini": {"cmd": text}, "smoke": {"cmd": text}}) == {"cmd": text}


@pytest.mark.parametrize("text", ["mini", "data/mini.manifest.json", "results/mini", "folders.mini.archives"])
def test_a_name_between_dots_and_slashes_is_one(text: str) -> None:
    assert shared({"mini": {"cmd": text}}) == {"cmd": text.replace("mini", "${preset}")}


@pytest.mark.parametrize("word", ["data", "results", "smoke", "exfuse", "dvc", "a.b"])
def test_a_preset_that_is_called_like_another_word(word: str) -> None:
    """What the word means elsewhere stays, as soon as a second preset says which is which."""

    def tree(name: str) -> dict[str, Any]:
        return {
            "cmd": f"exfuse --preset {name} dvc make data-voc",
            "deps": [f"data/{name}.manifest.json", f"results/{name}/data/sets/smoke.csv"],
            "params": [Entry("data", f"params/presets/{name}.yaml")],
        }

    merged = shared({word: tree(word), "mini": tree("mini")})
    assert merged is not None
    assert _sorted(named(merged, word)) == _sorted(tree(word))
    assert _sorted(named(merged, "mini")) == _sorted(tree("mini"))
    assert _sorted(named(shared({word: tree(word)}), word)) == _sorted(tree(word))


def test_a_dot_in_a_name_is_a_dot() -> None:
    assert shared({"a.b": {"cmd": "results/axb"}}) == {"cmd": "results/axb"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"table1": {}}, {"table2": {}}),
        ({"table1": {}}, {"table1": {}, "table2": {}}),
        ({"deps": ["a"]}, {"deps": ["a", "b"]}),
        ({"deps": ["a", "b"]}, {"deps": ["a"]}),
        ({"deps": ["a"]}, {"deps": []}),
        ({"deps": []}, {"deps": ["a"]}),
        ({"cmd": "sleep 1"}, {"cmd": "sleep 2"}),
        ({"params": [Entry("steps", "a")]}, {"params": [Entry("epochs", "a")]}),
        ({"plots": [{"x": "step"}]}, {"plots": [{"x": "step"}, {"y": "loss"}]}),
    ],
)
def test_presets_of_different_structure_have_none(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert shared({"mini": {"inner": one}, "smoke": {"inner": other}}) is None


def test_the_order_of_a_list_does_not_matter_and_that_of_groups_does() -> None:
    assert shared({"mini": {"deps": ["b", "mini"]}, "smoke": {"deps": ["smoke", "b"]}}) == {"deps": ["${preset}", "b"]}
    assert shared({"mini": {"plots": [{"a": "1"}, {"b": "1"}]}, "smoke": {"plots": [{"b": "1"}, {"a": "1"}]}}) is None


def test_values_that_are_no_text_stay() -> None:
    assert shared({"mini": {"persist": True, "n": 1}, "smoke": {"persist": True, "n": 1}}) == {"persist": True, "n": 1}
    assert named({"persist": True, "n": None}, "mini") == {"persist": True, "n": None}


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, list) else value for key, value in tree.items()}
