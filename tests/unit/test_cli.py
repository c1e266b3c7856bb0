"""The command line: one step, one line of error, one exit code."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from touchline.cli import build_parser, main
from touchline.domain.step_table import STEPS
from touchline.errors import EXIT_FAILED, EXIT_USAGE
from touchline.results.result import REUSED, Outcome

COMMANDS: dict[str, argparse.ArgumentParser] = next(
    action.choices for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
STEPS_FOLDER = Path(__file__).resolve().parents[2] / "include" / "touchline" / "steps"

HOSTILE = ["", " ", "-x", "--", "--force", "--output=/etc", "../", "../../etc/passwd", "/etc/passwd", ".", "..", "~",
           "*", "[0]", "$(reboot)", "`reboot`", "; reboot", "| reboot", "&& reboot", "a\nb", "a\tb", "a\x00b", "%s",
           "{{ conf }}", "'", '"', "\\", "cup-0123456789ab/../x", "CUP-0123456789AB", "cup-0123456789abc",
           "été-0123456789ab", "cup-0123456789ab\n", "cup 0123456789ab", "🎉", "a" * 5000]


@pytest.fixture(autouse=True)
def _folders_of_our_own(own_settings, monkeypatch):
    for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(own_settings, name)))


def run(*argv: str) -> int:
    try:
        return main(argv)
    except SystemExit as stopped:
        return int(stopped.code or 0)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does(name, capsys):
    assert (COMMANDS[name].description or "").endswith(".")
    assert run(name, "--help") == 0
    assert f"touchline {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_has_help(name):
    silent = [action.option_strings or action.dest for action in COMMANDS[name]._actions
              if not action.help and action.metavar not in {"MATCH_ID", "RECORDING"}]
    assert not silent


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name, repository):
    assert f"## `touchline {name}`" in (repository / "docs" / "cli.md").read_text(), "run make docs"


@pytest.mark.parametrize("reused", [True, False])
def test_a_step_that_had_nothing_to_compute_says_so_last(reused, capsys, monkeypatch):
    monkeypatch.setattr("touchline.steps.merge_actions.merge_actions",
                        lambda *_, **__: print("3 actions") or Outcome({}, "", reused))
    assert run("merge-actions", "cup-0123456789ab") == 0
    assert capsys.readouterr().out.splitlines() == ["3 actions", REUSED][:1 + reused]


@pytest.mark.parametrize("name", sorted(step.command for step in STEPS))
def test_a_step_has_one_name_everywhere(name):
    module = name.replace("-", "_")
    assert f"def {module}(" in (STEPS_FOLDER / f"{module}.py").read_text()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", sorted(step.command for step in STEPS))
def test_a_hostile_match_id_is_refused_in_one_line(name, text, capsys, own_settings):
    parts = {"spot-chunk": ["chunk-0000"], "render-reel": ["highlights"]}.get(name, [])
    assert run(name, "--", text, *parts) == EXIT_USAGE
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("touchline")
    assert not any(own_settings.working_dir.iterdir()), "something was written for a match id that is none"


@pytest.mark.parametrize("text", ["-x", "--", "--force", "--output=/etc"])
def test_a_match_id_that_looks_like_an_option_is_refused(text, capsys):
    assert run("probe", text) == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("text", [text for text in HOSTILE if text not in {"a" * 5000}])
@pytest.mark.parametrize(("name", "good"), [("spot-chunk", "chunk-0000"), ("render-reel", "highlights")])
def test_a_hostile_part_is_refused_before_anything_is_written(name, good, text, capsys, own_settings):
    assert good != text
    assert run(name, "cup-0123456789ab", "--", text) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert not [path for path in own_settings.scratch_dir.rglob("*") if path.is_file()]


@pytest.mark.parametrize("reels", ["", ",", "../x", "Highlights", "highlights,$(reboot)", "-x"])
def test_an_unknown_reel_is_refused(reels, tmp_path, capsys):
    recording = tmp_path / "cup.mp4"
    recording.write_bytes(b"x")
    assert run("register", str(recording), f"--reels={reels}") == EXIT_USAGE
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_recording_that_is_not_there_is_no_bad_one(tmp_path, capsys):
    assert run("register", str(tmp_path / "none.mp4")) == EXIT_FAILED
    assert "none.mp4 is not there" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["", "720p", "1280x", "1281x720", "-1x720", "1280x720x3", "１２８０x720"])
def test_a_size_that_cannot_be_encoded_is_refused(size, tmp_path, capsys):
    assert run("simulate", "--seconds", "1", f"--size={size}", "--output", str(tmp_path / "sim")) == EXIT_USAGE
    assert "--size" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("OUTPUT_CRF", "best")
    recording = tmp_path / "cup.mp4"
    recording.write_bytes(b"x")
    assert run("register", str(recording)) == EXIT_USAGE
    assert capsys.readouterr().err == "touchline register: OUTPUT_CRF='best' is not a number: use 0 to 51\n"


def test_without_a_command_the_commands_are_named(capsys):
    assert run() == EXIT_USAGE
    assert "COMMAND" in capsys.readouterr().err


def test_memory_that_is_short_is_one_line(monkeypatch, tmp_path, capsys):
    def eat(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr("touchline.steps.check_recording.check_recording", eat)
    assert main(["check-recording", str(tmp_path / "a.mp4")]) == 1
    assert capsys.readouterr().err == "touchline check-recording: out of memory: close something else or give it more\n"
