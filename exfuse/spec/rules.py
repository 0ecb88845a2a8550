"""Which rule of the workflow makes a job."""

from exfuse.spec.graph import CHARTS, Graph


def rule_of(graph: Graph, name: str) -> str:
    """The Snakemake rule that makes a job."""
    if name.startswith("runs/"):
        train = "finetune" if len(graph.spec.chain(name.split("/")[1])) == 1 else "finetune_chain"
        return {"val": "evaluate", "test": "submit"}.get(name.rsplit("/", 1)[1], train)
    if name.startswith("data/sets/"):
        return "set"
    if name.startswith("models/"):
        return {"architecture": "trace", "costs": "cost", "probes": "probe"}[name.split("/")[1]]
    first, _, rest = name.partition("/")
    if rest in CHARTS:
        return "chart"
    rules = {"data": "prepare", "backbones": "pretrain", "tables": "table", "figures": "figure", "report": "html"}
    return rules.get(first, first)
