"""How does Airflow learn when a run of ours is late, and what does it call then?

Imports airflow: for DAG files and plugins/deadlines.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import AsyncCallback, BaseDeadlineReference, DeadlineAlert

from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.late.due import NewRun, due

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CALLBACK = "touchline_airflow.late.callback.tell_late"

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Due(BaseDeadlineReference):
    """The moment at which a run is late, by the rule of its DAG; evaluated once, when the run is created."""

    rule: str = "process_match"
    required_kwargs = frozenset({"dag_id", "run_id"})

    def serialize_reference(self) -> dict[str, Any]:
        """As Airflow keeps it."""
        return {"reference_type": self.reference_name, "rule": self.rule}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> Due:
        """Back from what Airflow keeps."""
        return cls(reference_data["rule"])

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        """Runs in the scheduler and in the API server; None: the run has no deadline, as those of a backfill."""
        from airflow.models import DagRun
        from sqlalchemy import select

        try:
            wanted = select(DagRun.conf, DagRun.run_type).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
            conf, kind = session.execute(wanted).one()
            run = NewRun(run_id, str(getattr(kind, "value", kind)), conf or {})
            return due(self.rule, run, datetime.now(UTC), DeploymentSettings.from_env())
        except Exception:  # a run must not be refused because nobody can say when it is late
            log.exception("This run gets no deadline", dag_id=dag_id, run_id=run_id)
            return None


def deadline(dag_id: str) -> DeadlineAlert:
    """The deadline of one of our DAGs, by `due.RULES`; its callback runs in the triggerer."""
    return DeadlineAlert(Due(dag_id), timedelta(0), AsyncCallback(CALLBACK), name=f"{dag_id} is late")
