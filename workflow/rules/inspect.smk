# What the networks are made of (Figures 2–6) and cost, and what the features of trained ones carry (Figure 1).


rule trace:
    input:
        upstream("models/architecture"),
    output:
        architecture=f"{BASE}/models/architecture.json",
        manifest=f"{BASE}/models/architecture.manifest.json",
    log:
        f"{LOGS}/models/architecture.log",
    threads: THREADS
    resources:
        **bridge.resources("trace"),
    shell:
        "{EXFUSE} trace 2> {log}"


rule cost:
    input:
        upstream("models/costs"),
    output:
        costs=f"{BASE}/models/costs.json",
        manifest=f"{BASE}/models/costs.manifest.json",
    log:
        f"{LOGS}/models/costs.log",
    resources:
        **bridge.resources("cost"),
    shell:
        "{EXFUSE} costs 2> {log}"


rule probe:
    input:
        upstream("models/probes"),
    output:
        probes=f"{BASE}/models/probes.json",
        manifest=f"{BASE}/models/probes.manifest.json",
    log:
        f"{LOGS}/models/probes.log",
    threads: THREADS
    resources:
        **bridge.resources("probe"),
    shell:
        "{EXFUSE} probe 2> {log}"
