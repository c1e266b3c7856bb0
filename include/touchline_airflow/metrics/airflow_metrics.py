"""Which of Airflow's own metrics do we keep, and under which names? Patterns of the wire, with a `*` for each label.

StatsD knows no labels, so those of Airflow's older names are taken, which carry them (`[metrics] legacy_names_on`).
Whatever is not listed is dropped: some names end in a job's id and would grow for ever.
"""

from __future__ import annotations

from typing import Any

from touchline_airflow.metrics.metric import Counter, Gauge, Histogram, Metric

_MOMENT_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30)
_WAIT_BUCKETS = (1, 5, 15, 60, 300, 900, 3600)
_RUN_BUCKETS = (5, 30, 120, 600, 1800, 3600, 14_400)

AIRFLOW: dict[str, Metric] = {
    # The scheduler and its like.
    "airflow.scheduler_heartbeat": Counter(
        "airflow_scheduler_heartbeat_total", "beats", "Signs of life of the scheduler."),
    "airflow.dag_processor_heartbeat": Counter(
        "airflow_dag_processor_heartbeat_total", "beats", "Signs of life of the DAG processor."),
    "airflow.triggerer_heartbeat": Counter(
        "airflow_triggerer_heartbeat_total", "beats", "Signs of life of the triggerer."),
    "airflow.scheduler.scheduler_loop_duration": Histogram(
        "airflow_scheduler_loop_seconds", "seconds", "One round of the scheduler.", (), _MOMENT_BUCKETS),
    "airflow.scheduler.tasks.executable": Gauge(
        "airflow_tasks_executable", "tasks", "Tasks that can go to the executor at once."),
    "airflow.scheduler.tasks.starving": Gauge(
        "airflow_tasks_starving", "tasks", "Tasks that wait because their pool is full."),
    "airflow.scheduler.dagruns.running": Gauge("airflow_dag_runs_running", "runs", "DAG runs that run."),
    "airflow.scheduler.tasks.killed_externally": Counter(
        "airflow_tasks_killed_total", "tasks", "Tasks whose process ended without a word."),
    "airflow.task_instances_without_heartbeats_killed": Counter(
        "airflow_tasks_without_heartbeat_total", "tasks", "Tasks whose worker gave no sign of life any more."),
    "airflow.scheduler.orphaned_tasks.*": Counter(
        "airflow_orphaned_tasks_total", "tasks", "Tasks of a scheduler that died: cleared or adopted.", ("how",)),
    "airflow.executor.*": Gauge(
        "airflow_executor", "slots or tasks", "open_slots, queued_tasks and running_tasks of the executor.", ("what",)),
    "airflow.dag_processing.import_errors": Gauge("airflow_import_errors", "files", "DAG files that cannot be read."),
    "airflow.dag_processing.total_parse_time": Gauge(
        "airflow_parse_seconds", "seconds", "What it takes to read all DAG files."),
    # Pools: open_slots, running_slots, queued_slots, scheduled_slots, deferred_slots, starving_tasks.
    "airflow.pool.*.*": Gauge(
        "airflow_pool", "slots or tasks", "Slots of a pool by state, and tasks that it starves.", ("what", "pool")),
    # Tasks and runs.
    "airflow.ti.finish.*.*.*": Counter(
        "airflow_tasks_finished_total", "tasks", "Tasks that ended, by state.", ("dag", "task", "state")),
    "airflow.ti.deferred.*.*.*": Gauge(
        "airflow_tasks_deferred", "tasks", "Tasks that wait in the triggerer.", ("queue", "dag", "task")),
    # Airflow has a `queued_duration` as well, and does not send it any more.
    "airflow.dag.*.*.scheduled_duration": Histogram(
        "airflow_task_scheduled_seconds", "seconds", "How long a task that could begin waited for a slot of its pool.",
        ("dag", "task"), _WAIT_BUCKETS),
    "airflow.dagrun.duration.*.*": Histogram(
        "airflow_dag_run_seconds", "seconds", "From the start of a DAG run to its end.", ("outcome", "dag"),
        _RUN_BUCKETS),
    # Triggers and deadlines.
    "airflow.triggers.running.*": Gauge("airflow_triggers_running", "triggers", "Triggers that run.", ("triggerer",)),
    "airflow.triggers.failed": Counter("airflow_triggers_failed_total", "triggers", "Triggers that failed."),
    "airflow.triggers.blocked_main_thread": Counter(
        "airflow_triggers_blocking_total", "times", "A trigger held up all others of its triggerer."),
    "airflow.deadline_alerts.*": Counter(
        "airflow_deadlines_total", "deadlines", "deadline_created, deadline_missed, deadline_not_missed.", ("what",)),
    # Celery.
    "airflow.celery.task_timeout_error": Counter(
        "airflow_celery_timeouts_total", "tasks", "Tasks that Redis did not take in time."),
    "airflow.celery.execute_command.failure": Counter(
        "airflow_celery_failures_total", "tasks", "Tasks whose command ended with an error."),
}

DROP_THE_REST: dict[str, Any] = {"match": r"airflow\..*", "match_type": "regex", "action": "drop", "name": "dropped"}
"""The exporter looks at it after all patterns with `*`."""
