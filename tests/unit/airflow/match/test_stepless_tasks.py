"""Which parts a match has is read from a file that a step wrote in its container: each must look like one."""

from __future__ import annotations

import pytest

from touchline.domain.layout import CHUNK_ID
from touchline.errors import DamagedResultError
from touchline.results.request import REELS
from touchline_airflow.match.stepless_tasks import checked


def test_chunks_and_reels_are_taken() -> None:
    assert checked(["chunk-0000", "chunk-0007"], CHUNK_ID.fullmatch) == ["chunk-0000", "chunk-0007"]
    assert checked(list(REELS), REELS.__contains__) == list(REELS)
    assert checked([], CHUNK_ID.fullmatch) == []


@pytest.mark.parametrize("parts", [
    ["{{ 6 * 7 }}"], ["chunk-0000\n"], ["../../x"], ["--force"], ["chunk-0000", "chunk-0000"], [""],
    [f"chunk-{number:04d}" for number in range(1100)],
])
def test_anything_else_is_refused_in_one_line(parts: list[str]) -> None:
    with pytest.raises(DamagedResultError) as caught:
        checked(parts, CHUNK_ID.fullmatch)
    assert "\n" not in str(caught.value)


def test_an_unknown_reel_is_refused() -> None:
    with pytest.raises(DamagedResultError, match="is not the name of a chunk or a reel"):
        checked(["highlights", "{{ x }}"], REELS.__contains__)
