"""Finished work is found again, checked, and made again where it is missing, damaged or of other inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from touchline.beneath.folder import temporary_name
from touchline.errors import DamagedResultError
from touchline.results.files import file_digest, replacing
from touchline.results.result import digest_of, read_result, read_stats, reuse_or_compute


class Work:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict:
        self.calls += 1
        return {"answer": 42, "stats": {"frames": 7}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "match" / "scan.json"


def test_a_whole_result_of_the_same_inputs_is_reused(path):
    work = Work()
    first = reuse_or_compute(path, "scan", {"step_ms": 500}, work)
    second = reuse_or_compute(path, "scan", {"step_ms": 500}, work)
    assert (first.reused, second.reused, work.calls) == (False, True, 1)
    assert first.result == second.result == {"answer": 42}
    assert first.digest == second.digest == read_result(path).digest


def test_inputs_that_differ_only_in_json_form_are_the_same(path):
    work = Work()
    reuse_or_compute(path, "scan", {"hot": ((0, 1), (2, 3))}, work)
    assert reuse_or_compute(path, "scan", {"hot": [[0, 1], [2, 3]]}, work).reused


@pytest.mark.parametrize(("step", "inputs"), [("scan", {"step_ms": 250}), ("probe", {"step_ms": 500}), ("scan", {})])
def test_other_inputs_or_another_step_compute_anew(path, step, inputs):
    work = Work()
    reuse_or_compute(path, "scan", {"step_ms": 500}, work)
    assert not reuse_or_compute(path, step, inputs, work).reused
    assert work.calls == 2


def test_force_computes_anew(path):
    work = Work()
    reuse_or_compute(path, "scan", {}, work)
    assert not reuse_or_compute(path, "scan", {}, work, force=True).reused


def test_a_result_whose_files_are_gone_is_computed_anew(path):
    work = Work()
    reuse_or_compute(path, "scan", {}, work)
    assert not reuse_or_compute(path, "scan", {}, work, check=lambda result: False).reused
    assert reuse_or_compute(path, "scan", {}, work, check=lambda result: result["answer"] == 42).reused


def empty(path: Path) -> None:
    path.write_text("")


def cut_off(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def changed(path: Path) -> None:
    path.write_text(path.read_text().replace("42", "43"))


def without_digest(path: Path) -> None:
    path.write_text(json.dumps({"step": "scan", "inputs": {}, "result": {"answer": 42}}))


def a_list(path: Path) -> None:
    path.write_text("[]")


def not_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [empty, cut_off, changed, without_digest, a_list, not_text, gone])
def test_a_damaged_result_is_not_read_and_is_computed_anew(path, damage):
    work = Work()
    reuse_or_compute(path, "scan", {}, work)
    damage(path)
    with pytest.raises(DamagedResultError, match=r"scan\.json is missing or damaged"):
        read_result(path)
    assert not reuse_or_compute(path, "scan", {}, work).reused
    assert read_result(path).result == {"answer": 42}


def test_a_result_holds_no_measurement(path):
    reuse_or_compute(path, "scan", {}, Work())
    first = path.read_bytes()
    reuse_or_compute(path, "scan", {}, Work(), force=True)
    assert path.read_bytes() == first
    assert read_stats(path)["frames"] == 7
    assert read_stats(path)["wall_s"] >= 0
    assert "frames" not in path.read_text()


def test_measurements_that_are_missing_are_empty(path):
    assert read_stats(path) == {}


def test_a_failed_step_leaves_the_old_result_and_no_temporary_file(path):
    reuse_or_compute(path, "scan", {}, Work())
    before = path.read_bytes()

    def fails() -> dict:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        reuse_or_compute(path, "scan", {}, fails, force=True)
    assert path.read_bytes() == before
    assert sorted(item.name for item in path.parent.iterdir()) == ["scan.json", "scan.stats.json"]


def test_what_a_killed_attempt_left_is_removed(path):
    path.parent.mkdir()
    mine, others = (path.parent / temporary_name(name) for name in ("scan.json", "probe.json"))
    mine.write_text("{")
    others.write_text("{")
    (path.parent / ".scan.json.notes.part").write_text("a person's")
    reuse_or_compute(path, "scan", {}, Work())
    assert not mine.exists()
    assert others.exists(), "that one belongs to another step"
    assert (path.parent / ".scan.json.notes.part").exists(), "and that one to a person"


def test_a_file_under_way_is_not_seen_under_its_name(path):
    with replacing(path) as file:
        file.write(b"half")
        assert not path.exists()
        [under_way] = path.parent.iterdir()
        assert under_way.name.startswith("."), "the watch leaves dot files alone"
    assert path.read_text() == "half"


def test_a_file_that_could_not_be_finished_is_removed(path):
    with pytest.raises(OSError, match="no space"), replacing(path) as file:
        file.write(b"half")
        raise OSError("no space")
    assert list(path.parent.iterdir()) == []


def test_digests_do_not_depend_on_the_order_of_keys(tmp_path):
    assert digest_of({"a": 1, "b": "é"}) == digest_of({"b": "é", "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
    (tmp_path / "x").write_bytes(b"abc")
    assert file_digest(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
