"""What operators are given is valid, and speaks of settings and metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
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


def test_each_worker_s_metrics_are_at_the_same_ports_in_every_deployment_and_in_the_book() -> None:
    port = load(DEPLOY.parent / "cluster.toml").cluster.metrics_port
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["classroom"]
    assert compose["environment"]["CLASSROOM_CLUSTER_METRICS_PORT"] == str(port)
    assert compose["ports"] == ["8000:8000", "8189:8189/udp"]  # and so on loopback only
    assert f" CLASSROOM_CLUSTER_METRICS_PORT={port}\n" in (DEPLOY / "cloudformation.yaml").read_text()
    book = (DEPLOY.parent.parent / "docs" / "operations.md").read_text()
    scraping, sidecar = (
        yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.+?)^```", book, re.MULTILINE | re.DOTALL)
    )
    workers = load(DEPLOY.parent / "cluster.toml").cluster.workers
    targets = [f"127.0.0.1:{port + number}" for number in range(workers)]
    assert scraping["scrape_configs"][0]["static_configs"][0]["targets"] == targets
    assert sidecar["services"]["prometheus"]["network_mode"] == "service:classroom"


def test_browsers_reach_the_live_stream_of_a_deployment_or_it_has_none() -> None:
    cluster = load(DEPLOY.parent / "cluster.toml").media
    assert (cluster.host, cluster.port) == ("0.0.0.0", 8189)
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["classroom"]
    named = {name: str(value) for name, value in compose["environment"].items() if name.startswith("CLASSROOM_MEDIA_")}
    media = load(environment={**named, "CLASSROOM_MEDIA_ADDRESSES": "203.0.113.7"}).media
    assert (media.host, media.addresses) == ("0.0.0.0", ("203.0.113.7",))
    assert named["CLASSROOM_MEDIA_ADDRESSES"] == "${MEDIA_ADDRESSES:-127.0.0.1}"
    assert f"{media.port}:{media.port}/udp" in compose["ports"]
    template = (DEPLOY / "cloudformation.yaml").read_text()
    assert "CLASSROOM_MEDIA_ENABLED=false\n" in template
    assert "UDP" not in re.findall(r"^ +Protocol: (.+)$", template, re.MULTILINE)


def test_every_variable_that_a_deployment_sets_is_a_setting() -> None:
    examples = {
        "PORT": "1",
        "WORKERS": "2",
        "ROOMS": "false",
        "ENABLED": "false",
        "HOST": "0.0.0.0",
        "ADDRESSES": "203.0.113.7",
        "FORMAT": "json",
        "URL": "https://class.example.org",
    }
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


def test_no_machine_is_replaced_or_cut_off_because_what_it_talks_to_is_down() -> None:
    template = (DEPLOY / "cloudformation.yaml").read_text()
    assert "HealthCheckType: ELB" in template  # the balancer's word is what machines are replaced by
    assert re.findall(r"^ +HealthCheckPath: (.+)$", template, re.MULTILINE) == ["/healthz"]
    assert "`/healthz`" in (DEPLOY.parent.parent / "docs" / "operations.md").read_text()


def test_a_machine_that_starts_before_its_database_comes_up_with_it() -> None:
    """It ends within a second or two, and is started again: by default systemd gives up after five starts within 10 s."""
    template = (DEPLOY / "cloudformation.yaml").read_text()
    for unit in ((DEPLOY / "classroom.service").read_text(), template[template.index("[Unit]") :]):
        head, service = unit.split("[Service]", 1)
        assert re.search(r"^ *StartLimitIntervalSec=0$", head, re.MULTILINE)
        assert re.search(r"^ *Restart=always$", service, re.MULTILINE)
        assert re.search(r"^ *RestartSec=1$", service, re.MULTILINE)


def test_a_machine_of_the_cloudformation_template_can_build_the_loops_in_c() -> None:
    data = (DEPLOY / "cloudformation.yaml").read_text().partition("UserData:")[2]
    installed = re.search(r"^ +apt-get install (.+)$", data, re.MULTILINE)
    assert installed is not None
    assert {"gcc", "libc6-dev"} <= set(installed[1].split())
    # systemd makes the folder that they are built in, for the service's user alone to write to: else they were not loaded.
    folder = re.search(r" CLASSROOM_STORAGE_DATA=/var/lib/(\S+)", data)
    assert folder is not None
    assert f" StateDirectory={folder[1]}\n" in data
    assert " User=classroom\n" in data


def test_the_compose_file_is_one_of_three_services_and_builds_from_files_that_are_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(compose["services"]) == {"classroom", "postgres", "redis"}
    root = DEPLOY / compose["services"]["classroom"]["build"]["context"]
    dockerfile = (root / compose["services"]["classroom"]["build"]["dockerfile"]).read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (root / source).exists(), source


def test_the_image_s_loops_in_c_are_used_where_there_is_no_compiler_and_are_in_no_module_s_way(tmp_path: Path) -> None:
    # given the package as the image has it: what its compiler makes stands where it is copied to
    root = DEPLOY.parent.parent
    shutil.copytree(root / "config", tmp_path / "config")
    shutil.copytree(root / "classroom", tmp_path / "classroom", ignore=shutil.ignore_patterns("static", "__pycache__"))
    stage = (DEPLOY / "Dockerfile").read_text().partition(" AS native")[2]
    for what, rest in re.findall(r"^(COPY|RUN) (.+)$", stage.partition("\nFROM")[0], re.MULTILINE):
        if what == "COPY":
            shutil.copy(root / rest.split()[0], tmp_path)
        else:
            subprocess.run(rest, shell=True, cwd=tmp_path, check=True)
    copied = re.findall(r"^COPY --from=native /build/(\S+) (\S+)$", stage, re.MULTILINE)
    for made, place in copied:
        (tmp_path / made).rename(tmp_path / place)
    # when a worker and the media process choose their loops
    program = """
from pathlib import Path
import classroom.app
from classroom.media.sfu import native
from classroom.sockets import crowd
print(classroom.app.__file__, crowd.choose("send", Path("native")).way, native.choose("auto", Path("native")).name)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    # then both are those that came along
    assert done.stdout.split()[-3:] == [str(tmp_path / "classroom" / "app.py"), "send", "c"], done.stderr
    assert len(copied) == 2
    assert not (tmp_path / "native").exists()


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    told = Metrics().text().decode()
    names = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for used in re.findall(r"\b(?:classroom|process)_\w+", target["expr"]):
                base = re.sub(r"_(bucket|count|sum)$", "", used)
                assert base in names or used in names, used


def test_the_dashboard_shows_what_operators_look_for() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expected in (
        r"classroom_members",
        r"by \(outcome\).+classroom_joins_total",
        r"by \(outcome\).+classroom_commands_total",
        r"classroom_frames_out_total",
        r"classroom_bytes_out_total",
        r"classroom_tick_seconds",
        r"classroom_bus_lag_seconds",
        r"classroom_append_seconds_bucket",
        r"classroom_replica_behind_events",
        r"classroom_resyncs_total",
        r"classroom_slow_disconnects_total",
        r"classroom_owner_moves_total",
        r"process_resident_memory_bytes",
        r"process_cpu_seconds_total",
    ):
        assert any(re.search(rf"{expected}\b", expr) for expr in shown), expected


def test_the_dashboard_s_panels_are_told_apart_and_cover_none_another() -> None:
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    for what in ("id", "title"):
        assert len({panel[what] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(taken)) == len(taken)
