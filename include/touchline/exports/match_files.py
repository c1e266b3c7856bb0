"""Which files has a match folder, and what do those in JSON say? Pure functions from the results of earlier steps.

Nothing in them depends on clock, host or the place of a file on disk: a recording is named by its file name. But a
match of several recordings may be called after their folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from touchline.domain.half import game_time
from touchline.domain.review import Review, review_to_plain
from touchline.domain.text import shown
from touchline.exports.soccernet import results_spotting

Plain = Mapping[str, Any]
SHORTEST_NAME = 3
MATCH, ACTIONS, SPOTTINGS, REPORT = "match.json", "actions.json", "results_spotting.json", "report.html"
REVIEWS = "reviews.json"


def reel_file(reel: str, kind: str) -> str:
    """Name of a reel's file in the folder, kind "mp4" or "json"."""
    return f"reels/{reel}.{kind}"


def known_names(reels: Iterable[str]) -> frozenset[str]:
    """Every name that a publishing can make, of these kinds of reels; the manifest is not one of them."""
    return frozenset({MATCH, ACTIONS, SPOTTINGS, REPORT, REVIEWS}
                     | {reel_file(reel, kind) for reel in reels for kind in ("mp4", "json")})


def json_files(match_id: str, probe: Plain, merged: Plain, reels: Sequence[Plain]) -> dict[str, dict[str, Any]]:
    """All files in JSON: what each says, by its name."""
    return {
        MATCH: match_json(match_id, probe, merged, reels),
        ACTIONS: actions_json(match_id, merged),
        SPOTTINGS: results_spotting(match_id, merged["actions"]),
        **{reel_file(reel["name"], "json"): reel_json(match_id, reel, probe["recordings"]) for reel in reels},
    }


def json_bytes(content: Plain) -> bytes:
    """Equal content gives equal bytes."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def source_name(path: str) -> str:
    """File name of a recording, always valid Unicode."""
    return os.fsencode(Path(path).name).decode("utf-8", "replace")


def match_title(sidecar: Plain, recordings: Sequence[Plain]) -> str:
    """What to call the match: its title, else the two teams, else what its recordings are called."""
    teams = [str(sidecar[side]) for side in ("home", "away") if sidecar.get(side)]
    return str(sidecar.get("title") or " – ".join(teams) or shown(_name_of([Path(one["path"]) for one in recordings])))


def _name_of(paths: Sequence[Path]) -> str:
    """The name of the one recording; of several what their names begin with, else that of their folder.

    "reds" of "reds 1st half.mp4" and "reds 2nd half.mp4"; the folder of GX010123.MP4 and GX020123.MP4.
    """
    stems = [Path(source_name(str(path))).stem for path in paths]
    if len(stems) == 1:
        return stems[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = re.sub(r"[\W\d_]+$", "", "".join(letters[0] for letters in alike))
    is_word = len(common) >= SHORTEST_NAME and not common.isupper()
    return common if is_word else source_name(str(paths[0].parent)) or stems[0]


def match_json(match_id: str, probe: Plain, merged: Plain, reels: Sequence[Plain]) -> dict[str, Any]:
    """`match.json`: what was played, from which recordings, what was made of it."""
    sidecar, recordings = probe["sidecar"], probe["recordings"]
    described, start_ms = [], 0
    for recording in recordings:
        described.append(_recording(recording, start_ms))
        start_ms += recording["duration_ms"]
    return {
        "match_id": match_id,
        "title": match_title(sidecar, recordings),
        **{key: sidecar[key] for key in ("home", "away", "date", "kits", "our_keeper")},
        "kick_offs_ms": merged["kick_offs_ms"],
        "duration_ms": start_ms,
        "recordings": described,
        "actions": len(merged["actions"]),
        "reels": {reel["name"]: {"clips": len(reel["clips"]), "duration_ms": reel["duration_ms"]} for reel in reels},
    }


def _recording(recording: Plain, start_ms: int) -> dict[str, Any]:
    video = recording["video"]
    return {
        "file": source_name(recording["path"]),
        "fingerprint": recording["fingerprint"],
        "size_bytes": recording["size_bytes"],
        "start_ms": start_ms,
        "duration_ms": recording["duration_ms"],
        "width": video["width"],
        "height": video["height"],
        "fps": video["fps"],
        "has_audio": recording["audio"] is not None,
    }


def actions_json(match_id: str, merged: Plain) -> dict[str, Any]:
    """`actions.json`: every action in order of time, the candidates, the best first, the sides, what was seen."""
    keys = ("match_ms", "half", "position_ms", "label", "confidence", "source", "team", "evidence")
    return {"match_id": match_id, "actions": [_timed(action, keys) for action in merged["actions"]],
            "candidates": [_timed(candidate, (*keys, "others")) for candidate in merged["candidates"]],
            "sides": {key: merged["sides"][key] for key in ("kits", "told_by", "ours")},
            "seen": {key: merged["seen"][key] for key in ("people", "ball", "camera", "sound", "teams", "score")}}


def reviews_json(match_id: str, reviews: Iterable[Review]) -> dict[str, Any]:
    """`reviews.json`: every review in order of time, with what it was."""
    return {"match_id": match_id, "reviews": [{"what": one.what, **review_to_plain(one)} for one in reviews]}


def _timed(action: Plain, keys: Sequence[str]) -> dict[str, Any]:
    return {**{key: action[key] for key in keys}, "game_time": game_time(action["half"], action["position_ms"])}


def reel_json(match_id: str, reel: Plain, recordings: Sequence[Plain]) -> dict[str, Any]:
    """`reels/<name>.json`: the clips of a reel, each with its source file; `video` is null without clips."""
    clips = [{**clip, "source": source_name(recordings[clip["recording"]]["path"])} for clip in reel["clips"]]
    kept = {key: reel[key] for key in ("name", "frames", "duration_ms", "sha256", "size_bytes")}
    return {"match_id": match_id, **kept, "video": f"{reel['name']}.mp4" if clips else None, "clips": clips}
