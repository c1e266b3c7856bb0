"""How well does the installed pipeline find what happens, from painted video? `make bench-spotting`.

Every frozen match is painted once, with sound, and goes through the steps from outside, so that whatever is installed
is measured: today's models, those of a setting, another version. Beside it stand guesses that see nothing. Films and
results are kept, and a run goes on where it was interrupted. The whole set is written to `docs/accuracy.json`, of which
`docs/accuracy.md` is made; anything less is a trial and stays in the folder of its run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from touchline.alone import alone
from touchline.domain.layout import slug
from touchline.errors import TouchlineError, UsageError
from touchline.lifeline import orderly_end
from touchline.results.files import write_text
from touchline.settings import Settings
from touchline.training.frozen_set import FROZEN, SECONDS, FrozenMatch
from touchline_airflow.checkout import ROOT
from touchline_deploy.accuracy.films import Film, chosen_matches, name_of, painted_film, silent_copy
from touchline_deploy.accuracy.real import known_clips, real_figures
from touchline_deploy.accuracy.rows import Source, rows_of, with_rows
from touchline_deploy.accuracy.runs import Run, run_film
from touchline_deploy.generated.accuracy import DATA, PAGE, accuracy_text

BENCH = ROOT / "build" / "bench-spotting"
SAID = ("YOLO_MODEL_PATH", "SPOTTER_MODEL_PATH", "ACTION_MODEL_PATH", "MAX_WORKERS", "CHUNK_DURATION_SEC", "USE_GPU")
"""Settings of the environment that belong to a command; of a path only its last part is told."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; an error of ours is one line."""
    arguments = _parser().parse_args(argv)
    try:
        with orderly_end():
            bench_spotting(arguments)
    except TouchlineError as error:
        print(f"bench-spotting: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the whole pipeline on the frozen matches.")
    parser.add_argument("--name", default="", help="of the row: which pipeline is this? A row of that name is replaced")
    parser.add_argument("--matches", nargs="*", default=[], metavar="MATCH",
                        help="kinds of camera, or matches such as sideline-900105 (default: the whole frozen set)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="length of a match (default: %(default)s)")
    parser.add_argument("--films", type=Path, default=BENCH / "films", metavar="DIR",
                        help="where films are kept (default: build/bench-spotting/films)")
    parser.add_argument("--output", type=Path, default=None, metavar="DIR",
                        help="where accuracy.json and accuracy.md are (default: docs; of a trial: where its run is)")
    parser.add_argument("--silent", action="store_true", help="take the sound away")
    parser.add_argument("--watched", action="store_true", help="the spotter alone, on matches that are not painted")
    parser.add_argument("--real", type=Path, default=None, metavar="DIR",
                        help="the real clips in this folder, which are not part of the project, instead")
    parser.add_argument("--copies", action="store_true", help="of the real clips changed copies as well")
    parser.add_argument("--paint-only", action="store_true", help="end when the films are there")
    return parser


def bench_spotting(arguments: argparse.Namespace) -> None:
    """Paint what is missing, run what is not done, measure, write: film by film.

    Raises:
        UsageError: no name, or no such match.
        TouchlineError: painting or a step failed, the truth is another, or the same run is at work already.
    """
    matches = chosen_matches(arguments.matches)
    if arguments.paint_only:
        for number, match in enumerate(matches, 1):
            print(f"{number}/{len(matches)} {name_of(match)}", flush=True)
            painted_film(match, arguments.seconds, arguments.films)
        return
    if arguments.watched:
        # Not above: what this process holds counts as memory of what it runs, and this brings torch.
        from touchline_deploy.accuracy.watched import watched_figures

        spotter, kept = Settings.from_env().spotter_model_path, BENCH / "watched"
        print(json.dumps(watched_figures(spotter, matches, arguments.seconds, kept), indent=1))
        return
    if arguments.real:
        kept = BENCH / f"real-{slug(arguments.name)}" if arguments.name else BENCH / "real"
        print(json.dumps(real_figures(known_clips(arguments.real), kept, commit_of(ROOT),
                                      with_copies=arguments.copies), indent=1))
        return
    if not arguments.name.strip():
        raise UsageError("name the row: which pipeline is this? NAME=\"old models\"")
    place = BENCH / f"{slug(arguments.name)}-{arguments.seconds}s{'-silent' if arguments.silent else ''}"
    place.mkdir(parents=True, exist_ok=True)
    try:
        with alone(place / "bench.lock", wait=False):
            _measure(matches, arguments, place)
    except BlockingIOError:
        raise TouchlineError(f"{place} is used by another bench-spotting: wait until it ends") from None


def _measure(matches: Sequence[FrozenMatch], arguments: argparse.Namespace, place: Path) -> None:
    commit, films, runs = commit_of(ROOT), list[Film](), list[Run]()
    for number, match in enumerate(matches, 1):
        print(f"{number}/{len(matches)} {name_of(match)}", flush=True)
        film = painted_film(match, arguments.seconds, arguments.films)
        recording = silent_copy(film.recording) if arguments.silent else film.recording
        films.append(film)
        runs.append(run_film(recording, place / film.name, commit))
    source = Source(arguments.name, command_of(arguments), arguments.silent)
    output = arguments.output or (ROOT / "docs" if _is_whole(films) else place)
    print(write_rows(output, rows_of(films, runs, source)))


def _is_whole(films: Sequence[Film]) -> bool:
    return {film.match for film in films} == set(FROZEN) and all(film.seconds == SECONDS for film in films)


def write_rows(folder: Path, rows: Sequence[dict[str, object]]) -> str:
    """Put rows into `accuracy.json` and make the page again; returns what the page says of them.

    Raises:
        TouchlineError: `accuracy.json` is there and cannot be read.
    """
    data, page = folder / Path(DATA).name, folder / Path(PAGE).name
    try:
        kept = json.loads(data.read_text()) if data.exists() else {}
    except ValueError as error:
        raise TouchlineError(f"{data} is not JSON ({error}): bring it back as it was") from None
    content = with_rows(kept, rows)
    write_text(data, _readable(content))
    write_text(page, accuracy_text(page.read_text() if page.exists() else "", content))
    return f"written: {data}, {page}"


def _readable(content: dict[str, object]) -> str:
    """JSON with the innermost lists and objects on a line each."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: " ".join(found[0].split()), text) + "\n"


def command_of(arguments: argparse.Namespace) -> str:
    """What makes the same row again."""
    settings = [f"{name}={shlex.quote(Path(value).name)}" for name in SAID if (value := os.environ.get(name, ""))]
    words = [*settings, "make bench-spotting", f"NAME={shlex.quote(arguments.name)}"]
    if arguments.matches:
        words.append(f"MATCHES={shlex.quote(' '.join(arguments.matches))}")
    rest = [*(["--silent"] if arguments.silent else []),
            *([f"--seconds {arguments.seconds}"] if arguments.seconds != SECONDS else [])]
    return " ".join([*words, *([f"BENCH={shlex.quote(' '.join(rest))}"] if rest else [])])


def commit_of(checkout: Path) -> str:
    """The commit that is at work, with a + where the code was changed since; "unknown" without git."""
    try:
        asked = (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "--", "include"])
        head, changed = (subprocess.run(["git", "-C", checkout, *words], check=True, capture_output=True,
                                        text=True).stdout.strip() for words in asked)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


if __name__ == "__main__":
    sys.exit(main())
