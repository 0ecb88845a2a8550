# The paper as a graph: `snakemake --cores all [report | table3 | figures] [--config preset=voc]`.
# What depends on what, and what is stale, is decided by exfuse.spec (params/ → jobs → keys); the rules name files and
# commands only. `exfuse status` shows the same jobs without Snakemake.
include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/inspect.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.html.output,
        rules.crate.output,
        made("tables/"),
        made("figures/"),
        made("gallery"),
        made("claims"),


rule report:
    input:
        rules.html.output,
        rules.crate.output,


rule figures:
    input:
        made("figures/"),


rule table1:
    input:
        f"{BASE}/tables/table1.csv",


rule table2:
    input:
        f"{BASE}/tables/table2.csv",


rule table3:
    input:
        f"{BASE}/tables/table3.csv",


rule table4:
    input:
        f"{BASE}/tables/table4.csv",


rule table5:
    input:
        f"{BASE}/tables/table5.csv",


rule table6:
    input:
        f"{BASE}/tables/table6.csv",


rule table7:
    input:
        f"{BASE}/tables/table7.csv",


rule table8:
    input:
        f"{BASE}/tables/table8.csv",
