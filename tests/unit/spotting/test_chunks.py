from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.chunk import HotWindow
from touchline.spotting.chunks import MOST_CHUNKS, cut_into_chunks


@st.composite
def matches(draw):
    duration = draw(st.integers(1, 400_000))
    borders = sorted(draw(st.lists(st.integers(0, duration), max_size=12, unique=True)))
    hot = [HotWindow(start, end) for start, end in zip(borders[::2], borders[1::2], strict=False)]
    return duration, hot


def _moments(windows):
    return {ms for window in windows for ms in range(window.start_ms, window.end_ms, 500)}


@given(matches(), st.sampled_from([30_000, 120_000, 600_000]))
def test_every_hot_moment_belongs_to_exactly_one_chunk(match, chunk_ms):
    duration, hot = match
    chunks = cut_into_chunks(hot, [duration], chunk_ms)
    shares = [window for chunk in chunks for window in chunk.hot]
    assert sum(window.end_ms - window.start_ms for window in shares) == sum(w.end_ms - w.start_ms for w in hot)
    for chunk in chunks:
        for window in chunk.hot:
            assert chunk.start_ms <= window.start_ms < window.end_ms <= chunk.end_ms
            assert any(whole.start_ms <= window.start_ms and window.end_ms <= whole.end_ms for whole in hot)


def test_a_match_of_two_days_in_tiny_chunks_is_no_longer_list_than_airflow_takes():
    two_days = 2 * 86_400_000
    chunks = cut_into_chunks([HotWindow(0, two_days)], [two_days], 10_000)
    assert len(chunks) == 1000 and chunks[-1].end_ms == two_days
    assert len({chunk.chunk_id for chunk in chunks}) == 1000 and chunks[-1].chunk_id == "chunk-0999"


def test_a_cold_match_has_no_chunks():
    assert cut_into_chunks([], [5_400_000], 600_000) == ()


def test_a_chunk_keeps_its_name_when_another_stretch_grows_cold():
    #    0 s      60 s      120 s     180 s
    #    |  hot   |   cold  |   hot   |
    both = cut_into_chunks([HotWindow(0, 60_000), HotWindow(120_000, 180_000)], [180_000], 60_000)
    second_only = cut_into_chunks([HotWindow(120_000, 180_000)], [180_000], 60_000)
    assert [chunk.chunk_id for chunk in both] == ["chunk-0000", "chunk-0002"]
    assert second_only == both[1:]


def test_no_chunk_lies_in_two_recordings_and_a_later_recording_renames_none():
    #    recording 0, 90 s        recording 1, 70 s
    #    |   60 s   |   30 s   |   60 s   | 10 s |
    hot = [HotWindow(0, 160_000)]
    one, two = cut_into_chunks(hot, [90_000], 60_000), cut_into_chunks(hot, [90_000, 70_000], 60_000)
    assert [(chunk.start_ms, chunk.end_ms) for chunk in two] == [
        (0, 60_000), (60_000, 90_000), (90_000, 150_000), (150_000, 160_000)]
    assert one == two[:2] and [chunk.index for chunk in two] == [0, 1, 2, 3]


def test_many_recordings_give_no_more_chunks_than_airflow_takes():
    assert len(cut_into_chunks([HotWindow(0, 10**9)], [9_999_999] * 100, 10_000)) <= MOST_CHUNKS
