"""How do clips become one video file? The picture is copied, the sound is encoded once over all of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from touchline.errors import TouchlineError
from touchline.video.command import run
from touchline.video.demuxer import sniff_demuxer
from touchline.video.log import LOG_LEVEL

AUDIO_BIT_RATE = "160k"
CONCAT_TIMEOUT_S = 3600.0
_PROBE_TIMEOUT_S = 60.0


def concat_clips(
    clips: Sequence[Path], target: Path, fps: Fraction, *, depth: int = 0, timeout_s: float = CONCAT_TIMEOUT_S
) -> None:
    """Join clips that `cut_clip` made in one style, of `fps` frames per second, into an MP4 with its index in front.

    Times are counted, not taken over: frame n is at n / fps and sample n at n / rate, so nothing drifts at the
    joins. Nothing in the file depends on clock or version.

    Raises:
        TouchlineError: no clips, or clips of different styles.
        CommandError: ffmpeg failed.
    """
    if not clips:
        raise TouchlineError(f"{target.name} has no clips to join")
    _refuse_mixed(clips, timeout_s=_PROBE_TIMEOUT_S)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".concat-") as folder:
        listing = Path(folder) / "clips.ffconcat"
        listing.write_text(listing_text(clips))
        run(concat_argv(listing, target, fps, depth), timeout_s=timeout_s)


def listing_text(clips: Sequence[Path]) -> str:
    """What ffmpeg's concat demuxer reads: one line per clip; a quote within a name is closed, escaped and reopened."""
    lines = ["file '" + str(clip.absolute()).replace("'", "'\\''") + "'" for clip in clips]
    return "\n".join(["ffconcat version 1.0", *lines, ""])


def concat_argv(listing: Path, target: Path, fps: Fraction, depth: int) -> list[str]:
    """The ffmpeg call that joins the clips of a listing."""
    # The MP4 muxer takes a time base's denominator and forgets its numerator: count in 1/30000, not in 1001/30000.
    step, ticks = fps.denominator, fps.numerator
    shown = f"(N-{depth}+round((PTS-DTS)*TB*{ticks}/{step}))" if depth else "N"
    counted = f"setts=pts={shown}*{step}:dts=(N-{depth})*{step}:duration={step}:time_base=1/{ticks}"
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", LOG_LEVEL]
    argv += ["-protocol_whitelist", "file", "-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", f"file:{listing}"]
    argv += ["-map", "0:v:0", "-map", "0:a:0", "-c:v", "copy", "-bsf:v", counted]
    argv += ["-af", "asetpts=N/SR/TB", "-c:a", "aac", "-b:a", AUDIO_BIT_RATE]
    argv += ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    argv += ["-flags:a", "+bitexact", "-video_track_timescale", str(ticks)]
    return [*argv, "-movflags", "+faststart", "-f", "mp4", "-y", f"file:{target}"]


def _refuse_mixed(clips: Sequence[Path], *, timeout_s: float) -> None:
    styles = {clip: _style_of(clip, timeout_s) for clip in clips}
    first, style = next(iter(styles.items()))
    for clip, other in styles.items():
        if other != style:
            raise TouchlineError(f"{clip.name} and {first.name} are encoded differently: cut both again in one style")


def _style_of(clip: Path, timeout_s: float) -> tuple[str, ...]:
    """Digest of the parameter sets (they hold size and rate), and the form of the sound.

    The rate itself is not asked for: Matroska's times are whole milliseconds, from which 60000/1001 becomes 19001/317.
    """
    argv = ["ffprobe", "-v", LOG_LEVEL, "-show_data_hash", "sha256", "-show_streams", "-of", "json"]
    argv += ["-protocol_whitelist", "file", "-f", sniff_demuxer(clip), "-i", f"file:{clip}"]
    streams = json.loads(run(argv, timeout_s=timeout_s).stdout)["streams"]
    picture = next(stream for stream in streams if stream["codec_type"] == "video")
    sound = next(stream for stream in streams if stream["codec_type"] == "audio")
    return (picture["extradata_hash"], sound["codec_name"], str(sound["sample_rate"]), str(sound["channels"]))
