"""A reel of copied clips in a real browser: played to its end, without a stall or a jump at the joins."""

from fractions import Fraction

import pytest

from support.browser import CHROMIUM
from touchline.video.concat import concat_clips
from touchline.video.copied import DEPTH, cut_copied
from touchline.video.cut import ClipStyle
from touchline.video.edges import find_copying

pytestmark = [pytest.mark.verify, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
PLAY = """<video muted src="reel.mp4"></video><script>
const video = document.querySelector("video"), stalls = [], times = [];
for (const what of ["waiting", "stalled", "seeking"]) {
  video.addEventListener(what, () => video.currentTime > 0 && stalls.push([what, video.currentTime]));
}
const shown = (now, frame) => { times.push(frame.mediaTime); video.requestVideoFrameCallback(shown); };
video.requestVideoFrameCallback(shown);
const tell = () => {
  const {totalVideoFrames: decoded, droppedVideoFrames: dropped} = video.getVideoPlaybackQuality();
  const steps = times.slice(1).map((time, index) => time - times[index]);
  fetch("http://127.0.0.1:PORT/", {method: "POST", mode: "no-cors", body: JSON.stringify({
    ended: video.currentTime, decoded, dropped, stalls, first: times[0], error: video.error && video.error.message,
    backward: steps.filter((step) => step <= 0).length, widest: Math.max(...steps)})});
};
video.addEventListener("ended", tell);
video.addEventListener("error", tell);
video.play();
</script>"""
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-threads", "1",
        "-sc_threshold", "0")


@pytest.mark.parametrize(("name", "rate", "group"), [
    ("short.mp4", "25", ("-g", "25", "-bf", "0")),
    ("pyramid.mp4", "25", ("-g", "50", "-bf", "3")),
    ("late.ts", "50", ("-g", "100", "-bf", "2")),
    ("thirty.mkv", "30000/1001", ("-g", "60")),
])
def test_a_reel_of_copies_plays_to_its_end(name, rate, group, make_recording, probed, tmp_path, listener,
                                           browse):
    fps, late = Fraction(rate), ("-output_ts_offset", "20") if name.endswith(".ts") else ()
    recording = probed(make_recording(name, fps=rate, codec=(*X264, *group), sound="sine=440", extra=late))
    copying = find_copying([recording], ClipStyle(128, 64, fps, threads=1))
    clips, count = [], 0
    for number, (start_ms, end_ms) in enumerate([(0, 2000), (1300, 4777), (2500, 5900), (100, 3100), (900, 5000)]):
        clips.append(tmp_path / f"{number}.mov")
        count += cut_copied(recording, start_ms, end_ms, clips[-1], copying)
    concat_clips(clips, tmp_path / "reel.mp4", fps, depth=DEPTH)
    (tmp_path / "page.html").write_text(PLAY.replace("PORT", str(listener.server_port)))
    browse((tmp_path / "page.html").as_uri())
    seen = listener.seen.get(timeout=120)
    assert seen["error"] is None
    assert (seen["stalls"], seen["backward"], seen["first"], seen["dropped"]) == ([], 0, 0, 0)
    assert seen["decoded"] == count
    assert seen["ended"] == pytest.approx(float(count / fps), abs=0.05)
    assert seen["widest"] < 2.5 / fps, "the browser may skip showing one frame, and no more"
