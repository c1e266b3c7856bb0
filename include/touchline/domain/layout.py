"""Where does every file live? Each path is derived from ids here and nowhere else."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

MATCH_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?-[0-9a-f]{12}")
CHUNK_ID = re.compile(r"chunk-[0-9]{4}")
_CHAPTERS = "chapters"
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def slug(text: str) -> str:
    """ASCII name of at most 48 characters from any text: "Été & fils 🎉" → "ete-fils"; never empty."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")[:48].strip("-") or "match"


def match_id(stem: str, fingerprint: str) -> str:
    """`<ascii-slug>-<fingerprint[:12]>`."""
    return f"{slug(stem)}-{fingerprint[:12]}"


def is_match_id(text: str) -> bool:
    """Whether the text has the form of a match id, and so is safe in a path and in argv."""
    return MATCH_ID.fullmatch(text) is not None


def is_chapter(path: Path, match_id: str) -> bool:
    """Whether a recording of a match is a chapter that touchline cut: the match is a provisional one then."""
    return path.parts[-3:-1] == (match_id, _CHAPTERS)


def work_root(path: Path) -> Path:
    """The folder of a setting below which a file of a match lies; of any other file the folder that holds it.

    WORKING_DIR for WORKING_DIR/matches/final-0123456789ab/reels/keeper.json and for WORKING_DIR/hold.json.
    """
    matches = next((folder.parent for folder in path.parents if is_match_id(folder.name)), path.parent)
    return matches.parent if matches.name == "matches" else path.parent


def gpu_leases(scratch_dir: Path) -> Path:
    """Folder of the lock files by which the steps of one host share its GPUs."""
    return scratch_dir / "gpu-leases"


def mail_notes(working_dir: Path) -> Path:
    """Folder of the notes on which alarm was mailed when."""
    return working_dir / "mail"


def hold_file(working_dir: Path) -> Path:
    """Who holds this deployment, since when and why; nothing starts while it is there."""
    return working_dir / "hold.json"


def accepted_costs(working_dir: Path) -> Path:
    """What a day or a run had cost when somebody let it go on beyond its limit."""
    return working_dir / "accepted-costs.json"


@dataclass(frozen=True)
class WorkFiles:
    """The small results of one match below WORKING_DIR, shared by all hosts."""

    working_dir: Path
    match_id: str

    @property
    def root(self) -> Path:  # noqa: D102
        return self.working_dir / "matches" / self.match_id

    @property
    def request(self) -> Path:
        """What was asked for: recordings, reels. Beside the match's folder: no step can write there."""
        return self.root.with_name(f"{self.match_id}.request.json")

    @property
    def reviews(self) -> Path:
        """What people decided about its actions. Beside the match's folder, as the request is."""
        return self.root.with_name(f"{self.match_id}.reviews.json")

    @property
    def probe(self) -> Path:  # noqa: D102
        return self.root / "probe.json"

    @property
    def scan(self) -> Path:  # noqa: D102
        return self.root / "scan.json"

    def probed(self, fingerprint: str) -> Path:
        """What `probe` found in one of several recordings, kept for when another one comes."""
        return self.root / "probed" / f"{fingerprint[:12]}.json"

    def scanned(self, fingerprint: str) -> Path:
        """What `scan` found in one of several recordings, kept for when another one comes."""
        return self.root / "scanned" / f"{fingerprint[:12]}.json"

    @property
    def chunks(self) -> Path:  # noqa: D102
        return self.root / "chunks.json"

    def spottings(self, chunk_id: str) -> Path:
        """Result of one chunk; chunk_id as in `Chunk.chunk_id`."""
        return self.root / "spottings" / f"{chunk_id}.json"

    @property
    def actions(self) -> Path:  # noqa: D102
        return self.root / "actions.json"

    @property
    def reels(self) -> Path:
        """Which clips make which reel."""
        return self.root / "reels.json"

    def reel_video(self, name: str) -> Path:  # noqa: D102
        return self.root / "reels" / f"{name}.mp4"

    def reel(self, name: str) -> Path:
        """Result beside the reel's video: digest, frame count, clips."""
        return self.root / "reels" / f"{name}.json"

    def thumbnails(self, name: str) -> Path:
        """Folder with one JPEG per clip of a reel."""
        return self.root / "reels" / f"{name}.thumbnails"

    @property
    def published(self) -> Path:  # noqa: D102
        return self.root / "published.json"

    @property
    def growing(self) -> Path:
        """Of a recording that is still written: which chapters were cut from it."""
        return self.root / "growing.json"

    def chapter(self, name: str) -> Path:
        """One of these chapters; its name as in `growing`."""
        return self.root / _CHAPTERS / name


@dataclass(frozen=True)
class ScratchFiles:
    """Large intermediate files of one match below SCRATCH_DIR: of this host only, gone when the run ends."""

    scratch_dir: Path
    match_id: str

    @property
    def root(self) -> Path:  # noqa: D102
        return self.scratch_dir / "matches" / self.match_id

    def clip(self, clip_id: str, fingerprint: str, suffix: str = ".mkv") -> Path:
        """One rendered clip; the fingerprint names its inputs, so that a changed encoding is another file."""
        return self.root / "clips" / f"{clip_id}-{fingerprint[:12]}{suffix}"


    def recording(self, fingerprint: str) -> Path:
        """The copy of one recording; it is whole when it is there."""
        return self.root / "recordings" / fingerprint[:12]


@dataclass(frozen=True)
class HostFiles:
    """What was measured on one host, below WORKING_DIR, where all hosts can read it."""

    working_dir: Path
    host: str

    @property
    def root(self) -> Path:  # noqa: D102
        return self.working_dir / "hosts" / self.host

    @property
    def nas(self) -> Path:
        """The figures of the last `check-nas`."""
        return self.root / "nas.json"


@dataclass(frozen=True)
class MatchFolder:
    """The published folder of one match: `$NAS_OUTPUT_PATH/<match_id>/`."""

    output_dir: Path
    match_id: str

    @property
    def root(self) -> Path:  # noqa: D102
        return self.output_dir / self.match_id

    @property
    def manifest(self) -> Path:
        """Sha256 of every file; its rename is the commit."""
        return self.root / "manifest.json"

    @property
    def failure(self) -> Path:
        """The one-line reason of a match that failed: `FAILED.txt`."""
        return self.root / "FAILED.txt"

    @property
    def versions(self) -> Path:
        """Files under versioned names, which a reader may hold open."""
        return self.root / ".versions"
