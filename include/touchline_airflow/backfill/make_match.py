"""How does a night make one match? It waits for its turn, starts a run of `process_match` and waits for its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.external_task import DagStateTrigger
from airflow.sdk.exceptions import AirflowSkipException

from touchline.catalogue import matches, recordings
from touchline.domain.run_id import ingest_run_id, is_of_a_night, match_of_night, night_run_id
from touchline.results.fingerprint import match_fingerprint
from touchline.results.request import make_request
from touchline.settings import Settings
from touchline_airflow.backfill.airflow_run import night_of_run, note_outcome, wish_of
from touchline_airflow.backfill.night import not_now, over
from touchline_airflow.backfill.outdated import reels_of
from touchline_airflow.backfill.survey import BROKEN, DONE, LEFT, Judge, Told, Work
from touchline_airflow.backfill.turn import TurnTrigger
from touchline_airflow.books.leases import ACTIVE_STATES, PROCESS_MATCH, run_is_active, run_state
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.plain_fields import PlainFields

if TYPE_CHECKING:
    from airflow.sdk import Context

ENDED: list[Any] = ["success", "failed"]
POLL_SEC = 5


class MakeMatch(PlainFields, TriggerDagRunOperator):
    """Success: the match was published. Skipped: it was left alone. Failed: it is broken. The log's last line says why.

    Waits deferred, in its place in the pool: the pool's slots limit how many matches a night makes at once.
    A match is judged again when its turn comes, so that nothing is made twice.

    :param work: the match, as `Work.plain` gives it.
    """

    template_fields: Sequence[str] = ("work",)
    ui_color = "#d5e5f0"

    def __init__(self, *, work: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(trigger_dag_id=PROCESS_MATCH, skip_when_already_exists=True, wait_for_completion=True,
                         deferrable=True, poke_interval=POLL_SEC, openlineage_inject_parent_info=False, **kwargs)
        self.work = work

    @property
    def shown_name(self) -> str:
        """The match's day and its recording's name for the list of tasks."""
        return Work.from_plain(self.work).shown_name

    def execute(self, context: Context) -> None:
        """Start the match, or wait until it may be started."""
        with failing_plainly(self.log):
            settings, night = Settings.from_env(), night_of_run(context)
            self._leave_if(context, over(night, settings))
            reason = not_now(settings)
        if reason:
            self.log.info("Waiting: %s", reason)
            self.defer(trigger=TurnTrigger(night.plain()), method_name="take_turn")
        self._start(context, settings)

    def take_turn(self, context: Context, event: dict[str, Any]) -> None:
        """Go on after the wait."""
        self._leave_if(context, event["over"])
        self._start(context, Settings.from_env())

    def execute_complete(self, context: Context, event: Any) -> None:
        """Tell how the match's run ended, as the catalogue has it."""
        run_id = event[1]["run_ids"][0]
        match_id = match_of_night(run_id)
        with failing_plainly(self.log):
            match = matches.find(Settings.from_env().catalogue_address, match_id)
        if event[1].get(run_id) == "success":
            self._note(context, Told(DONE, match_id, "published"))
            self.log.info("%s is published", match_id)
            return
        self._break(context, match_id, (match and match.reason) or f"run {run_id} failed: read its log")

    def _start(self, context: Context, settings: Settings) -> None:
        with failing_plainly(self.log):
            if run_id := self._begun_before(context, settings):
                self.log.info("Run %s goes on already", run_id)
                self.defer(trigger=DagStateTrigger(PROCESS_MATCH, ENDED, [run_id], poll_interval=POLL_SEC),
                           method_name="execute_complete")
            work = self._judged_again(context, settings)
            match_id = self._match_id(context, work, settings)
            self._leave_if(context, self._at_work(context, match_id, settings), match_id)
            self.trigger_run_id = self._newest_run(context, match_id)[0]
            reels = list(reels_of(match_id, settings))
            self.conf = {"recording": work.recording, "match_id": match_id, "reels": reels}
            self.conf |= {"more_recordings": list(work.more)} if work.more else {}
        self.log.info("%s", work.line)
        # For a run that somebody else starts in this moment: Airflow skips the task then.
        self._note(context, Told(LEFT, match_id, f"run {self.trigger_run_id} was there already"))
        super().execute(context)

    def _begun_before(self, context: Context, settings: Settings) -> str | None:
        """The run of a night that makes this match now: begun by a try of this task that was killed, or by another."""
        row = recordings.find(settings.catalogue_address, self.work["recording"])
        match_id = self.work["match_id"] or (row and row.match_id)
        match = matches.find(settings.catalogue_address, match_id) if match_id else None
        holder = (match and match.lease_holder) or ""
        if is_of_a_night(holder) and run_is_active(context["ti"], holder):
            return holder
        run_id, state = self._newest_run(context, match_id) if match_id else ("", None)
        return run_id if state in ACTIVE_STATES else None

    def _judged_again(self, context: Context, settings: Settings) -> Work:
        work = Work.from_plain(self.work)
        found = Judge(wish_of(context), settings)(Path(work.recording), date.fromisoformat(work.day))
        if isinstance(found, Work):
            return replace(found, more=work.more) if found.is_new else found
        if found.outcome == BROKEN:
            self._break(context, found.match, found.line)
        self._leave_if(context, found.line, found.match)
        raise AssertionError("a match is work, broken or left alone")

    def _match_id(self, context: Context, work: Work, settings: Settings) -> str:
        """The match of this content; recordings that were never taken are written down as taken now."""
        if not work.is_new and work.match_id:
            return work.match_id
        address, paths = settings.catalogue_address, (work.recording, *work.more)
        request = make_request(list(map(Path, paths)))
        known = matches.find_content(address, match_fingerprint(request.fingerprints))
        status, reason = ("duplicate", f"has the same content as {known.recording}") if known else ("registered", None)
        match_id = known.match_id if known else request.match_id
        for path, content in zip(paths, request.fingerprints, strict=True):
            recordings.update(address, path, status=status, reason=reason, match_id=match_id, fingerprint=content)
        if known is None:
            return match_id
        self._leave_if(context, reason, Path(work.recording).name)
        raise AssertionError("a duplicate is left alone")

    def _at_work(self, context: Context, match_id: str, settings: Settings) -> str | None:
        """Who makes this match now, if anybody does."""
        match = matches.find(settings.catalogue_address, match_id)
        holders = (match.lease_holder, ingest_run_id(match_id, match.attempt)) if match else ()
        for run_id in filter(None, holders):
            if not is_of_a_night(run_id) and run_is_active(context["ti"], run_id):
                return f"run {run_id} works on it"
        return None

    def _newest_run(self, context: Context, match_id: str) -> tuple[str, str | None]:
        """The first id of ours that no ended run has, and the state of the run that goes on under it."""
        number = 1
        while (state := run_state(context["ti"], run_id := night_run_id(match_id, number))) in ENDED:
            number += 1
        return run_id, state

    def _note(self, context: Context, told: Told) -> None:
        note_outcome(context, self.work["recording"], told)

    def _leave_if(self, context: Context, reason: str | None, match: str = "") -> None:
        if reason:
            self._note(context, Told(LEFT, match or Path(self.work["recording"]).name, reason))
            self.log.info("%s", reason)
            raise AirflowSkipException(reason)

    def _break(self, context: Context, match: str, reason: str) -> NoReturn:
        self._note(context, Told(BROKEN, match, reason))
        fail(self.log, reason, may_retry=False)
