#!/usr/bin/env python3
"""Lints the chart and renders it with Helm's own library, several ways, into a directory: check.py DIR

The rendered manifests are then held against the API's schemas (deploy/lint). A value that must be refused has to be.
"""
import pathlib
import sys

import helm_python as helm

CHART = pathlib.Path(__file__).parent / "steward"
VARIANTS = {
    "default": {},
    "everything": {
        "image": {"digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "keys": {"configMap": "keys"},
        "persistence": {"storageClass": "fast"},
        "podAnnotations": {"example.org/a": "b"},
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "priorityClassName": "high",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "closed": {"networkPolicy": {"enabled": False}},
}
REFUSED = {
    "a secret among the settings": {"settings": {"DISCORD_TOKEN": "x"}},
    "a network's endpoints among the settings": {"settings": {"MAINNET_L1_RPC_URLS": "x"}},
    "the keys of a collector among the settings": {"settings": {"OTEL_EXPORTER_OTLP_HEADERS": "x"}},
    "a misspelt value": {"podMonitr": {"enabled": True}},
    "metrics without a token": {"podMonitor": {"enabled": True}, "secrets": {"names": ["DISCORD_TOKEN"]}},
}


def main() -> int:
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    report = helm.lint(CHART, strict=True)
    faults = [m for m in report["messages"] if m["severity"] >= 2]
    chart = helm.Chart.load(CHART)
    for name, values in VARIANTS.items():
        chart.validate_schema(values)
        rendered = chart.render(values, name="watch", namespace="aztec")
        for template, text in rendered.items():
            if template.endswith(".yaml") and text.strip():
                file = directory / f"{name}-{pathlib.Path(template).name}"
                file.write_text(text)
    for what, values in REFUSED.items():
        try:
            chart.validate_schema(values)
            chart.render(values, name="watch", namespace="aztec")
        except helm.HelmError:
            continue
        faults.append({"error": f"{what} is not refused"})
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
