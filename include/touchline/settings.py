"""Which settings are there, what are their defaults and bounds?

One frozen `Settings`, read once from the environment under the names operators know. Every field carries its
description and bounds; `docs/configuration.md` is generated from them. An empty variable counts as unset.
"""
# ruff: noqa: RUF009 - `setting` declares a dataclass field

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from touchline.errors import SettingError
from touchline.known_models import SHIPPED_MODELS, default_detector, known_models


def setting(  # noqa: PLR0913 - keywords, most of them left out
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
    known_model: bool = False,
) -> Any:
    """Declare one setting: its default, what it does, its bounds (both included) or its choices.

    The value of a secret one is not shown when the settings are printed. A path with `known_model` may also be the name
    of a model that touchline knows.
    """
    metadata = {"description": description, "low": low, "high": high, "choices": choices, "known_model": known_model}
    return field(default=default, metadata=metadata, repr=not secret)


class FromEnvironment:
    """Base of a frozen dataclass of settings: the field `output_crf` is read from the variable `OUTPUT_CRF`."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Errors name the variable, its value and what is allowed."""
        environ = os.environ if environ is None else environ
        values = {}
        for item in fields(cls):  # type: ignore[arg-type]
            text = environ.get(item.name.upper(), "").strip()
            if text:
                kind = Path if item.default is None else type(item.default)
                values[item.name] = _parse(item.name.upper(), text, kind, item.metadata)
        return cls(**values)


@dataclass(frozen=True)
class Settings(FromEnvironment):
    """All settings of the steps."""

    nas_mount_path: Path = setting(Path("/mnt/nas/soccer"), "Folder that is watched for recordings; mounted read-only.")
    nas_output_path: Path = setting(
        Path("/mnt/nas/soccer/output"), "Folder of the published match folders; may lie inside NAS_MOUNT_PATH."
    )
    nas_host: str = setting(
        "", "Name or address of the NAS; where a mount is away `touchline check-nas` says whether its server answers."
    )
    working_dir: Path = setting(Path("/var/lib/touchline/work"), "Small results of the steps, shared by all hosts.")
    scratch_dir: Path = setting(
        Path("/var/lib/touchline/scratch"), "Large intermediate files of this host; fast local disk."
    )
    catalogue_url: str = setting(
        "", "SQLAlchemy URL of the catalogue; empty: SQLite at WORKING_DIR/catalogue.db.", secret=True
    )
    catalogue_url_file: str = setting("", "File that holds CATALOGUE_URL, read where that is empty.")
    use_gpu: str = setting(
        "auto", "Whether models run on a GPU; auto takes one where it is there.", choices=("auto", "true", "false")
    )
    max_workers: int = setting(
        2, "Threads of one step (decoder, encoder, models); fixed, so that results repeat.", low=1, high=64
    )
    chunk_duration_sec: int = setting(
        600, "Length of a chunk of GPU work, in seconds; longer where a match would have over 1000.", low=10, high=7200
    )
    min_event_confidence: float = setting(
        0.5, "Spottings below this confidence are not accepted as actions.", low=0.0, high=1.0
    )
    yolo_model_path: Path = setting(
        default_detector(),
        "Detector: a .pt, .onnx or .engine file, an OpenVINO folder, or a name that `touchline models` lists.",
        known_model=True,
    )
    spotter_model_path: Path = setting(
        SHIPPED_MODELS / "spotter", "Spotter: a folder that `touchline train-spotter` or `tune-spotter` wrote."
    )
    action_model_path: Path | None = setting(
        None,
        "Clip model, a second opinion on what the spotter finds: a VideoMAE model folder with its own id2label. Empty: "
        "none.",
    )
    output_codec: str = setting(
        "copy",
        "Encoder of the reels. copy takes the recording's own pictures and encodes only the edges of clips, where its "
        "format allows that, else as auto; auto takes NVENC where a probe finds it.",
        choices=("auto", "libx264", "h264_nvenc", "copy"),
    )
    output_crf: int = setting(
        20, "Quality of the reels (x264 CRF; NVENC CQ): lower is better and larger.", low=0, high=51
    )
    output_start_earlier_sec: int = setting(
        0,
        "With OUTPUT_CODEC=copy a clip may start up to this much earlier, at a key frame of the recording, and end a "
        "few frames later, so that nothing of it is encoded. 0: as planned.",
        low=0,
        high=10,
    )
    watch_stable_time_sec: int = setting(
        10, "A recording must stand still this long before it is taken.", low=1, high=86_400
    )
    watch_bad_after_sec: int = setting(
        3600,
        "A recording that stood still this long and still cannot be read to its end is bad, or is taken as far as it "
        "decodes where its format marks no end or its recorder never closed it.",
        low=10,
        high=604_800,
    )
    watch_more_sec: int = setting(
        900,
        "A match whose recordings' names say that more may follow (a first half, the first chapter of a camera) waits "
        "until none has come for this long, unless a file named .done lies beside them.",
        low=0,
        high=604_800,
    )
    matches_by: str = setting(
        "names",
        "Which recordings are one match: names goes by match.toml and by the names of cameras and halves; with folder, "
        "each folder below the mount is one match, whatever its recordings are called.",
        choices=("names", "folder"),
    )
    live: str = setting(
        "false",
        "Whether recordings are looked at while they are written (MPEG-TS, Matroska, fragmented MP4): a provisional "
        "match folder shows what was found so far. false: only where a match.toml says live = true.",
        choices=("false", "true"),
    )
    live_chapter_sec: int = setting(
        60,
        "Of a recording that is still written, this much is looked at together, in seconds of the match; more where "
        "the one before takes longer.",
        low=10,
        high=3600,
    )
    ingest_since: str = setting(
        "",
        "ISO date; older recordings (by modification time) are left to the backfill, but for those of a camera whose "
        "clock was reset. Empty: take all.",
    )
    nas_min_free_gb: int = setting(
        500, "`touchline check-nas` warns when NAS_OUTPUT_PATH has less free space, in GB.", low=0, high=1_000_000
    )
    prefetch_below_mb_s: int = setting(
        50, "A NAS that reads slower, in MB/s, has its recordings copied to SCRATCH_DIR first; 0: never.",
        low=0, high=100_000,
    )
    render_timeout_sec: int = setting(
        7200, "Longest time one ffmpeg run of a step may take, in seconds.", low=10, high=86_400
    )

    @property
    def catalogue_address(self) -> str:
        """URL of the catalogue's database, with the default filled in; it may hold a password.

        Raises:
            SettingError: CATALOGUE_URL_FILE cannot be read, or holds nothing.
        """
        if self.catalogue_url:
            return self.catalogue_url
        if self.catalogue_url_file:
            return _read_secret("CATALOGUE_URL_FILE", Path(self.catalogue_url_file))
        return f"sqlite:///{self.working_dir / 'catalogue.db'}"

    @property
    def wants_gpu(self) -> bool:
        """False only where the operator forbade the GPU."""
        return self.use_gpu != "false"


def _read_secret(name: str, path: Path) -> str:
    try:
        content = path.read_text().strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingError(f"{name}={path} cannot be read: {reason}") from None
    if not content or "\n" in content:
        raise SettingError(f"{name}={path} must hold one line: the address of the catalogue")
    return content


def _parse(name: str, text: str, kind: type, bounds: Mapping[str, Any]) -> Any:
    if issubclass(kind, Path):
        return _parse_path(name, text, known_model=bounds["known_model"])
    if kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            raise SettingError(f"{name}={text!r} is not a number: {_allowed(bounds)}") from None
        if not bounds["low"] <= number <= bounds["high"]:
            raise SettingError(f"{name}={text!r} is out of bounds: {_allowed(bounds)}")
        return number
    if bounds["choices"] and text.lower() not in bounds["choices"]:
        raise SettingError(f"{name}={text!r} is not known: {_allowed(bounds)}")
    return text.lower() if bounds["choices"] else text


def _parse_path(name: str, text: str, *, known_model: bool) -> Path:
    known = known_models() if known_model else {}
    path = SHIPPED_MODELS / text if text in known else Path(text)
    if not path.is_absolute():
        more = f", or one of {', '.join(known)}" if known else ""
        raise SettingError(f"{name}={text!r} is not an absolute path: give one that starts with /{more}")
    return path


def _allowed(bounds: Mapping[str, Any]) -> str:
    if bounds["choices"]:
        return "use one of " + ", ".join(bounds["choices"])
    return f"use {bounds['low']} to {bounds['high']}"
