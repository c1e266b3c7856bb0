"""Which tables and columns are there?

Times are integers in milliseconds since 1970 (`*_at_ms`), which compare the same in every database. The tables here
are those of revision `HEAD`; `migrations/` holds the way up and down.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

from touchline.domain.text import shown

HEAD = "0009"

MATCH_STATUSES = ("registered", "processing", "published", "failed", "bad")
RECORDING_STATUSES = ("waiting", "bad", "complete", "registered", "duplicate")

metadata = MetaData()


class Shown(TypeDecorator[str]):
    """A text for a person that may come from outside: written as `domain.text.shown` gives it.

    PostgreSQL takes no NUL, and one text that cannot be written must not keep a match open.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it goes into the database."""
        return None if value is None else shown(value)


matches = Table(
    "matches", metadata,
    Column("match_id", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("recording", Text, nullable=False),
    Column("title", Shown),
    Column("status", String(16), nullable=False),
    Column("reason", Shown),
    Column("duration_ms", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("lease_holder", String(250)),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("prefetched_on", Text),
    Column("cause", String(16)),
    Column("sources", Text),
    Index("matches_by_status", "status"),
)
"""One row per match; `fingerprint` is that of its content, so one content is one match under any name.

`recording` is its first one. `sources`: of a match of several, [[path, fingerprint], …] in the order of play as JSON.

`reason`, `cause`: why it failed, for a person and as one of `errors.CAUSES`. `pinned`: the retention leaves it alone.
`prefetched_on`: the host whose SCRATCH_DIR holds its recordings.
"""

recordings = Table(
    "recordings", metadata,
    Column("path", Text, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("tail_digest", String(64), nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("still_since_ms", BigInteger, nullable=False),
    Column("checked_at_ms", BigInteger),
    Column("status", String(16), nullable=False),
    Column("reason", Shown),
    Column("match_id", String(64)),
    Column("ctime_ns", BigInteger),
    Column("gone_since_ms", BigInteger),
    Column("duration_ms", BigInteger),
    Column("fingerprint", String(64)),
    Index("recordings_by_match", "match_id"),
)
"""One row per file that was seen on the mount. `still_since_ms`: first look at which it was as it is now.

A `complete` one was checked and waits for the others of its match. `duration_ms`, `fingerprint`: since then.
`ctime_ns`: the NAS's own note of when the file last changed, whatever its mtime says; only of what is not yet taken.
`gone_since_ms`: when it was missed first, while its folder could be read.
"""

runs = Table(
    "runs", metadata,
    Column("run_id", String(250), primary_key=True),
    Column("match_id", String(64), ForeignKey("matches.match_id", ondelete="CASCADE"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Shown),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("working_since_ms", BigInteger),
    Column("worked_ms", BigInteger, nullable=False, server_default="0"),
    Column("failure_counted", Boolean, nullable=False, server_default=false()),
    Column("cause", String(16)),
    Index("runs_by_match", "match_id"),
)
"""One row per run of a match: running, published or failed.

A run works in stretches: from its start, or from the first task that was cleared after an end, to the next end.
`started_at_ms`: its first start. `ended_at_ms`: the last end of a stretch in which something was computed.
`working_since_ms`: start of the stretch that goes on. `worked_ms`: all ended stretches in which something was computed,
without the gaps between them. `failure_counted`: the metrics know that it failed. `reason`, `cause`: as in `matches`.
"""

publications = Table(
    "publications", metadata,
    Column("match_id", String(64), ForeignKey("matches.match_id", ondelete="CASCADE"), primary_key=True),
    Column("manifest", String(64), primary_key=True),
    Column("run_id", String(250), nullable=False),
    Column("published_at_ms", BigInteger, nullable=False),
    Column("worked_ms", BigInteger, nullable=False),
    Column("is_whole", Boolean, nullable=False),
    Column("conditions", String(16), nullable=False),
    Index("publications_by_time", "published_at_ms"),
)
"""One row per result that a match was published with: the metrics have counted it.

`manifest`: sha256 of the manifest; empty for what an earlier release published. `run_id`, `worked_ms`: the run that
published it first, and how long that had worked. `is_whole`: that run computed everything itself, so its time says
how long such a match takes. `conditions`: digest of the models and settings on which the time depends.
"""

stage_times = Table(
    "stage_times", metadata,
    Column("run_id", String(250), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("part", String(64), primary_key=True),
    Column("wall_ms", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("reason", Shown),
    Column("stats", Text),
    Column("spent_ms", BigInteger, nullable=False, server_default="0"),
    Column("noted_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("cause", String(16)),
    Index("stage_times_by_time", "noted_at_ms"),
)
"""The last attempt of each stage (and part: chunk or reel, else empty): how long, and why it failed if it did.

`spent_ms`: all attempts together. `noted_at_ms`: when the last one ended. An attempt that found the work done, or that
waited, has spent nothing and changes neither of them, nor `wall_ms`. `reason`, `cause`: as in `matches`.
"""

actions = Table(
    "actions", metadata,
    Column("match_id", String(64), ForeignKey("matches.match_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("match_ms", BigInteger, nullable=False),
    Column("half", Integer, nullable=False),
    Column("position_ms", BigInteger, nullable=False),
    Column("label", String(40), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("source", String(16), nullable=False),
    Index("actions_by_label", "label"),
)
"""The accepted actions of a match in order of time, counted from 0."""

reels = Table(
    "reels", metadata,
    Column("match_id", String(64), ForeignKey("matches.match_id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("clips", Integer, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("sha256", String(64)),
    Column("size_bytes", BigInteger, nullable=False),
)
"""The reels of a match; a reel without clips has no frames and no digest."""

reviews = Table(
    "reviews", metadata,
    Column("match_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("review_id", String(64), nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Shown, nullable=False),
    Column("before_ms", BigInteger),
    Column("before_label", String(40)),
    Column("after_ms", BigInteger),
    Column("after_label", String(40)),
    Column("team", String(8)),
    Column("player", Shown),
    Column("undoes", String(64)),
)
"""What people decided about the actions of a match, in order, counted from 1; the fields of `domain.review.Review`.

Rows are only added. They outlive the row of their match: a match that is registered again has the same id.
"""

backups = Table(
    "backups", metadata,
    Column("backup_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("checked_at_ms", BigInteger),
    Column("restored_at_ms", BigInteger),
    Column("status", String(16), nullable=False),
    Column("reason", Shown),
    Index("backups_by_time", "made_at_ms"),
)
"""One row per backup (kind: hourly, daily, weekly): when it was made, checked, and restored into an empty place."""
