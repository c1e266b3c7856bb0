"""What is to be made of which recording, and is it our turn? The first task of `process_match`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from touchline.catalogue import matches, reviews, runs
from touchline.catalogue.failures import columns_of
from touchline.errors import UsageError
from touchline.results.request import Request, save_request
from touchline.results.reviews import save_reviews
from touchline.settings import Settings
from touchline_airflow.books.leases import run_is_active
from touchline_airflow.capacity.disk_space import NoSpaceYetError, note_given_up, note_waiting, require_working
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import TaskFailedError, fail, failing_plainly
from touchline_airflow.hold.waiting import given_up, is_late, wait_while_held
from touchline_airflow.match.request import find_match, read_order

if TYPE_CHECKING:
    from airflow.sdk import Context


REFUSED = "failure"
"""Key of the XCom that says why a run could not begin, as the fields of a `Failure`."""


class OpenMatch(BaseSensorOperator):
    """Check what the run was asked for, register the match, take its lease; returns the match id.

    A second run of the same match waits here without taking a slot, and then reuses the finished work. So does a match
    that does not fit into WORKING_DIR.
    """

    ui_color = "#d5e5f0"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", **kwargs)

    def poke(self, context: Context) -> PokeReturnValue:
        """One try to take the match; `close_match` mails why it was refused."""
        try:
            with failing_plainly(self.log):
                return self._open(context, Settings.from_env())
        except TaskFailedError as error:
            context["ti"].xcom_push(REFUSED, asdict(error.failure))
            raise

    def _open(self, context: Context, settings: Settings) -> PokeReturnValue:
        address, run_id = settings.catalogue_address, context["run_id"]
        wait_while_held(context, self.log, settings.working_dir)
        request = find_match(read_order(context["params"], settings), settings)
        match_id = request.match_id
        if not self._fits(context, request, settings):
            return PokeReturnValue(is_done=False)
        holder = matches.take_lease(address, match_id, run_id, lambda other: run_is_active(context["ti"], other))
        if holder != run_id:
            self.log.info("Run %s works on %s: waiting for our turn", holder, match_id)
            return PokeReturnValue(is_done=False)
        save_request(request, settings)
        save_reviews(match_id, reviews.of_match(address, match_id), settings)
        runs.begin(address, run_id, match_id)
        matches.update(address, match_id, status="processing", **columns_of(None))
        self.log.info("Match %s is ours", match_id)
        return PokeReturnValue(is_done=True, xcom_value=match_id)

    def _fits(self, context: Context, request: Request, settings: Settings) -> bool:
        """Whether WORKING_DIR has room for the match; while it has none, the catalogue says what the match waits for.

        Raises:
            TaskFailedError: it never fits, or the run's time is over; the match has failed then, for this reason.
        """
        try:
            require_working(request, settings, DeploymentSettings.from_env())
            return True
        except NoSpaceYetError as error:
            self.log.info("%s", error)
            if not is_late(context):
                note_waiting(request.match_id, error.failure, settings)
                return False
            why = given_up(error.failure)
        except UsageError as error:
            why = error.failure
        note_given_up(request.match_id, why, settings)
        fail(self.log, why.reason, may_retry=False, cause=why.cause)
