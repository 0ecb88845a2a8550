# VOC val and the test server's archive. The job that trained has evaluated already; these adopt what it found, and
# compute only what a changed evaluation setting asks for.


rule evaluate:
    input:
        upstream("runs/{run}/seed{seed}/{stage}/val"),
    output:
        plain=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/val.json",
        flip=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/val-flip.json",
        metrics=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/metrics.json",
        confusions=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/confusions.npz",
        predictions=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/predictions.zip",
        manifest=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/val.manifest.json",
    log:
        f"{LOGS}/runs/{{run}}/seed{{seed}}/{{stage}}.val.log",
    threads: THREADS
    resources:
        **bridge.resources("evaluate"),
    shell:
        "{EXFUSE} score {wildcards.run} --seed {wildcards.seed} 2> {log}"


rule submit:
    input:
        upstream("runs/{run}/seed{seed}/{stage}/test"),
    output:
        archive=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/submission.tar.gz",
        manifest=f"{BASE}/runs/{{run}}/seed{{seed}}/{{stage}}/test.manifest.json",
    log:
        f"{LOGS}/runs/{{run}}/seed{{seed}}/{{stage}}.test.log",
    threads: THREADS
    resources:
        **bridge.resources("submit"),
    shell:
        "{EXFUSE} submit {wildcards.run} --seed {wildcards.seed} 2> {log}"
