"""What does a coach see of the match? One page that needs nothing but the reels beside it.

`report.html` is a Jinja template with autoescape on; `report.css` and `report.js` are put into it. Thumbnails are in
the page itself, the reels are played from `reels/<name>.mp4`. It has no external address and works from `file://`.

Names in it come from strangers. Should one get past the autoescape, the page's Content-Security-Policy still lets no
script and no style run but those two, which it names by hash, and lets the page load nothing but the reels beside it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from touchline.domain.half import Half, halves_from_kick_offs, position
from touchline.domain.text import shown
from touchline.reels.evidence import EvidenceView, evidence_view
from touchline.reels.lacking import what_was_lacking
from touchline.reels.rules import ClipRules
from touchline.reels.teams import Told, keeper_told, team_told
from touchline.reels.timeline import HalfView, half_views

_HERE = Path(__file__).parent
_LEAD_MS = 4000
"""A click on an action starts this long before it: the time in which one sees it coming."""
SOURCES = {"model": "spotted", "pattern": "from the restart", "mark": "coach’s mark", "review": "reviewed"}

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class ReportMatch:
    """All that the page shows: the published JSON files as plain data, and a JPEG by (reel, clip_id).

    `is_provisional`: the recording is still written.
    """

    match: Plain
    actions: Sequence[Plain]
    candidates: Sequence[Plain]
    sides: Plain
    seen: Plain
    reels: Sequence[Plain]
    thumbnails: Mapping[tuple[str, str], bytes]
    is_provisional: bool = False


@dataclass(frozen=True)
class Place:
    """Where to see something: a reel and the milliseconds since its start."""

    reel: str
    at_ms: int

    @property
    def href(self) -> str:
        """Address of the moment, which a browser without scripts opens as well."""
        return f"reels/{self.reel}.mp4#t={self.at_ms / 1000:.3f}"


@dataclass(frozen=True)
class ActionView:
    """One line of a list; `places` is empty for an action that no reel shows.

    `film` says where a recording shows it; `others` which other labels a candidate could have.
    """

    match_ms: int
    half: int
    clock: str
    label: str
    colour: str
    percent: int
    source: str
    places: tuple[Place, ...]
    evidence: EvidenceView
    film: str
    others: str
    team: Told | None


@dataclass(frozen=True)
class ClipView:
    """One clip under the player."""

    clip_id: str
    label: str
    others: str
    colour: str
    clock: str
    length: str
    place: Place
    start_ms: int
    end_ms: int
    image: str


@dataclass(frozen=True)
class ReelView:
    """One reel with its clips in order."""

    name: str
    title: str
    note: Told | None
    length: str
    clips: tuple[ClipView, ...]


def render_report(content: ReportMatch, rules: ClipRules) -> str:
    """The whole page as text; equal content gives equal text."""
    match = content.match
    halves = halves_from_kick_offs(tuple(match["kick_offs_ms"]))
    actions = [_action(item, content, rules) for item in content.actions]
    half_titles = {half.number: half.title for half in half_views(match, (), (), rules)}
    reels = [_reel(reel, content, halves, rules) for reel in content.reels]
    css = _inline("report.css") + _colour_classes(rules) + _band_classes(rules)
    js = _inline("report.js")
    page: str = _template().render(
        policy=_policy(js, css),
        title=match["title"],
        facts=_facts(match),
        is_provisional=content.is_provisional,
        reels=reels,
        timelines=half_views(match, content.actions, content.reels, rules),
        halves=_by_half(actions, half_views(match, (), (), rules)),
        filters=_filters(actions),
        action_count=len(actions),
        candidates=[_action(item, content, rules) for item in content.candidates],
        lacking=what_was_lacking(content.seen),
        half_titles=half_titles if len(half_titles) > 1 else {},
        data=_data(reels),
        reel_titles={reel.name: reel.title for reel in reels},
        css=css,
        js=js,
    )
    return page


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")


@functools.cache
def _inline(name: str) -> Markup:
    return Markup((_HERE / name).read_text())  # noqa: S704 - our own file


def _colour_classes(rules: ClipRules) -> Markup:
    """A class for each colour of a label: the page's policy allows no style of a single element."""
    colours = sorted({rule.colour for rule in (rules.default, *rules.labels.values())})
    line = Markup("i.colour-{} {{ background: {}; }}\n")
    return Markup("").join(line.format(colour[1:], colour) for colour in colours)


def _band_classes(rules: ClipRules) -> Markup:
    """A class for each kind of reel, which says what colour its bands have on the timeline."""
    line = Markup(".band-{0} {{ --band: {1}; }} "
                  "@media (prefers-color-scheme: dark) {{ .band-{0} {{ --band: {2}; }} }}\n")
    return Markup("").join(line.format(name, kind.colour, kind.colour_dark) for name, kind in rules.reels.items())


def _policy(js: str, css: str) -> str:
    """What a browser lets the page do. `file:` is for browsers in which a local file has no 'self'."""
    return (f"default-src 'none'; script-src '{_hash(js)}'; style-src '{_hash(css)}'; img-src data:; "
            "media-src 'self' file:; base-uri 'none'; form-action 'none'")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _facts(match: Plain) -> list[str]:
    facts = []
    if match["date"]:
        day = date.fromisoformat(match["date"])
        facts.append(f"{day.day} {day:%B} {day.year}")
    if match["home"] and match["away"] and match["title"] != f"{match['home']} – {match['away']}":
        facts.append(f"{match['home']} – {match['away']}")
    facts.append(f"{_clock(match['duration_ms'])} min filmed")
    files = len(match["recordings"])
    facts.append(shown(match["recordings"][0]["file"]) if files == 1 else f"{files} recordings")
    return facts


def _action(action: Plain, content: ReportMatch, rules: ClipRules) -> ActionView:
    others = [f"{one['label']} {one['confidence'] * 100:.0f} %" for one in action.get("others", ())]
    return ActionView(
        match_ms=action["match_ms"],
        half=action["half"],
        clock=_clock(action["position_ms"]),
        label=action["label"],
        colour=rules.of(action["label"]).colour,
        percent=round(action["confidence"] * 100),
        source=SOURCES.get(action["source"], str(action["source"])),
        places=tuple(place for reel in content.reels if (place := _place(action["match_ms"], reel))),
        evidence=evidence_view(action["evidence"]),
        film=_film(action["match_ms"], content.match["recordings"]),
        others=", ".join(others),
        team=team_told(action["team"], content.match, content.sides),
    )


def _film(match_ms: int, recordings: Sequence[Plain]) -> str:
    """Where to look in the recordings themselves: "12:34", or with several "second.mp4 12:34"."""
    begun = [one for one in recordings if one["start_ms"] <= match_ms]
    recording = max(begun or recordings, key=lambda one: int(one["start_ms"]))
    name = "" if len(recordings) == 1 else f"{shown(recording['file'])} "
    return f"{name}{_clock(match_ms - recording['start_ms'])}"


def _place(match_ms: int, reel: Plain) -> Place | None:
    """Where a reel shows a moment, with some seconds before it."""
    for clip in reel["clips"]:
        if clip["start_ms"] <= match_ms <= clip["end_ms"]:
            into_ms = max(0, match_ms - _LEAD_MS - clip["start_ms"])
            return Place(reel["name"], clip["reel_start_ms"] + into_ms)
    return None


def _reel(reel: Plain, content: ReportMatch, halves: tuple[Half, ...], rules: ClipRules) -> ReelView:
    clips = []
    for clip in reel["clips"]:
        image = content.thumbnails.get((reel["name"], clip["clip_id"]), b"")
        clips.append(
            ClipView(
                clip_id=clip["clip_id"],
                label=clip["label"],
                others=", ".join(label for label in clip["labels"] if label != clip["label"]),
                colour=rules.of(clip["label"]).colour,
                clock=_clock(position(halves, clip["start_ms"])[1]),
                length=f"{round((clip['end_ms'] - clip['start_ms']) / 1000)} s",
                place=Place(reel["name"], clip["reel_start_ms"]),
                start_ms=clip["start_ms"],
                end_ms=clip["end_ms"],
                image=f"data:image/jpeg;base64,{base64.b64encode(image).decode()}" if image else "",
            )
        )
    note = keeper_told(reel["name"], content.actions, content.match, content.sides, rules)
    return ReelView(reel["name"], rules.reels[reel["name"]].title, note, _clock(reel["duration_ms"]), tuple(clips))


def _by_half(actions: Sequence[ActionView], halves: Sequence[HalfView]) -> list[tuple[str, list[ActionView]]]:
    groups = [(half.title, [action for action in actions if action.half == half.number]) for half in halves]
    return [(title, found) for title, found in groups if found]


def _filters(actions: Sequence[ActionView]) -> list[tuple[str, str, int]]:
    """(label, colour, count), the commonest first."""
    colours = {action.label: action.colour for action in actions}
    counts = Counter(action.label for action in actions)
    return [
        (label, colours[label], count) for label, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


def _data(reels: Sequence[ReelView]) -> dict[str, Any]:
    """What the script needs: the clips of each reel as [match start, match end, reel start], in milliseconds."""
    return {reel.name: [[clip.start_ms, clip.end_ms, clip.place.at_ms] for clip in reel.clips] for reel in reels}


def _clock(ms: int) -> str:
    return f"{ms // 60_000:02d}:{ms // 1000 % 60:02d}"
