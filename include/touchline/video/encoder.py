"""Which H.264 encoder works here? Asked by encoding with it, because a driver may list what the card lacks."""

from __future__ import annotations

from functools import cache

from touchline.errors import CommandError, SettingError
from touchline.settings import Settings
from touchline.video.command import run
from touchline.video.log import LOG_LEVEL

SOFTWARE = "libx264"
COPY = "copy"
"""Only the edges of clips are encoded, where that is possible (`copied.py`); elsewhere as auto."""
HARDWARE = "h264_nvenc"
_TRIAL_TIMEOUT_S = 30.0


def choose_encoder(settings: Settings) -> str:
    """Return "libx264" or "h264_nvenc": the one that OUTPUT_CODEC demands, or NVENC where it works ("auto", "copy").

    Raises:
        SettingError: h264_nvenc is demanded and does not work here.
    """
    if settings.output_codec == SOFTWARE or (settings.output_codec != HARDWARE and not settings.wants_gpu):
        return SOFTWARE
    if nvenc_works():
        return HARDWARE
    if settings.output_codec == HARDWARE:
        raise SettingError(
            "OUTPUT_CODEC=h264_nvenc, but this machine cannot encode with it (data-centre cards such "
            "as A100 and H100 have no encoder): use OUTPUT_CODEC=auto"
        )
    return SOFTWARE


@cache
def nvenc_works() -> bool:
    """Whether a few frames can really be encoded with NVENC; tried once per process."""
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", LOG_LEVEL]
    argv += ["-f", "lavfi", "-i", "testsrc2=s=256x144:r=25", "-frames:v", "5"]
    argv += ["-pix_fmt", "yuv420p", "-c:v", HARDWARE, "-f", "null", "-"]
    try:
        run(argv, timeout_s=_TRIAL_TIMEOUT_S)
    except CommandError:
        return False
    return True
