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
    threads: THREADS
    shell:
        "{EXFUSE} finetune {wildcards.run} {wildcards.stage} --seed {wildcards.seed} 2> {log}"
