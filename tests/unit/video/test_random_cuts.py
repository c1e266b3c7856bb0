"""Reels of two hundred random clips, of films of all kinds: each frame is the planned one, and sound is in step.

Each frame of a film shows its number (modulo 256), and a click is heard at each whole second.
"""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from touchline.domain.clip import Clip
from touchline.domain.layout import ScratchFiles
from touchline.reels.render import Workshop, cut_clips, find_cuts, frames_of, joined
from touchline.reels.style import choose_style
from touchline.video.audio import decode_audio
from touchline.video.coded import NotCopyableError
from touchline.video.cut import presented_s
from touchline.video.decode import decode_frames
from touchline.video.edges import find_copying

pytestmark = pytest.mark.verify
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-threads", "1",
        "-sc_threshold", "0")
TEN = ("-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
X265 = ("-c:v", "libx265", "-x265-params", "log-level=none")
CLICKS = "aevalsrc='if(lt(mod(t,1),0.02),0.8*sin(2*PI*1000*t),0)':s=48000"
UNEVEN = "select='not(mod(n,7))+lt(mod(n,10),4)'"
SECONDS, REELS, CLIPS = 24, 2, 8
COPIED = {
    "a key frame each second": {"name": "one.mp4", "codec": (*X264, "-g", "25", "-bf", "0")},
    "each two seconds, a pyramid": {"name": "two.mp4", "codec": (*X264, "-g", "50", "-bf", "3")},
    "each eight seconds": {"name": "eight.mkv", "fps": "30000/1001", "codec": (*X264, "-g", "240")},
    "each ten seconds": {"name": "ten.mp4", "fps": "50", "codec": (*X264, "-g", "500")},
    "open groups": {"name": "open.mp4", "codec": (*X264, "-g", "50", "-x264-params", "open-gop=1:bframes=3")},
    "a transport stream that starts late": {"name": "late.ts", "codec": (*X264, "-g", "50"),
                                            "extra": ("-output_ts_offset", "20")},
    "sound that ends early": {"name": "sound.mkv", "codec": (*X264, "-g", "50"), "sound": f"{CLICKS}:d=10"},
    "an edit list": {},
}
ENCODED = {
    "HEVC": {"name": "new.mp4", "codec": (*X265, "-preset", "ultrafast")},
    "H.264 of 10 bits": {"name": "deep.mkv", "codec": ("-c:v", "libx264", *TEN)},
    "HEVC of 10 bits": {"name": "deep.mp4", "codec": (*X265, *TEN)},
    "50 fields": {"name": "fields.ts", "codec": (*X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
                  "filters": "setfield=tff"},
    "a variable rate": {"name": "uneven.mp4", "codec": X264, "filters": UNEVEN, "extra": ("-vsync", "vfr")},
}


@pytest.fixture(scope="module")
def film(make_recording, probed, ffmpeg, tmp_path_factory):
    def made(kind):
        given = {"seconds": SECONDS, "sound": CLICKS} | {**COPIED, **ENCODED}[kind]
        if kind != "an edit list":
            return probed(make_recording(**given))
        cut = tmp_path_factory.mktemp("edit-list") / "cut.mp4"
        ffmpeg("-ss", 3.5, "-i", make_recording(**given, **COPIED["each two seconds, a pyramid"]), "-c", "copy", cut)
        return probed(cut)

    return made


def _shown(recording, fps, number_in):
    """The number of the frame at each step of a grid."""
    frames = decode_frames(recording, 0, recording.duration_ms, fps=fps, width=128, height=64)
    return [number_in(frame.pixels) for frame in frames]


def _clips(recording, kind, seed):
    draw = random.Random(f"{kind} {seed}")
    clips = []
    for _ in range(CLIPS):
        start_ms = draw.randrange(recording.duration_ms - 1500)
        end_ms = min(start_ms + draw.choice((40, 700, 2500, 6000, 9000)) + draw.randrange(1000), recording.duration_ms)
        clips.append(Clip(start_ms, end_ms, "Goal", 1.0, ("Goal",)))
    return clips


@pytest.mark.parametrize("copied", [True, False], ids=["copied", "encoded"])
@pytest.mark.parametrize("kind", [*COPIED, *ENCODED])
def test_every_frame_of_random_clips_is_the_planned_one(kind, copied, film, probed, number_in, tmp_path):
    recording = film(kind)
    style = choose_style(recording, "libx264", 16, 1)
    shop = Workshop([recording], ScratchFiles(tmp_path, "match"), style, 600)
    if copied and kind in ENCODED:
        with pytest.raises(NotCopyableError):
            find_copying([recording], style)
        return
    if copied:
        shop = Workshop([recording], shop.scratch, style, 600, find_copying([recording], style))
    source = _shown(recording, style.fps, number_in)
    for seed in range(REELS):
        cuts = find_cuts(_clips(recording, kind, seed), shop.timeline)
        cut_clips(cuts, shop, lambda *_: None)
        expected, clicks, at = [], [], Fraction(0)
        for cut, count in zip(cuts, frames_of(cuts, shop), strict=True):
            begin_s = presented_s(recording, cut.start_ms)
            first = round(begin_s * style.fps)
            expected += [source[min(first + number, len(source) - 1)] for number in range(count)]
            clicks += [(at, begin_s, count / style.fps)]
            at += count / style.fps
        with joined("highlights", cuts, shop) as reel:  # decoded from its first to its last frame, without a message
            made = probed(reel)
            shown = _shown(made, style.fps, number_in)
            sound = np.abs(np.concatenate(list(decode_audio(made))))
        assert len(shown) == len(expected)
        if recording.video.is_variable_rate:  # the grid of a clip lies between the frames' times
            assert all(abs((one - other + 128) % 256 - 128) <= 7 for one, other in zip(shown, expected, strict=True))
        else:
            assert shown == expected
        _hear(sound, clicks, recording, kind)


def _hear(sound, clips, recording, kind):
    """Each click of the clips is heard within 40 ms of its time, and there is none between them."""
    heard = np.zeros(len(sound), bool)
    offset_s = _FIRST_CLICK.get(kind, Fraction(0))
    for at_s, begin_s, length_s in clips:
        for second in range(SECONDS):
            time_s = second + offset_s - begin_s
            if 0.05 <= time_s < length_s - Fraction(8, 100) and second + offset_s < recording.duration_ms / 1000 - 0.1:
                begin, end = (int((at_s + time_s + edge) * 16_000) for edge in (Fraction(-4, 100), Fraction(6, 100)))
                if kind != "sound that ends early" or second < 10:
                    assert sound[begin:end].max() > 0.2, f"no click at {float(at_s + time_s):.2f} s"
                heard[begin:end] = True
        for border in (at_s, at_s + length_s):
            heard[max(0, int((border - Fraction(1, 10)) * 16_000)) : int((border + Fraction(1, 10)) * 16_000)] = True
    assert sound[~heard].max(initial=0.0) < 0.1


_FIRST_CLICK = {"an edit list": Fraction(1, 2)}
"""Where the first click lies in recording time: this film begins at 3.5 s."""
