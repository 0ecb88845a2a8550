# What the paper prints: tables, figures, claims, and the page that holds them.


rule table:
    input:
        upstream("tables/{table}"),
    output:
        csv=report(
            f"{BASE}/tables/{{table}}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        tex=f"{BASE}/tables/{{table}}.tex",
        md=f"{BASE}/tables/{{table}}.md",
        manifest=f"{BASE}/tables/{{table}}.manifest.json",
    log:
        f"{LOGS}/tables/{{table}}.log",
    resources:
        **bridge.resources("table"),
    shell:
        "{EXFUSE} table {wildcards.table} 2> {log}"


rule figure:
    input:
        upstream("figures/{figure}"),
    output:
        svg=report(
            f"{BASE}/figures/{{figure}}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png=f"{BASE}/figures/{{figure}}.png",
        manifest=f"{BASE}/figures/{{figure}}.manifest.json",
    log:
        f"{LOGS}/figures/{{figure}}.log",
    resources:
        **bridge.resources("figure"),
    shell:
        "{EXFUSE} figure {wildcards.figure} 2> {log}"


rule chart:
    input:
        upstream("figures/{chart}"),
    output:
        svg=report(
            f"{BASE}/figures/{{chart}}.svg",
            caption="../report/figure.rst",
            category="Charts",
            labels={"chart": "{chart}"},
        ),
        png=f"{BASE}/figures/{{chart}}.png",
        json=f"{BASE}/figures/{{chart}}.vl.json",
        manifest=f"{BASE}/figures/{{chart}}.manifest.json",
    log:
        f"{LOGS}/figures/{{chart}}.log",
    resources:
        **bridge.resources("chart"),
    shell:
        "{EXFUSE} figure {wildcards.chart} 2> {log}"


rule gallery:
    input:
        upstream("gallery"),
    output:
        json=f"{BASE}/figures/gallery.json",
        manifest=f"{BASE}/figures/gallery.manifest.json",
    log:
        f"{LOGS}/gallery.log",
    resources:
        **bridge.resources("gallery"),
    shell:
        "{EXFUSE} gallery 2> {log}"


rule claims:
    input:
        upstream("claims"),
    output:
        csv=report(
            f"{BASE}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"claims": "all"},
        ),
        manifest=f"{BASE}/claims.manifest.json",
    log:
        f"{LOGS}/claims.log",
    resources:
        **bridge.resources("claims"),
    shell:
        "{EXFUSE} claims 2> {log}"


rule html:
    input:
        upstream("report"),
    output:
        html=report(
            f"{BASE}/report/index.html",
            caption="../report/report.rst",
            category="Report",
            labels={"report": "all in one page"},
        ),
        manifest=f"{BASE}/report/manifest.json",
    log:
        f"{LOGS}/report.log",
    resources:
        **bridge.resources("html"),
    shell:
        "{EXFUSE} report 2> {log}"


rule crate:
    input:
        upstream("crate"),
    output:
        made("crate"),
    log:
        f"{LOGS}/crate.log",
    resources:
        **bridge.resources("crate"),
    shell:
        "{EXFUSE} crate 2> {log}"
