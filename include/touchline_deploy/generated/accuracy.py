"""The part of `docs/accuracy.md` that is made from `docs/accuracy.json`; the rest of the page is written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from touchline_airflow.checkout import ROOT

PAGE = "docs/accuracy.md"
DATA = "docs/accuracy.json"
BEGIN = "<!-- Made by `make bench-spotting` from accuracy.json; changes by hand between here and the end are lost. -->"
END = "<!-- The end of what is made. -->"
KINDS = ("all", "broadcast", "sideline", "phone")
METRICS = ("tight", "loose")
HOW_MEASURED = """## From painted video, simulated

Whole matches that nothing learned from, painted with sound, without `match.toml`, through all steps up to
`actions.json`. Rows compare where they are of one set of films. `make bench-spotting NAME="…"` measures again: films
and results are kept below `build/bench-spotting`, and it goes on where it was interrupted. Painting the twelve films
takes about two hours of processors, once (0.5 s for a second of film).

- *tight*, *loose*: SoccerNet's average mAP (tolerance 1 to 5 s, 5 to 60 s) over the labels that occur at least ten
  times in that group of films, from every spotting of a confidence of 0.01 and more.
- *goals*, *shots*: of the actions at the default threshold, within 5 s. False goals per 90 minutes with the one-sided
  95 % bound (Garwood, 1936). On and off target count as one.
- *calibration*: expected calibration error of actions and candidates at the default threshold, ten bins, right
  within ±2 s.
- *uniform*: every label every 10 s. *Motion and sound*: a roar, a whistle, much and little motion in `scan.json`, each
  for the labels that go with it (`training/baselines.py`)."""
HEAD = ("what", "camera", "films", "minutes", "tight", "loose", "goals found", "false goals per 90 min", "shots F1",
        "calibration")
HEARD = ("with sound", "without sound")
HOW_HEARD = """### Goals and sound

Films that can be heard for at least half of their time, and the others."""
HOW_COSTS = """### Cost per minute of match

Seconds of processors (seconds by the clock, on a machine that may do other work as well), and the largest process in
MiB. Each step is a command of its own, and each chunk loads its models."""


def accuracy_page() -> str:
    """The whole page as it is to be."""
    return accuracy_text((ROOT / PAGE).read_text(), json.loads((ROOT / DATA).read_text()))


def accuracy_text(page: str, content: Mapping[str, Any]) -> str:
    """The page with what is made in its place; at its end where it had none."""
    made = "\n\n".join([BEGIN, HOW_MEASURED, *_tables(content.get("simulated", ())), END])
    before, begun, rest = page.partition(BEGIN)
    after = rest.partition(END)[2].strip() if begun else ""
    return "\n\n".join(part for part in (before.strip(), made, after) if part) + "\n"


def _tables(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "Not measured yet."
        return
    yield "\n".join(_source(row) for row in rows)
    yield _table(HEAD, [_summary(row["name"], kind, row["figures"][kind]) for row in rows for kind in _kinds(row)])
    yield HOW_HEARD
    yield _table(("what", *HEARD), [(row["name"], *(_goals(row["goals"].get(name)) for name in HEARD)) for row in rows])
    for row in rows:
        if "cost" in row:
            yield f"### {row['name']}: each label"
            yield _labels(row)
    yield from _costs([row for row in rows if "cost" in row])


def _source(row: Mapping[str, Any]) -> str:
    models = "".join(f", {name} {digest}" for name, digest in row.get("models", {}).items())
    films = f"films: {len(row['films'])} (set {row['set']})"
    return f"- **{row['name']}**: {row['date']}, commit {row['commit']}, {films}{models}: `{row['command']}`"


def _kinds(row: Mapping[str, Any]) -> list[str]:
    return [kind for kind in KINDS if kind in row["figures"]]


def _summary(name: str, kind: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    goals, shots = one["goals"], one["shots"]
    return (name, kind, str(one["films"]), str(one["minutes"]), *(_number(one[metric]) for metric in METRICS),
            f"{goals['found']} of {goals['goals']}", f"{goals['false per 90 min']} (≤ {goals['bound']})",
            f"{_number(shots['f1'])} ({shots['found']} of {shots['shots']}, {shots['false']} false)",
            f"{_number(one['calibration']['error'])} ({one['calibration']['spottings']})")


def _goals(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "–"
    return (f"{one['found']} of {one['goals']}, false per 90 min {one['false per 90 min']} (≤ {one['bound']}), "
            f"films: {one['films']}")


def _labels(row: Mapping[str, Any]) -> str:
    """Per camera kind how often a label is true and how well it is found, tight / loose."""
    kinds = _kinds(row)
    return _table(("label", *kinds), [
        (label, *(_label(label, row["figures"][kind]) for kind in kinds)) for label in row["figures"]["all"]["truth"]])


def _label(label: str, one: Mapping[str, Any]) -> str:
    found = one["labels"].get(label)
    count = one["truth"].get(label, 0)
    return f"{count}: " + " / ".join(_number(found[metric]) for metric in METRICS) if found else f"{count}"


def _costs(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield HOW_COSTS
    steps = list(dict.fromkeys(step for row in rows for step in row["cost"]))
    total = ("all", *(f"{sum(one['cpu_s'] for one in row['cost'].values()):.2f}" for row in rows))
    yield _table(("step", *(row["name"] for row in rows)),
                 [*((step, *(_cost(row["cost"].get(step)) for row in rows)) for step in steps), total])


def _cost(one: Mapping[str, float] | None) -> str:
    return f"{one['cpu_s']:.2f} ({one['wall_s']:.2f}), {one['memory_mib']:.0f}" if one else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in cells)
