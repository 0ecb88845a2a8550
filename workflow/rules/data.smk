# Archives (where the project makes its own), preparation by publisher, and the sets that training reads.


rule archives:
    input:
        upstream("archives"),
    output:
        manifest=made("archives") or f"{BASE}/no-archives-to-make",
    log:
        f"{LOGS}/archives.log",
    resources:
        **bridge.resources("archives"),
    shell:
        "{EXFUSE} data archives 2> {log}"


rule prepare:
    input:
        upstream("data/{publisher}"),
    output:
        manifest=f"{BASE}/data/{{publisher}}/manifest.json",
    log:
        f"{LOGS}/data/{{publisher}}.log",
    threads: 1 if GRAPH.spec.folder.generated else MOST_CORES
    resources:
        **bridge.resources("prepare"),
    shell:
        "{EXFUSE} data prepare {wildcards.publisher} --workers {threads} 2> {log}"


rule set:
    input:
        upstream("data/sets/{set}"),
    output:
        csv=f"{BASE}/data/sets/{{set}}.csv",
        manifest=f"{BASE}/data/sets/{{set}}.manifest.json",
    log:
        f"{LOGS}/data/sets/{{set}}.log",
    resources:
        **bridge.resources("set"),
    shell:
        "{EXFUSE} data set {wildcards.set} 2> {log}"
