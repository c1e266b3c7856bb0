"""One clock for a match of several recordings.

    recording 0        recording 1   recording 2
    |------------------|-------------|------|
    0                  d0            d0+d1  duration_ms
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.recording import Span, Timeline

durations = st.lists(st.integers(1, 10_000), min_size=1, max_size=5).map(tuple)


@st.composite
def timelines_with_a_moment(draw):
    timeline = Timeline(draw(durations))
    return timeline, draw(st.integers(0, timeline.duration_ms))


@given(timelines_with_a_moment())
def test_a_located_moment_leads_back_to_its_match_time(case):
    timeline, match_ms = case
    recording, recording_ms = timeline.locate(match_ms)
    assert timeline.offset_ms(recording) + recording_ms == match_ms
    assert 0 <= recording_ms <= timeline.durations_ms[recording]


@given(timelines_with_a_moment())
def test_only_the_end_of_the_match_is_the_end_of_a_recording(case):
    timeline, match_ms = case
    recording, recording_ms = timeline.locate(match_ms)
    assert recording_ms < timeline.durations_ms[recording] or match_ms == timeline.duration_ms


def test_a_border_belongs_to_the_recording_that_begins_there():
    assert Timeline((100, 50)).locate(99) == (0, 99)
    assert Timeline((100, 50)).locate(100) == (1, 0)
    assert Timeline((100, 50)).locate(150) == (1, 50)


@pytest.mark.parametrize("match_ms", [-1, 151, 10**9])
def test_a_moment_outside_the_match_is_refused(match_ms):
    with pytest.raises(ValueError, match="outside the match of 150 ms"):
        Timeline((100, 50)).locate(match_ms)


def test_a_match_without_recordings_has_no_moments():
    with pytest.raises(ValueError, match="outside"):
        Timeline(()).locate(0)


@given(durations, st.integers(-500, 60_000), st.integers(-500, 60_000))
def test_spans_cover_the_stretch_once_and_in_order(all_durations, first, second):
    start_ms, end_ms = sorted((first, second))
    timeline = Timeline(all_durations)
    spans = timeline.spans(start_ms, end_ms)
    covered = [timeline.offset_ms(span.recording) + ms for span in spans for ms in (span.start_ms, span.end_ms)]
    assert covered == sorted(covered)
    assert all(a == b for a, b in zip(covered[1:-1:2], covered[2:-1:2], strict=True)), "a hole between two spans"
    expected = max(0, min(end_ms, timeline.duration_ms) - max(start_ms, 0))
    assert sum(span.end_ms - span.start_ms for span in spans) == expected
    assert all(span.start_ms < span.end_ms for span in spans)


def test_a_stretch_over_a_border_becomes_two_spans():
    assert Timeline((100, 50)).spans(80, 120) == (Span(0, 80, 100), Span(1, 0, 20))
