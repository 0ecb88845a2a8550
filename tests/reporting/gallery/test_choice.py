"""Which images the gallery shows, by its rule."""

from exfuse.reporting.gallery.choice import Chosen, choose


def test_images_are_taken_by_the_first_rule_that_wants_them():
    exfuse = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.4, "e": 0.6, "f": 0.7}
    gcn = {"a": 0.1, "b": 0.7, "c": 0.5, "d": 0.9, "e": 0.9, "f": 0.6}
    # changes: a +0.8, b +0.1, c 0, d −0.5, e −0.3, f +0.1; a and d are taken before
    assert choose(exfuse, gcn, each=2) == [
        Chosen("a", "best", 1), Chosen("b", "best", 2),
        Chosen("d", "worst", 1), Chosen("c", "worst", 2),
        Chosen("e", "changed", 3), Chosen("f", "changed", 5),
    ]  # fmt: skip


def test_equal_scores_go_by_id_and_rounding_makes_no_order():
    exfuse = {"b": 0.1 + 0.2, "z": 0.3, "a": 0.5, "y": 0.5, "c": 0.5}  # 0.1 + 0.2 is a bit above 0.3
    assert [one.id for one in choose(exfuse, {}, each=2)] == ["a", "c", "b", "z"]
    # 0.3 − 0.1 and 0.4 − 0.2 differ by one bit
    changed = choose({"q": 0.3, "p": 0.4}, {"q": 0.1, "p": 0.2}, each=0) + [
        one
        for one in choose({"q": 0.3, "p": 0.4, "x": 1, "w": 0}, {"q": 0.1, "p": 0.2}, each=1)
        if one.rule == "changed"
    ]
    assert changed == [Chosen("p", "changed", 1)]


def test_what_did_not_change_or_has_no_counterpart_is_not_changed():
    assert choose({"a": 0.5, "b": 0.5, "c": 0.4}, {"a": 0.5, "b": 0.5}, each=1) == [
        Chosen("a", "best", 1),
        Chosen("c", "worst", 1),
    ]
