"""Makes small reproductions, changes them, and reads what is said of two."""

from dataclasses import replace
from pathlib import Path

from exfuse.files import read_json, write_json
from exfuse.reporting.claims import write_claims
from exfuse.reporting.comparison.differences import differences
from exfuse.reporting.comparison.folder import read_folder
from exfuse.reporting.comparison.meaning import meaning
from exfuse.reporting.comparison.page import write_comparison
from exfuse.reporting.tables import write_table
from tests.reporting.conftest import Results

HOSTILE = "<script>alert('1')</script> & \"quotes\" 标签 " + "x" * 200
STAGE = "runs/exfuse/seed0/trainaug"
MANIFEST = f"{STAGE}/manifest.json"


def make(spec, root: Path, miou: float, seeds: int = 1) -> Path:
    """A small reproduction: GCN and ExFuse, Table 3, the claims."""
    preset = spec.preset.model_copy(update={"seeds": seeds})
    results = Results(replace(spec, root=root, preset=preset))
    results.val_set()
    for seed in range(seeds):
        results.run("exfuse", miou + 0.01 * seed, seed=seed)
        results.run("gcn-resnext101", 0.40, seed=seed)
    write_table(results.graph, "table3")
    results.finish(results.graph.jobs["tables/table3"])
    write_claims(results.graph)
    results.finish(results.graph.jobs["claims"])
    return results.graph.layout.base


def change(file: Path, *path: str, value) -> None:
    """Changes a value of a JSON file."""
    content = read_json(file)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    write_json(file, content)


def page(a: Path, b: Path, tmp_path: Path) -> str:
    output = tmp_path / "comparison.html"
    write_comparison(a, b, output, overwrite=True)
    return output.read_text()


def sentences(a: Path, b: Path) -> str:
    both = read_folder(a), read_folder(b)
    return " ".join(meaning(*both, differences(*both)))


def claim(name, verdict, **more):
    line = dict.fromkeys(("paper", "measured", "low", "high", "seeds", "why"), "")
    return {"claim": name, "text": f"It {name}s.", "status": "measured", "verdict": verdict, **line, **more}
