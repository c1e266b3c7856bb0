from touchline.inference.chunk_overlap import frames_of_the_one_before, looked_frames, watched_frames
from touchline.inference.look import LOOK_FRAMES, LOOK_MS, STEP_FRAMES
from touchline.inference.windows import Stretch
from touchline.seeing.sight import STEP_MS

FPS = STEP_FRAMES * 1000 // STEP_MS


def looked(first_ms, last_ms, offset_ms=0):
    moments = tuple(range(first_ms, last_ms + 1, STEP_MS))
    centres = [(moment - offset_ms) * FPS // 1000 for moment in moments]
    return looked_frames(Stretch(0, moments), centres), centres


def test_a_chunk_looks_from_one_step_before_its_first_moment_on():
    (first, last), centres = looked(10 * LOOK_MS + STEP_MS, 20 * LOOK_MS)
    assert (first, last) == (centres[0] - STEP_FRAMES, centres[-1])


def test_it_begins_at_a_frame_in_which_people_are_looked_for():
    for first_ms in range(0, 5 * LOOK_MS, STEP_MS):
        for offset_ms in (0, STEP_MS, -3 * STEP_MS):
            if first_ms >= offset_ms:
                (first, _), centres = looked(first_ms, first_ms + LOOK_MS, offset_ms)
                match_ms = first_ms + (first - centres[0]) * 1000 // FPS
                assert match_ms % LOOK_MS == 0
                assert max(0, centres[0] - STEP_FRAMES) - LOOK_FRAMES < first <= centres[0]


def test_only_a_chunk_at_the_beginning_of_a_recording_needs_the_one_before():
    assert [frames_of_the_one_before([centre]) for centre in (0, 1, STEP_FRAMES, 1000)] == [
        STEP_FRAMES, STEP_FRAMES - 1, 0, 0]


def test_the_clip_model_watches_half_a_window_more_on_both_sides():
    assert watched_frames([40, 44], 16) == (32, 51)
    assert watched_frames([2], 16) == (0, 9)
