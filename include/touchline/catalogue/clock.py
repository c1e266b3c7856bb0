"""Does a moment in the catalogue lie in the future? The clock ran ahead when it was written, and was set back since.

Nothing that waits for such a moment to be some time ago may wait until the clock gets there: it counts as now. What
belongs to the backups is left as it is: they have names with the time in them.
"""

from __future__ import annotations

import re

from sqlalchemy import func, select

from touchline.catalogue.connection import now_ms, reading, writing
from touchline.catalogue.schema import backups, metadata

MOMENTS = tuple(column for table in metadata.sorted_tables if table is not backups for column in table.columns
                if re.search(r"_(at|since|seen)_ms$", column.name))
"""By their names, as `schema` gives them: `updated_at_ms`, `still_since_ms`, `first_seen_ms`."""


def bring_back(url: str, moment_ms: int | None = None) -> int:
    """Write down that moments in the future are now; returns how many there were."""
    moment = now_ms() if moment_ms is None else moment_ms
    with reading(url) as connection:
        latest = connection.execute(select(*(select(func.max(column)).scalar_subquery() for column in MOMENTS))).one()
    ahead = [column for column, found in zip(MOMENTS, latest, strict=True) if found is not None and found > moment]
    if not ahead:
        return 0
    with writing(url) as connection:
        return sum(connection.execute(column.table.update().where(column > moment).values({column.name: moment}))
                   .rowcount for column in ahead)
