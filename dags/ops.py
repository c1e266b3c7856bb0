"""Hold everything, let it go on, or see how things are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.ops.task import Ops

DOC = """
### What it makes
`pause`: steps that run come to their end, nothing new starts. `halt`: steps that run are ended within seconds as well.
`resume`: everything goes on, each match from its last finished chunk. `status`: nothing; who holds it since when and
why, what waits, budgets and the cost of today are in the XCom `report`, as after every action. The same on the
command line: `touchline-ops` (docs/how-to/hold-and-go.md).

### When it runs
By hand: *Trigger*, with an action. It takes seconds, also when all workers are busy: it runs in the triggerer. Worry
when it takes a minute: then the triggerer or the scheduler is away.

### If it fails
The XCom `report` says why: mostly `WORKING_DIR` or the catalogue is away. The hold itself is the file `hold.json` in
`WORKING_DIR`: while it is there, nothing starts; removed by hand, everything goes on.

### Safe to rerun?
Yes, at any time: what is held stays held, what goes on goes on.
"""

PARAMS: dict[str, Any] = {
    "action": Param("status", type="string", enum=["status", "pause", "halt", "resume"], title="Action"),
    "why": Param("", type="string", maxLength=200, title="Why", description="For those who find everything held."),
    "who": Param("somebody in Airflow", type="string", minLength=1, maxLength=80, title="Who"),
}


@dag(schedule=None, start_date=START_DATE, catchup=False, max_active_runs=16, default_args=DEFAULT_ARGS, params=PARAMS,
     tags=[*TAGS, "upkeep"], doc_md=DOC, dagrun_timeout=timedelta(minutes=5))
def ops() -> None:
    """One task."""
    Ops(task_id="ops", action="{{ params.action }}", who="{{ params.who }}", why="{{ params.why }}", retries=0,
        execution_timeout=timedelta(minutes=2))


ops()
