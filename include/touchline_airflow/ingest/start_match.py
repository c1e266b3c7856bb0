"""How does the ingest start the run of a match? From its id alone: all else comes from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from touchline.catalogue import matches
from touchline.domain.run_id import ingest_run_id
from touchline.settings import Settings
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.ingest.register import run_conf
from touchline_airflow.plain_fields import PlainFields

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartMatch(PlainFields, TriggerDagRunOperator):
    """Start the run of `process_match` for a registered match; skipped where it is there already.

    :param match_id: id of the match.
    """

    template_fields: Sequence[str] = ("match_id",)

    def __init__(self, *, match_id: str, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id=PROCESS_MATCH, skip_when_already_exists=True,
                         openlineage_inject_parent_info=False, **kwargs)
        self.match_id = match_id

    def execute(self, context: Context) -> None:
        """Start it as the catalogue has it now."""
        with failing_plainly(self.log):
            settings = Settings.from_env()
            match = matches.find(settings.catalogue_address, self.match_id)
            if match is None:
                fail(self.log, f"the catalogue has no match {self.match_id!r}", may_retry=False)
            if match.status != "registered":
                raise AirflowSkipException(f"{self.match_id} is {match.status}: its run is not started")
            self.trigger_run_id, self.conf = ingest_run_id(match.match_id, match.attempt), run_conf(match, settings)
        super().execute(context)
