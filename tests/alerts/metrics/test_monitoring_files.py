"""The alert rules and the dashboard name metrics and labels that exist, and can be loaded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from alerts.ledger import Ledger
from alerts.metrics import LEDGER_METRICS, PROCESS_METRICS
from alerts.web import MetricsAccess
from tests.support.paths import REPOSITORY
from tests.support.web_client import run_web_client

FOLDER = REPOSITORY / "docs" / "deployment"
RULES = FOLDER / "prometheus-alerts.yml"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
RULE_TESTS = Path(__file__).parent / "prometheus-alerts.test.yml"
DEFINED = {metric.name: metric for metric in (*LEDGER_METRICS, *PROCESS_METRICS)}
#: Labels that Prometheus adds, and the bounds of buckets.
OUTSIDE = {"job", "instance", "le", "severity"}
#: How the samples of a metric end.
SUFFIXES = ("", "_bucket", "_sum", "_count", "_gsum", "_gcount")

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None,
    reason="promtool is not installed (Debian: apt-get install prometheus)",
)


def list_panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    return panels


def list_expressions() -> list[str]:
    """The expressions of the dashboard, with a value for each variable of Grafana."""
    return [
        target["expr"].replace("$__rate_interval", "5m").replace("$job", "watchword")
        for panel in list_panels()
        for target in panel["targets"]
    ]


def find_used(text: str) -> Iterator[tuple[str, str]]:
    """Each metric of ours that a text names, and what stands in braces behind it."""
    for found in re.finditer(r"\b(watchword_\w+|process_\w+)(?:\{([^}]*)\})?", text):
        yield found[1], found[2] or ""


def get_metric_name(sample: str) -> str:
    """The metric that a sample belongs to."""
    return next((sample.removesuffix(s) for s in SUFFIXES if sample.removesuffix(s) in DEFINED), "")


@pytest.mark.parametrize("text", [RULES.read_text(), "\n".join(list_expressions())])
def test_metrics_and_labels_exist(text: str) -> None:
    page = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    used = list(find_used(text))
    assert len(used) > 15
    for sample, selector in used:
        if sample.startswith("process_"):
            assert f"`{sample}`" in page, sample
            continue
        metric = DEFINED[get_metric_name(sample)]
        labels = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', selector))
        assert labels <= {*metric.label_names, *OUTSIDE}, f"{sample}{{{selector}}}"
    grouped = {one for by in re.findall(r"\bby \(([^)]*)\)", text) for one in by.split(", ")}
    known = {label for metric in DEFINED.values() for label in metric.label_names}
    assert grouped <= known | OUTSIDE


def test_the_dashboard_shows_every_metric_of_the_service_that_a_graph_can_show() -> None:
    shown = {get_metric_name(sample) for sample, _ in find_used("\n".join(list_expressions()))}
    alerted = {get_metric_name(sample) for sample, _ in find_used(RULES.read_text())}
    left_out = set(DEFINED) - shown - alerted
    assert left_out == {"watchword_job_running"}  # of use to who looks for a hanging job only


def test_the_dashboard_can_be_laid_out() -> None:
    ids = [panel["id"] for panel in list_panels()]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in list_panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "job"]


def run_promtool(*arguments: str, given: bytes = b"") -> str:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], input=given, capture_output=True, timeout=60, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@needs_promtool
@pytest.mark.process
def test_prometheus_accepts_the_rules_and_they_fire_as_they_should(tmp_path: Path) -> None:
    run_promtool("check", "rules", str(RULES))
    for file in (RULES, RULE_TESTS):
        shutil.copy(file, tmp_path)
    assert "SUCCESS" in run_promtool("test", "rules", str(tmp_path / RULE_TESTS.name))


@needs_promtool
@pytest.mark.process
def test_prometheus_accepts_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(list_expressions())
    ]
    file = tmp_path / "panels.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run_promtool("check", "rules", str(file))


@needs_promtool
@pytest.mark.process
def test_prometheus_finds_no_fault_in_a_scrape(
    shared_ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    access = MetricsAccess(networks=(ip_network("127.0.0.0/8"),))
    with run_web_client(shared_ledger, now, tmp_path, metrics_access=access) as client:
        client.request("GET", "/")
        body = client.request("GET", "/metrics")[2]
    assert run_promtool("check", "metrics", given=body) == ""
