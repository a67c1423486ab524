"""The verdict: what a run showed, as figures; and whether that is enough, sentence by sentence.

What always holds: a run is passed only when every line of the verdict is; a figure that could not be measured, where it
should have been, is a line that has not passed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from loadtest.figures import Figures, quantile, rounded
from loadtest.probe import Findings
from loadtest.scenarios import MEMORY_FROM, Limits

LEAST_SECONDS = 12  # of class, from which on a figure that is not there is missing, and nothing was too short for it


class Line(msgspec.Struct, frozen=True):
    """One thing that must hold. `limit` and `found` as a person reads them. `measured`: not in a run too short for it."""

    what: str
    limit: str
    found: str
    passed: bool
    measured: bool = True


def word(lines: list[Line], *, early: bool = False) -> str:
    """The verdict in a word. `early`: somebody ended the run."""
    if early:
        return "ended early"
    short = [line for line in lines if not line.passed]
    if not short:
        return "passed"
    return "fell short" if any(line.measured for line in short) else "too short to tell"


def summary(load: dict[str, Any], samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A run's figures by name. `samples`: the server's, `{at, processes}`, empty where it is not ours."""
    figures = Figures()
    figures.add(load["figures"])
    findings = Findings()
    for result in load["results"]:
        findings.add(msgspec.convert(result["findings"], Findings))
    begun = [cue["at"] for cue in load["cues"] if cue["what"] == "begun"]
    quiet = [cue["at"] for cue in load["cues"] if cue["what"] == "quiet"]
    steady = range(int(max(begun)) + 1, int(min(quiet)) + 1) if begun and quiet else range(0)
    joined = [second for second, counts in figures.counts.items() if counts["joined"]]
    found = {
        "users": load["users"],
        "joined": figures.total("joined"),
        "gave_up": figures.total("gave_up"),
        "inside_at_the_end": sum(result["inside"] for result in load["results"]),
        "unanswered": sum(result["unanswered"] for result in load["results"]),
        "dropped": figures.named("dropped:"),
        "failed": figures.named("failed:"),
        "refused": figures.named("refused:"),
        "unexpected": figures.named("unexpected:"),
        "put_off": figures.named("put_off:"),
        "kept": figures.named("kept:"),
        "retries": figures.total("retries"),
        "lobby": figures.total("lobby"),
        "cut": figures.total("cut"),
        "back": figures.total("back"),
        "resumed": figures.total("inside:resumed"),
        "frames": figures.total("frames"),
        "reads": figures.total("reads"),
        "bytes": figures.total("bytes"),
        "deliveries_timed": figures.total("delivered"),
        "joined_within": max(joined) - min(joined) + 1 if joined else None,
        "votes_within": max(
            (s for r in load["results"] for p in r["polls"].values() for s in p["seconds"]), default=None
        ),
        "back_within": _back_within(load, figures),
        "stuck": figures.total("stuck"),
        "let_go": figures.named("let_go:"),  # stuck ones, who come back
        "delivery_ratio": _delivery_ratio(load, figures, steady),
        "findings": msgspec.to_builtins(findings),
        "steady_seconds": len(steady),
    }
    for name in (
        "join",
        "delivery",
        "delivery_staff",
        "from_commit",
        "ack",
        "return",
        "lobby_wait",
        "lobby_estimate",
        "load_lag",
    ):
        spread = figures.spread(name)
        for label, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            found[f"{name}_{label}"] = _tenths(quantile(spread, share))
    if steady:
        found["frames_per_second"] = round(sum(figures.at(s)["frames"] for s in steady) / len(steady))
    return found | _served(load, figures, samples, steady)


def _back_within(load: dict[str, Any], figures: Figures) -> float | None:
    drops = [cue["at"] for cue in load["cues"] if cue["what"] == "drop"]
    returns = [second for second, counts in figures.counts.items() if counts["back"]]
    return max(returns) + 1 - min(drops) if drops and returns else None


def _delivery_ratio(load: dict[str, Any], figures: Figures, steady: range) -> float | None:
    """The p99 of delivery while some do not read, over that from before."""
    cues = [cue["at"] for cue in load["cues"] if cue["what"] == "drop"]
    if not cues or not load["scenario"].get("stuck"):
        return None
    begin, end = int(min(cues)), int(min(cues) + load["scenario"]["stuck_seconds"])
    before = quantile(figures.spread("delivery", range(steady.start, begin)), 0.99)
    during = quantile(figures.spread("delivery", range(begin + 1, end)), 0.99)
    return round(during / before, 3) if before and during else None


def _served(load: dict[str, Any], figures: Figures, samples: list[dict[str, Any]], steady: range) -> dict[str, Any]:
    """What the server used."""
    if not samples:
        return {}

    # The memory that workers share is shared with what they were forked from.
    def total(sample: dict[str, Any], what: str, roles: tuple[str, ...] = ("worker", "forkserver")) -> float:
        return float(sum(p[what] for name, p in sample["processes"].items() if name.split()[0] in roles))

    every = ("worker", "forkserver", "redis", "supervisor")
    came = {second: counts["joined"] for second, counts in figures.counts.items() if counts["joined"]}

    def inside_at(sample: dict[str, Any]) -> int:
        # What the load processes had told when the sample was taken is older than the sample.
        return sum(count for second, count in came.items() if second < sample["at"])

    first, last = samples[0], samples[-1]
    inside = max(1, sum(came.values()))
    # Later ones may have been taken when everybody was leaving.
    end = [s for s in samples if not steady or s["at"] <= steady.stop + 1][-1]
    found: dict[str, Any] = {
        "server_cpu_seconds": round(total(last, "cpu", every) - total(first, "cpu", every), 2),
        "server_cpu_by_process": {
            name: round(p["cpu"] - first["processes"].get(name, {"cpu": 0})["cpu"], 2)
            for name, p in last["processes"].items()
        },
        "server_memory_mib": round(total(end, "pss") / 2**20, 1),
        "server_memory_empty_mib": round(total(first, "pss") / 2**20, 1),
        "memory_kib_per_member": round(total(end, "pss") / inside / 1_024, 1),
        "memory_kib_added_per_member": round((total(end, "pss") - total(first, "pss")) / inside / 1_024, 1),
    }
    carrying = [p["uss"] for p in end["load"].values()]
    if carrying:
        found["load_memory_mib"] = round(sum(carrying) / 2**20, 1)
        found["load_memory_kib_per_member"] = round(sum(carrying) / inside / 1_024, 1)
    joining = [s for s in samples if inside_at(s) > inside / 3]
    if joining:
        cost = total(joining[0], "cpu", every) - total(first, "cpu", every)
        found["cpu_ms_per_join"] = round(cost * 1_000 / inside_at(joining[0]), 3)
    held = [s for s in samples if steady and steady.start <= s["at"] <= steady.stop]
    if len(held) > 1:
        used = total(held[-1], "cpu", every) - total(held[0], "cpu", every)
        seconds = range(int(held[0]["at"]), int(held[-1]["at"]))
        frames = sum(figures.at(s)["frames"] for s in seconds)
        load_used = sum(p["cpu"] - held[0]["load"].get(name, p)["cpu"] for name, p in held[-1]["load"].items())
        found["load_cpu_share"] = round(load_used / max(1, held[-1]["at"] - held[0]["at"]), 3)
        found["load_cpu_us_per_frame"] = round(load_used * 1e6 / frames, 2) if frames else None
        found["server_cpu_share"] = round(used / max(1, held[-1]["at"] - held[0]["at"]), 3)
        found["cpu_us_per_frame"] = round(used * 1e6 / frames, 2) if frames else None
        quarter = held[len(held) // 4]
        found["memory_growth"] = round(total(held[-1], "pss") / max(1, total(quarter, "pss")), 3)
    return found


def judge(
    load: dict[str, Any],
    found: dict[str, Any],
    replays: dict[str, Any] | None,
    against: dict[str, Any] | None = None,
) -> list[Line]:
    """The verdict. `replays`: rooms folded after a server of ours stopped; `against`: another run's figures."""
    limits = msgspec.convert(load["scenario"]["limits"], Limits)
    findings = msgspec.convert(found["findings"], Findings)
    users = found["users"]
    errors = [*load["errors"], *(["it was ended before everything was told"] if load.get("ended") else [])]
    seconds = found["steady_seconds"]
    brief = f"the run was too short to measure it ({seconds} s of class)" if 0 < seconds < LEAST_SECONDS else ""
    silent = brief
    if seconds and not found["kept"].get("chat.say"):
        silent = f"the run was too short to measure it (nobody said anything in {seconds} s of class)"
    lines: list[Line | None] = [
        Line("the run went on to its end", "yes", load["ended"], False) if load.get("ended") else None,
        _exactly("everybody came in", users, found["joined"], found["failed"] if found["joined"] < users else None),
        _exactly("nobody was turned away for good", 0, found["gave_up"]),
        _exactly("nobody was dropped", 0, sum(found["dropped"].values()), found["dropped"]),
        _exactly("every class came to its end, every process told", 0, len(errors), errors),
        _exactly("every command was answered", 0, found["unanswered"]),
        _exactly("no command was refused", 0, sum(found["refused"].values()), found["refused"]),
        _exactly(
            "nothing unexpected befell the load itself", 0, sum(found["unexpected"].values()), found["unexpected"]
        ),
        Line(
            "no event lost, changed, repeated or out of order at any probe",
            "0 of any",
            _said(findings),
            findings.clean and findings.checked > 0,
        ),
        *_tallies(load, replays),
        _within("delivery, p50", limits.delivery_p50, found["delivery_p50"], "ms", silent),
        _within("delivery, p99", limits.delivery_p99, found["delivery_p99"], "ms", silent),
        _within(
            "delivery p99 while some are stuck, over before",
            limits.delivery_ratio,
            found["delivery_ratio"],
            "×",
            brief,
        ),
        _within("acknowledgement, p99", limits.ack_p99, found["ack_p99"], "ms"),
        _within("all joined within", limits.joined_within, found["joined_within"], "s"),
        _within("everybody who was cut off was back within", limits.back_within, found["back_within"], "s", brief),
        _within("all votes acknowledged within", limits.votes_within, found["votes_within"], "s"),
    ]
    if limits.lobby_ratio is not None and 4 * found["lobby"] > users:  # else it was hardly needed
        waited, told = found["lobby_wait_p50"], found["lobby_estimate_p50"]
        ratio = waited / told if waited is not None and told else None
        lines.append(_within("wait in the lobby over what was estimated, p50", limits.lobby_ratio, ratio, "×"))
    if limits.back_within is not None:
        lines.append(_exactly("everybody who was cut off came back", found["cut"], found["back"]))
    if "memory_kib_per_member" in found:
        if users >= MEMORY_FROM:
            lines.append(_within("server memory per member", limits.memory_kib, found["memory_kib_per_member"], "KiB"))
        lines.append(
            _within(
                "memory at the end over memory before", limits.memory_growth, found.get("memory_growth"), "×", brief
            )
        )
    if against is not None:
        lines += [
            _ratio("memory per member", limits.memory_ratio, found, against, "memory_kib_per_member"),
            _ratio("CPU per delivered frame", limits.cpu_ratio, found, against, "cpu_us_per_frame", brief),
        ]
    return [line for line in lines if line is not None]


def _tallies(load: dict[str, Any], replays: dict[str, Any] | None) -> list[Line]:
    """What each poll's closing says must be what was acknowledged, and what the log says when it is counted again."""
    wanted: dict[tuple[str, str], dict[str, int]] = {}
    closed: dict[tuple[str, str], Any] = {}
    for result in load["results"]:
        for room, polls in result["polls"].items():
            for poll, choices in polls["acknowledged"].items():
                mine = wanted.setdefault((room, poll), {})
                for choice, count in choices.items():
                    mine[str(choice)] = mine.get(str(choice), 0) + count
            closed |= {(room, poll): tally for poll, tally in polls["closed"].items()}
    due = len(load["scenario"]["polls"]) * load["rooms"]
    if not due and not closed:
        return []
    wrong, recounted, voters = [], [], 0
    for (room, poll), tally in closed.items():
        choices = wanted.get((room, poll), {})
        voters += tally["voters"]
        counts = [choices.get(str(n), 0) for n in range(len(tally["counts"]))]
        if tally["voters"] != sum(counts) or list(tally["counts"]) != counts:
            wrong.append(f"{room} poll {poll}: closed with {tally['counts']}, acknowledged {counts}")
        if replays is not None:
            again = replays.get(room, {}).get("polls", {}).get(poll)
            if again is None or list(again["counts"]) != counts or again["voters"] != sum(counts):
                recounted.append(f"{room} poll {poll}: the log has {again}")
    expected = load["users"] * len(load["scenario"]["polls"])
    lines = [
        Line("every poll was held", str(due), str(len(closed)), len(closed) == due),
        Line("tallies are exact: votes counted = acknowledged", "all polls", "; ".join(wrong[:3]) or "all", not wrong),
        Line("everybody voted in every poll", f"{expected:,}", f"{voters:,}", voters == expected),
    ]
    if replays is not None:
        lines.append(
            Line("a recount from the log gives the same", "all polls", "; ".join(recounted[:3]) or "all", not recounted)
        )
        disagree = [
            room for room, again in replays.items() if not again["agrees"] or again["seq"] < load["over"].get(room, 0)
        ]
        lines.append(
            Line("snapshots equal the replayed log", "all rooms", ", ".join(disagree[:5]) or "all", not disagree)
        )
    return lines


def _said(findings: Findings) -> str:
    said = ", ".join(f"{count:,} {name}" for name, count in findings.wrong.items()) or "none"
    samples = f" ({'; '.join(findings.samples[:3])})" if findings.samples else ""
    return f"{said} among {findings.checked:,} events at {findings.probes:,} probes{samples}"


def _exactly(what: str, wanted: int, got: int, why: Any = None) -> Line:
    return Line(what, f"{wanted:,}", f"{got:,}{f' {why}' if why else ''}", got == wanted)


def _within(what: str, limit: float | None, got: float | None, unit: str, short: str = "") -> Line | None:
    """`short`: why it was not measured, where the run was too short for it."""
    if limit is None:
        return None
    most = f"≤ {limit:,.6g} {unit}"
    if got is None:
        return Line(what, most, short or "not measured", False, measured=not short)
    return Line(what, most, f"{_beside(got, limit)} {unit}", got <= limit)


def _beside(got: float, limit: float) -> str:
    """As few digits as a person wants, and as many as tell it from the limit."""
    digits = (3, 4, 5, 6, 9, 17)
    return next((text for n in digits if (text := rounded(got, n)) != rounded(limit, n)), rounded(got))


def _ratio(
    what: str, limit: float | None, found: dict[str, Any], against: dict[str, Any], name: str, short: str = ""
) -> Line | None:
    mine, other = found.get(name), against.get(name)
    ratio = mine / other if mine and other else None
    compared = rounded(other) if other else "none"
    return _within(f"{what}, against the other run's {compared}", limit, ratio, "×", short if other else "")


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
