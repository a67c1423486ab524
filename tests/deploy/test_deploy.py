"""What operators are given is valid, and speaks of settings and metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from classroom.config import load
from classroom.metrics import Metrics

DEPLOY = Path(__file__).parent.parent.parent / "config" / "deploy"


def variables(text: str) -> set[str]:
    return set(re.findall(r"\bCLASSROOM_[A-Z]+_[A-Z_]+\b", text))


def test_the_settings_for_a_cluster_are_settings() -> None:
    settings = load(DEPLOY.parent / "cluster.toml")
    assert settings.cluster.workers == 4
    assert settings.cluster.redis.startswith("redis://")
    assert settings.auth.open_rooms is False


def test_every_variable_that_a_deployment_sets_is_a_setting() -> None:
    examples = {"PORT": "1", "WORKERS": "2", "ROOMS": "false", "FORMAT": "json", "URL": "https://class.example.org"}
    for path in DEPLOY.iterdir():
        for name in variables(path.read_text()):
            value = next((v for suffix, v in examples.items() if name.endswith(suffix)), "x" * 40)
            if name.endswith("DATABASE"):
                value = "postgresql://classroom@localhost/classroom"
            if name.endswith("REDIS"):
                value = "redis://localhost"
            load(environment={name: value})


def test_the_cloudformation_template_is_accepted_by_cfn_lint() -> None:
    linter = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([linter, DEPLOY / "cloudformation.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_is_one_of_three_services_and_builds_from_files_that_are_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(compose["services"]) == {"classroom", "postgres", "redis"}
    root = DEPLOY / compose["services"]["classroom"]["build"]["context"]
    dockerfile = (root / compose["services"]["classroom"]["build"]["dockerfile"]).read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (root / source).exists(), source


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    told = Metrics().text().decode()
    names = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for used in re.findall(r"\b(?:classroom|process)_\w+", target["expr"]):
                base = re.sub(r"_(bucket|count|sum)$", "", used)
                assert base in names or used in names, used
