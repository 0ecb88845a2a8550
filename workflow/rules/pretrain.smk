# Paper §3.1: ImageNet pretraining, with semantic supervision where the backbone has it.


rule pretrain:
    input:
        upstream("backbones/{backbone}"),
    output:
        weights=f"{BASE}/backbones/{{backbone}}/weights.safetensors",
        history=f"{BASE}/backbones/{{backbone}}/history.csv",
        metrics=f"{BASE}/backbones/{{backbone}}/metrics.json",
        predictions=f"{BASE}/backbones/{{backbone}}/predictions.npz",
        manifest=f"{BASE}/backbones/{{backbone}}/manifest.json",
    log:
        f"{LOGS}/backbones/{{backbone}}.log",
    priority: 2  # what most others wait for
    threads: bridge.threads("pretrain")
    resources:
        **bridge.resources("pretrain"),
    shell:
        "{EXFUSE} pretrain {wildcards.backbone} 2> {log}"
