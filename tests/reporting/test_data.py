"""The sets of images as the page tells them: the lists that their jobs left, or why they are not."""

from exfuse.reporting.data import image_sets
from exfuse.reporting.report import write_report


def val(results):
    (found,) = (one for one in image_sets(results.graph) if one.name == "val")
    return found


def test_rows_and_images_are_counted(results):
    results.val_set()
    found = val(results)
    assert (found.rows, found.images, found.sources, found.problem) == (5, 5, "5 voc", "")


def test_a_list_that_was_altered_at_equal_length_is_told(results):
    """Its length alone tells nothing; of what its job did not make nothing is counted."""
    results.val_set()
    source = results.graph.layout.set("val")
    content = source.read_bytes()
    source.write_bytes(content.replace(b"2007_000003,voc", b"2007_000009,voc"))
    assert source.stat().st_size == len(content)
    found = val(results)
    assert (found.rows, found.images, found.sources) == (None, None, "")
    assert found.problem.startswith("not the list that")
    write_report(results.graph)
    assert found.problem in results.graph.layout.report.read_text()


def test_a_list_that_is_not_there_has_no_problem_but_its_state(results):
    found = val(results)
    assert (found.rows, found.problem, found.record.state) == (None, "", "missing")
