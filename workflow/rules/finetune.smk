# Paper §3 and §4: one stage of a run's chain, from the backbone or from the stage before.


rule finetune:
    input:
        upstream("runs/{run}/seed{seed}/{stage}"),
    output:
        weights=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/weights.safetensors",
        history=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/history.csv",
        manifest=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/manifest.json",
    log:
        f"{LOGS}/runs/{{run}}/seed{{seed}}/{{stage}}.log",
    wildcard_constraints:
        run=one_of(run for run in GRAPH.spec.runs if len(GRAPH.spec.chain(run)) == 1),
    threads: bridge.threads("finetune")
    resources:
        **bridge.resources("finetune"),
    shell:
        "{EXFUSE} finetune {wildcards.run} {wildcards.stage} --seed {wildcards.seed} 2> {log}"


# Chains of several stages are the graph's longest path: begun last, they would leave all cores but one idle.
use rule finetune as finetune_chain with:
    wildcard_constraints:
        run=one_of(run for run in GRAPH.spec.runs if len(GRAPH.spec.chain(run)) > 1),
    priority: 1
