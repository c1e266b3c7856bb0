"""The command line: parse, one step, exit code.

Exit codes: 0 done, 1 failed (worth a retry), 2 wrong request, 3 the recording is bad (no retry helps), 4 the storage is
full, read-only or away (worth a retry), 143 told to end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from touchline import __version__
from touchline.domain.step_table import STEPS
from touchline.errors import TouchlineError, UsageError
from touchline.lifeline import orderly_end
from touchline.mounted import refuse_exchanged
from touchline.reels.rules import load_rules
from touchline.results.folders import naming_folders
from touchline.settings import Settings

_REELS = ",".join(load_rules().reels)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line on stderr and its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        with orderly_end():
            refuse_exchanged(os.environ)
            arguments.run(arguments)
    except TouchlineError as error:
        print(f"touchline {arguments.command}: {_one_line(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"touchline {arguments.command}: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"touchline {arguments.command}: {_one_line(error)}", file=sys.stderr)
        return 1
    except MemoryError:
        print(f"touchline {arguments.command}: out of memory: close something else or give it more", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands with their arguments and help."""
    parser = argparse.ArgumentParser(
        prog="touchline", description="From match recordings to spotted actions and reels."
    )
    parser.add_argument("--version", action="version", version=f"touchline {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_people_commands(commands)
    _add_match_steps(commands)
    _add_model_commands(commands)
    return parser


def _add_people_commands(commands: argparse._SubParsersAction) -> None:
    process = _command(commands, "process", "Make the match folder of one match: all steps in one process.", _process)
    process.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help="files in the order of play")
    process.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the match folder goes")
    process.add_argument("--reels", default=_REELS, help="names, with commas (default: %(default)s)")
    process.add_argument("--force", action="store_true", help="compute everything again")

    follow = _command(commands, "follow", "Make provisional match folders of a recording that is still written, then "
                      "the match folder.", _follow)
    follow.add_argument("recording", type=Path, metavar="RECORDING")
    follow.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the match folder goes")
    follow.add_argument("--reels", default=_REELS, help="names, with commas (default: %(default)s)")

    simulate = _command(commands, "simulate", "Write a match that never happened, with its ground truth.", _simulate)
    simulate.add_argument("--seconds", type=int, default=180, help="length (default: %(default)s)")
    simulate.add_argument("--seed", type=int, default=1, help="same seed, same match (default: %(default)s)")
    simulate.add_argument("--camera", default="broadcast", choices=("broadcast", "sideline", "phone"),
                          help="default: %(default)s")
    simulate.add_argument("--size", default="1280x720", metavar="WxH", help="default: %(default)s")
    simulate.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the files")

    evaluate = _command(commands, "evaluate", "Score spottings with SoccerNet's own evaluator.", _evaluate)
    evaluate.add_argument("--truth", type=Path, required=True, metavar="FILE", help="Labels-v2.json")
    evaluate.add_argument("--predictions", type=Path, required=True, metavar="FILE", help="results_spotting.json")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the scores here as well")

    migrate = _command(commands, "migrate", "Bring the catalogue's tables to a revision.", _migrate)
    migrate.add_argument("--to", default="head", metavar="REVISION", help="head, base or a revision (default: head)")


def _add_match_steps(commands: argparse._SubParsersAction) -> None:
    register = _command(
        commands, "register", "Fingerprint recordings, print the match id, write the request.", _register
    )
    register.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help="files in the order of play")
    register.add_argument("--reels", default=_REELS, help="names, with commas (default: %(default)s)")
    check = _command(
        commands, "check-recording", "Tell whether a recording is complete and readable.", _check_recording
    )
    check.add_argument("recording", type=Path, metavar="RECORDING")
    chapter = _command(commands, "cut-chapter",
                       "Cut what has come of a recording that is still written into a chapter.", _cut_chapter)
    chapter.add_argument("recording", type=Path, metavar="RECORDING")
    nas = _command(commands, "check-nas", "Tell whether the NAS is mounted as it must be, and how quick.", _check_nas)
    nas.add_argument("--min-free", type=float, metavar="GB", help="warn below this free space (NAS_MIN_FREE_GB)")
    nas.add_argument("--timeout", type=_seconds, default=15, metavar="SEC", help="per answer (default: %(default)g)")
    nas.add_argument("--json", action="store_true", help="print one object instead of lines")
    nas.add_argument("--save-for", default="", metavar="HOST", help="keep it as WORKING_DIR/hosts/HOST/nas.json")
    fetch = _command(commands, "prefetch", "Copy a match's recordings to SCRATCH_DIR: the NAS is slow.", _prefetch)
    fetch.add_argument("match_id", metavar="MATCH_ID")
    for step in STEPS:
        parser = _command(commands, step.command, step.purpose, _match_step)
        parser.add_argument("match_id", metavar="MATCH_ID")
        if step.part:
            parser.add_argument("part", metavar=step.part, help=step.part_help)
        parser.add_argument("--force", action="store_true", help="compute again even if a whole result is there")


def _add_model_commands(commands: argparse._SubParsersAction) -> None:
    models = _command(commands, "models", "Which models are there? Fetch a detector, or check what is here.", _models)
    models.add_argument("action", nargs="?", default="list", choices=("list", "fetch", "verify"),
                        help="fetch is the only one that uses the network (default: %(default)s)")
    models.add_argument("name", nargs="?", default="", metavar="NAME", help="a name that the list shows")
    for name, purpose, footage, run in (
        ("train-detector", "Train the shipped detector on simulated footage.", "simulated footage", _train_detector),
        ("train-spotter",
         "Train a spotter on what people, ball, camera and sound of simulated matches do.",
         "simulated matches", _train_spotter),
        ("train-clip-model", "Train the clip model (VideoMAE) on simulated footage.", "simulated footage",
         _train_clip_model),
    ):
        train = _command(commands, name, purpose, run)
        train.add_argument("--footage", type=Path, required=True, metavar="DIR",
                           help=f"folder for the {footage}; made where missing")
        train.add_argument("--output", type=Path, required=True, metavar="PATH", help="where the model goes")
        train.add_argument("--epochs", type=int, default=None, help="passes over the footage")
        if run is _train_spotter:
            train.add_argument("--matches", type=int, default=None, help="learn from the first so many matches only")
            train.add_argument("--seed", type=int, default=1, help="of the training (default: %(default)s)")
    tune = _command(commands, "tune-spotter", "Train the spotter further on matches of your own.", _tune_spotter)
    for option, purpose, is_needed in (("--learn", "a match that was processed, and the Labels-v2.json of it", True),
                                       ("--measure", "another such match, to be measured before and after", False)):
        tune.add_argument(option, nargs=2, action="append", default=[], required=is_needed,
                          metavar=("MATCH_ID", "LABELS"), help=f"{purpose}; may be given several times")
    tune.add_argument("--output", type=Path, required=True, metavar="PATH", help="where the model goes")
    tune.add_argument("--epochs", type=int, default=None, help="passes over the matches")
    tune.add_argument("--seed", type=int, default=1, help="of the training (default: %(default)s)")


def _command(
    commands: argparse._SubParsersAction, name: str, purpose: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose, description=purpose)
    parser.set_defaults(run=run)
    return parser


def _process(arguments: argparse.Namespace) -> None:
    from touchline.steps.process import process

    process(arguments.recordings, arguments.output, Settings.from_env(), _names(arguments.reels), force=arguments.force)


def _follow(arguments: argparse.Namespace) -> None:
    from touchline.steps.follow import follow

    follow(arguments.recording, arguments.output, Settings.from_env(), _names(arguments.reels))


def _simulate(arguments: argparse.Namespace) -> None:
    from touchline.steps.simulate import simulate

    width, height = _size(arguments.size)
    simulate(arguments.seconds, arguments.seed, arguments.camera, width, height, arguments.output)


def _evaluate(arguments: argparse.Namespace) -> None:
    from touchline.steps.evaluate import evaluate

    evaluate(arguments.truth, arguments.predictions, arguments.json)


def _migrate(arguments: argparse.Namespace) -> None:
    from touchline.catalogue.migrate import migrate

    migrate(Settings.from_env().catalogue_address, arguments.to)


def _register(arguments: argparse.Namespace) -> None:
    from touchline.steps.register import register_match

    settings = Settings.from_env()
    with naming_folders(settings):
        print(register_match(arguments.recordings, settings, _names(arguments.reels)).match_id)


def _check_recording(arguments: argparse.Namespace) -> None:
    from touchline.steps.check_recording import check_recording

    settings = Settings.from_env()
    with naming_folders(settings):
        check_recording(arguments.recording, settings)


def _cut_chapter(arguments: argparse.Namespace) -> None:
    from touchline.steps.cut_chapter import cut_chapter

    settings = Settings.from_env()
    with naming_folders(settings):
        grown = cut_chapter(arguments.recording, settings)
    print(json.dumps({"chapters": [one.name for one in grown.chapters] if grown else []}))


def _check_nas(arguments: argparse.Namespace) -> None:
    from touchline.steps.check_nas import Limits, check_nas

    settings = Settings.from_env()
    min_free_gb = settings.nas_min_free_gb if arguments.min_free is None else arguments.min_free
    limits = Limits(min_free_gb, settings.prefetch_below_mb_s, arguments.timeout)
    with naming_folders(settings):
        check_nas(settings, limits, as_json=arguments.json, save_for=arguments.save_for)


def _prefetch(arguments: argparse.Namespace) -> None:
    from touchline.steps.prefetch import prefetch

    settings = Settings.from_env()
    with naming_folders(settings):
        prefetch(arguments.match_id, settings)


def _match_step(arguments: argparse.Namespace) -> None:
    from importlib import import_module

    from touchline.results.result import REUSED

    name = arguments.command.replace("-", "_")
    step = getattr(import_module(f"touchline.steps.{name}"), name)
    parts, settings = (arguments.part,) if "part" in arguments else (), Settings.from_env()
    with naming_folders(settings):
        outcome = step(arguments.match_id, *parts, settings, force=arguments.force)
    if outcome.reused:
        print(REUSED)


def _models(arguments: argparse.Namespace) -> None:
    from touchline.steps.models import fetch_model, list_models, verify_models

    if arguments.action == "fetch":
        fetch_model(arguments.name)
    elif arguments.action == "verify":
        verify_models(Settings.from_env(), arguments.name)
    elif arguments.name:
        raise UsageError(f"list takes no name: {arguments.name!r}")
    else:
        list_models(Settings.from_env())


def _train_detector(arguments: argparse.Namespace) -> None:
    from touchline.steps.train_detector import train_detector

    train_detector(arguments.footage, arguments.output, Settings.from_env(), epochs=arguments.epochs)


def _train_spotter(arguments: argparse.Namespace) -> None:
    from touchline.steps.train_spotter import train_spotter

    train_spotter(arguments.footage, arguments.output, Settings.from_env(), epochs=arguments.epochs,
                  matches=arguments.matches, seed=arguments.seed)


def _tune_spotter(arguments: argparse.Namespace) -> None:
    from touchline.steps.tune_spotter import tune_spotter

    learn, measure = ([(match_id, Path(labels)) for match_id, labels in pairs]
                      for pairs in (arguments.learn, arguments.measure))
    tune_spotter(learn, arguments.output, Settings.from_env(), epochs=arguments.epochs, seed=arguments.seed,
                 measure=measure)


def _train_clip_model(arguments: argparse.Namespace) -> None:
    from touchline.steps.train_clip_model import train_clip_model

    train_clip_model(arguments.footage, arguments.output, Settings.from_env(), epochs=arguments.epochs)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 600:
        raise argparse.ArgumentTypeError("use 1 to 600")
    return seconds


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", text)
    if not match:
        raise UsageError(f"--size {text!r} is not a size: write 1280x720")
    width, height = int(match[1]), int(match[2])
    if width % 2 or height % 2:
        raise UsageError(f"--size {text!r} is odd: H.264 needs even numbers")
    return width, height


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
