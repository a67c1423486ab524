"""A run's report: one HTML file that needs no other, and the same figures as JSON.

What always holds: the page shows what was measured, the verdict first; a plot's data is what is in `figures.json`; nothing
is fetched from anywhere.
"""

from __future__ import annotations

import html
import json
import math
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from loadtest.figures import Figures, quantile, rounded
from loadtest.scenarios import Scenario, in_words
from loadtest.verdict import Line

WIDTH, HEIGHT = 760, 180  # of a plot's own measure, which is stretched to the page's
COLOURS = ("#2463a8", "#c2502e", "#3a7d44", "#7b4fa3", "#8a6d1a", "#4a4a4a")
Series = dict[str, list[tuple[float, float]]]

STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6573;--line:#d9dee5;--paper:#fff;--good:#1f7a3d;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a2abb8;--line:#39424f;--paper:#151a21;--good:#6cc58a;
--bad:#ff8a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:52rem;margin:2rem auto;
padding:0 1rem}h1{line-height:1.2}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}.soft{color:var(--soft)}
figure{margin:1.5rem 0}.plot{position:relative;height:11rem;margin:.8rem 1rem 2rem 3.6rem}
svg{width:100%;height:100%;overflow:visible}svg *{vector-effect:non-scaling-stroke}svg .grid{stroke:var(--line)}
.x,.y{position:absolute;font-size:.8rem;line-height:1;color:var(--soft);white-space:nowrap}
.y{right:calc(100% + .5rem);transform:translateY(-50%)}.x{top:calc(100% + .5rem);transform:translateX(-50%)}
figcaption{font-weight:600}.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
td:nth-child(2),td:last-child,td.found{overflow-wrap:anywhere}
@media(max-width:34rem){.x:nth-of-type(odd){display:none}}
"""


def write(
    folder: Path,
    load: dict[str, Any],
    samples: list[dict[str, Any]],
    found: dict[str, Any],
    lines: list[Line],
    word: str,
    about: dict[str, Any],
) -> None:
    """Write `figures.json` and `report.html` into `folder`. `word`: the verdict."""
    figures = Figures()
    figures.add(load["figures"])
    plots = _plots(figures, samples, load["began"])
    whole = {
        "scenario": load["scenario"],
        "run": in_words(msgspec.convert(load["scenario"], Scenario), found["users"]),
        "about": about,
        "passed": word == "passed",
        "word": word,
        "verdict": msgspec.to_builtins(lines),
        "figures": found,
        "plots": plots,
    }
    (folder / "figures.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False))
    (folder / "report.html").write_text(_page(whole, load["began"]), encoding="utf-8")


def _plots(figures: Figures, samples: list[dict[str, Any]], began: float) -> list[dict[str, Any]]:
    """What is drawn: `{title, unit, series}`, times in seconds since the run began."""
    first, last = figures.span
    seconds = range(first, last + 1)
    step = max(1, len(seconds) // 150)
    grouped = [range(s, min(s + step, last + 1)) for s in seconds[::step]]

    def rate(*names: str) -> Series:
        return {
            name: [(g.start - began, sum(figures.at(s)[name] for s in g) / len(g)) for g in grouped] for name in names
        }

    def spread(name: str) -> Series:
        made: Series = {}
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            values = [(g.start - began, quantile(figures.spread(name, g), share)) for g in grouped]
            made[f"{name} {label}"] = [(at, value) for at, value in values if value is not None]
        return made

    total, joined = 0, []
    for group in grouped:
        total += sum(figures.at(s)["joined"] for s in group)
        joined.append((group.stop - began, float(total)))
    plots = [
        {"title": "Joined", "unit": "members", "series": {"joined": joined}},
        {"title": "Coming and going", "unit": "members/s", "series": rate("joined", "back", "lobby", "cut")},
        {"title": "Delivery, from writing to the probe", "unit": "ms", "series": spread("delivery")},
        {"title": "Acknowledgement of commands", "unit": "ms", "series": spread("ack")},
        {"title": "Lateness of the load itself", "unit": "ms", "series": spread("load_lag")},
        {"title": "Frames received", "unit": "frames/s", "series": rate("frames")},
    ]
    return plots + _server_plots(samples, began)


def _server_plots(samples: list[dict[str, Any]], began: float) -> list[dict[str, Any]]:
    cpu: Series = {}
    memory: Series = {}
    for before, now in pairwise(samples):
        took = max(0.1, now["at"] - before["at"])
        for name, process in now["processes"].items():
            at = now["at"] - began
            if name in before["processes"]:
                used = (process["cpu"] - before["processes"][name]["cpu"]) / took
                cpu.setdefault(name, []).append((at, 100 * used))
            memory.setdefault(name, []).append((at, process["uss"] / 2**20))
    if not cpu:
        return []
    return [
        {"title": "Server CPU", "unit": "% of a core", "series": cpu},
        {"title": "Server memory (USS)", "unit": "MiB", "series": memory},
    ]


def _page(whole: dict[str, Any], began: float) -> str:
    scenario, found, about = whole["scenario"], whole["figures"], whole["about"]
    word = f'<span class="{"good" if whole["passed"] else "bad"}">{_e(whole["word"])}</span>'
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(began))
    rows = "".join(
        f'<tr><td class="{_mark(line)[0]}">{_mark(line)[1]}</td>'
        f"<td>{_e(line['what'])}</td><td>{_e(line['limit'])}</td><td>{_e(line['found'])}</td></tr>"
        for line in whole["verdict"]
    )
    figures = "".join(
        f"<tr><td>{_e(name.replace('_', ' '))}</td><td class=found>{_e(_shown(value))}</td></tr>"
        for name, value in found.items()
    )
    plots = "".join(_plot(plot["title"], plot["unit"], plot["series"]) for plot in whole["plots"])
    facts = " · ".join(f"{_e(name)}: {_e(str(value))}" for name, value in about.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Load test: {_e(scenario['name'])}, {found['users']:,} students</title><style>{STYLE}</style></head><body>"
        f"<h1>{_e(scenario['name'])}, {found['users']:,} students: {word}</h1>"
        f'<p>{_e(whole["run"])}</p><p class="soft">{when} UTC · {facts}</p>'
        f"<table><thead><tr><th></th><th>What must hold</th><th>Wanted</th><th>Found</th></tr></thead><tbody>{rows}"
        f"</tbody></table>{plots}<h2>Figures</h2><table><tbody>{figures}</tbody></table></body></html>"
    )


def _mark(line: dict[str, Any]) -> tuple[str, str]:
    """How a line of the verdict looks, and what it says."""
    if line["passed"]:
        return "good", "ok"
    return ("bad", "short") if line["measured"] else ("soft", "?")


def _plot(title: str, unit: str, series: Series) -> str:
    series = {name: points for name, points in series.items() if points and any(y for _, y in points)}
    if not series:
        return ""
    xs = [x for points in series.values() for x, _ in points]
    low, high = min(0.0, *xs), max(xs) or 1.0
    top = _round_up(max(y for points in series.values() for _, y in points))

    def across(x: float) -> float:
        return (x - low) / max(1e-9, high - low) * WIDTH

    drawn = "".join(f'<path class="grid" d="M0 {HEIGHT * part / 4}H{WIDTH}"/>' for part in range(5))
    for (_, points), colour in zip(series.items(), COLOURS * 20, strict=False):
        path = " ".join(f"{across(x):.1f},{HEIGHT - y / top * HEIGHT:.1f}" for x, y in points)
        drawn += f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{path}"/>'
    keys = "".join(
        f'<span class="key" style="background:{colour}"></span>{_e(name)}'
        for name, colour in zip(series, COLOURS * 20, strict=False)
    )
    return (
        f"<figure><figcaption>{_e(title)} <span class=soft>({_e(unit)}; across: seconds)</span></figcaption>"
        f'<div class="plot">{_labels(top, low, high, across)}<svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none" role="img" aria-label="{_e(title)}">{drawn}</svg></div>'
        f"<div class=soft>{keys}</div></figure>"
    )


def _labels(top: float, low: float, high: float, across: Callable[[float], float]) -> str:
    """The numbers at the axes: text of the page, which stays as large as it is however narrow the plot becomes."""
    made = "".join(
        f'<span class="y" style="top:{100 - 25 * part}%">{rounded(top * part / 4)}</span>' for part in range(5)
    )
    step = _round_up(max(1.0, (high - low) / 6))
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        at = 100 * across(number * step) / WIDTH
        made += f'<span class="x" style="left:{at:.1f}%">{number * step:,.6g}</span>'
    return made


def _round_up(value: float) -> float:
    """The next round number, for the top of an axis."""
    if value <= 0:
        return 1.0
    unit = 1.0
    while unit * 10 < value:
        unit *= 10
    while unit > value:
        unit /= 10
    return next(unit * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12) if unit * step >= value)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_shown(each)}" for name, each in value.items() if each) or "none"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return rounded(value)
    return "–" if value is None else str(value)


def _e(text: str) -> str:
    return html.escape(text)
