"""Results beside what the crate copies, and a validator that asks nobody."""

import json
import shutil
from pathlib import Path

import pytest
import requests
import rocrate

from exfuse.spec.graph.reporting import WORKFLOW
from tests.reporting.crate.reading import CONTEXT

BIOSCHEMAS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
"""Terms that mean another thing in RO-Crate 1.3, whose context the library holds, than in 1.1."""


@pytest.fixture
def clone(results, repo_root):
    """Results in a folder that holds what the crate copies from the repository."""
    root = results.spec.root
    for name in ("CITATION.cff", *WORKFLOW):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repo_root / name, root / name)
    return results


@pytest.fixture
def no_network(monkeypatch):
    """The one document that the validator asks the network for, from the library; every other request fails."""
    context = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text())
    context["@context"] |= BIOSCHEMAS
    asked = []

    def send(adapter, request, **options):
        asked.append(request.url)
        if request.url != CONTEXT:
            raise requests.ConnectionError(request.url)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = json.dumps(context).encode()
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return asked
