"""A part whose names exist, and a sentence that leads to it."""

from typing import Any

from exfuse.spec.fidelity import Part, Section, Sentence


def part(**changes: Any) -> Part:
    """A part whose names exist."""
    declared: dict[str, Any] = {
        "title": "Densely adjacent prediction",
        "readings": {"border": {"value": "zeros", "source": "assumption", "why": "open", "alternative": "none"}},
        "hyperparameters": ("decoder.dap_kernel",),
        "code": ("exfuse/models/dap.py::DenselyAdjacentPrediction.forward",),
        "tests": ("tests/models/test_dap.py::test_gradcheck",),
    }
    return Part.model_validate({**declared, **changes})


def section3(**leads: Any) -> dict[str, Section]:
    """One sentence that leads to the part and wherever else the test says."""
    return {"3.2": Section(title="t", paragraphs={"P": (Sentence(first="We use", **{"parts": ("dap",), **leads}),)})}
