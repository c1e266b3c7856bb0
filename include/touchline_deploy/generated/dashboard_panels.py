"""What do the three dashboards show? Panels as data; dashboards.py makes Grafana's JSON of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Look = Literal["number", "lines", "stacked"]


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and what its series are called: `{{label}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`width` of 24; `unit` as Grafana names them."""

    title: str
    unit: str
    look: Look
    queries: tuple[Query, ...]
    meaning: str = ""
    width: int = 8


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels under headings."""

    name: str
    purpose: str
    rows: dict[str, tuple[Panel, ...]]


def grown(metric: str, window: str) -> str:
    """How much a counter grew; a series that is born within the window counts whole, which increase() does not see."""
    return f"(({metric} unless last_over_time({metric}[1w] offset {window})) or increase({metric}[{window}]))"


def mean(histogram: str, label: str, window: str = "6h") -> str:
    """Mean of what a histogram measured within the window, for each value of a label."""
    by = f" by ({label})" if label else ""
    seconds, count = (f"sum{by} ({grown(histogram + ending, window)})" for ending in ("_sum", "_count"))
    return f"{seconds} / ({count} > 0)"


def quantile(part: float, histogram: str, label: str = "", window: str = "6h") -> str:
    """What all but a part of a histogram's measurements stay below."""
    return f"histogram_quantile({part}, sum by ({', '.join(filter(None, ('le', label)))}) " \
           f"({grown(histogram + '_bucket', window)}))"


def per(label: str, expression: str, how: str = "sum") -> Query:
    """One series for each value of a label, named by it; of several labels all are named."""
    names = " ".join(f"{{{{{name.strip()}}}}}" for name in label.split(","))
    return Query(f"{how} by ({label}) ({expression})", names)


def number(title: str, unit: str, expr: str, meaning: str = "", width: int = 4) -> Panel:
    """One big number."""
    return Panel(title, unit, "number", (Query(expr),), meaning, width)


def lines(title: str, unit: str, *queries: Query, meaning: str = "", width: int = 8) -> Panel:
    """One line for each series."""
    return Panel(title, unit, "lines", queries, meaning, width)


def stacked(title: str, unit: str, *queries: Query, meaning: str = "", width: int = 8) -> Panel:
    """Areas on top of each other."""
    return Panel(title, unit, "stacked", queries, meaning, width)


ALERTS_FIRING = number("Alerts", "none", 'count(ALERTS{alertstate="firing"}) or vector(0)',
                       "Alerts that fire now: docs/runbooks has a page for each.")

MATCHES = Board("matches", "What becomes of matches, and how fast.", {
    "Now": (
        number("Running", "none", "sum(pipeline_jobs_running)"),
        number("Waiting", "none", "sum(pipeline_queue_depth)"),
        number("The first one waits", "s", "max(pipeline_queue_longest_wait_seconds)"),
        number("Failed within a day", "percentunit", "touchline:failure_ratio:1d",
               "Without bad recordings and what somebody stopped."),
        number("Held", "bool_yes_no", "max(pipeline_paused)"),
        ALERTS_FIRING,
    ),
    "Matches": (
        stacked("Matches within an hour", "none", per("outcome", grown("pipeline_jobs_total", "1h")),
                Query("sum(pipeline_jobs_running)", "running")),
        lines("Time per match", "s", Query(mean("pipeline_match_duration_seconds", "outcome"), "mean, {{outcome}}"),
              Query(quantile(0.9, "pipeline_match_duration_seconds"), "nine of ten are below")),
        lines("Speed", "none", Query("max(last_over_time(pipeline_match_speed_ratio[1d]))", "times real time"),
              Query("max(last_over_time(pipeline_match_took_ratio[1d]))", "time against the usual"),
              meaning="Of the match that was published last."),
        lines("Time to a reel", "s", Query(mean("pipeline_job_duration_seconds", "reel_kind"), "{{reel_kind}}")),
        stacked("Failures within a day", "none", per("reason", "touchline:jobs_failed:increase1d")),
        stacked("Actions within a day", "none", per("label", grown("pipeline_events_detected_total", "1d"))),
    ),
    "Steps": (
        lines("Time per task", "s", Query(mean("pipeline_stage_duration_seconds", "stage"), "{{stage}}")),
        lines("Speed of steps", "none", per("stage", "last_over_time(pipeline_stage_speed_ratio[6h])", "avg"),
              meaning="Times real time, of the last task."),
        stacked("Tries within a day that were not the first, or failed", "none",
                Query(f"sum by (stage) ({grown('pipeline_stage_retries_total', '1d')})", "retry {{stage}}"),
                Query(f"sum by (stage) ({grown('pipeline_stage_failures_total', '1d')})", "failure {{stage}}")),
    ),
    "Queue": (
        lines("Matches", "none", Query("sum(pipeline_queue_depth)", "waiting"),
              Query("sum(pipeline_jobs_running)", "running"),
              Query("sum(pipeline_backfill_pending)", "for the night")),
        lines("The first one waits", "s", Query("max(pipeline_queue_longest_wait_seconds)", "longest")),
        lines("Tasks that wait for a worker", "none", per("queue", "pipeline_tasks_queued")),
    ),
    "Cost": (
        lines("A match", "none", Query("max(last_over_time(pipeline_match_cost[1d]))", "the last one"),
              Query('max by (limit) (pipeline_cost_limit{limit=~"match_.*"})', "{{limit}}")),
        lines("Today", "none", Query("max(pipeline_cost_today)", "so far"),
              Query('max by (limit) (pipeline_cost_limit{limit="day_stop"})', "{{limit}}")),
        stacked("Of one day", "none", Query(f"sum({grown('pipeline_cost_total', '1d')})", "cost"),
                Query(f"sum({grown('pipeline_gpu_seconds_total', '1d')}) / 3600", "hours of chunks")),
    ),
    "Told and set right, within a day": (
        stacked("Deadlines missed", "none", per("dag", grown("pipeline_deadlines_missed_total", "1d"))),
        stacked("Mails", "none", per("kind, outcome", grown("pipeline_mails_total", "1d"))),
        stacked("Stuck work", "none", per("what", grown("pipeline_stuck_total", "1d"))),
    ),
})

MACHINES = Board("machines", "GPUs, processors, NAS, disks, workers, databases.", {
    "Now": (
        number("Workers that answer", "none", "sum(pipeline_worker_up)"),
        number("Machines without figures", "none",
               "count(time() - max by (host) (max_over_time(pipeline_sampled_timestamp_seconds[1d])) > 120) "
               "or vector(0)"),
        number("NAS reached by all", "bool_yes_no", "min(pipeline_nas_up)"),
        number("Fullest disk", "percentunit", "max(1 - pipeline_disk_free_bytes / pipeline_disk_bytes)"),
        number("Newest backup", "s", "max(pipeline_backup_age_seconds)"),
        ALERTS_FIRING,
    ),
    "GPU and processor": (
        lines("GPU in use", "percent", per("host, gpu", "pipeline_gpu_utilization_percent", "max")),
        lines("Memory of GPUs", "percentunit",
              per("host, gpu", "pipeline_gpu_memory_used_bytes / pipeline_gpu_memory_bytes", "max")),
        lines("Processor in use", "percent", per("host", "pipeline_cpu_utilization_percent", "max")),
        lines("Memory", "percentunit", per("host", "pipeline_memory_used_bytes / pipeline_memory_bytes", "max")),
        lines("Workers", "bool_yes_no", per("host, worker", "pipeline_worker_up", "min")),
        lines("Age of figures", "s", per("host", "time() - pipeline_sampled_timestamp_seconds", "max")),
    ),
    "NAS and disks": (
        lines("NAS, sequential", "Bps",
              Query("max by (host) (pipeline_nas_read_bytes_per_second)", "read {{host}}"),
              Query("max by (host) (pipeline_nas_write_bytes_per_second)", "write {{host}}"),
              meaning="As check_nas measured it last; it runs every hour."),
        lines("NAS, to open a recording", "s", per("host", "pipeline_nas_read_latency_seconds", "max")),
        lines("NAS reached", "bool_yes_no", per("host", "pipeline_nas_up", "min")),
        lines("Disks in use", "percentunit",
              per("host, mount", "1 - pipeline_disk_free_bytes / pipeline_disk_bytes", "max"), width=12),
        lines("Free", "bytes", per("host, mount", "pipeline_disk_free_bytes", "min"), width=12),
    ),
    "Databases and backups": (
        lines("PostgreSQL's connections", "none", Query("max(pipeline_postgres_connections)", "taken"),
              Query("max(pipeline_postgres_max_connections)", "at most")),
        lines("Slow statements", "none", per("database", "pipeline_postgres_slow_queries", "max")),
        lines("Rows that wait for VACUUM", "percentunit", per("database", "pipeline_postgres_dead_rows_ratio", "max")),
        lines("Size", "bytes", per("database", "pipeline_postgres_size_bytes", "max")),
        lines("Age", "s", Query("max(pipeline_backup_age_seconds)", "newest backup"),
              Query("max(pipeline_trial_restore_age_seconds)", "last trial restore")),
        lines("Last trial restore went well", "bool_yes_no", Query("min(pipeline_trial_restore_ok)", "went well")),
    ),
})

_TROUBLE = {"killed": "airflow_tasks_killed_total", "without a sign of life": "airflow_tasks_without_heartbeat_total",
            "orphaned": "airflow_orphaned_tasks_total", "Redis too slow": "airflow_celery_timeouts_total",
            "ended with an error": "airflow_celery_failures_total"}

AIRFLOW = Board("airflow", "Scheduler, pools, deadlines, what is deferred.", {
    "Now": (
        number("Runs", "none", "sum(airflow_dag_runs_running)"),
        number("Tasks at work", "none", 'sum(airflow_executor{what="running_tasks"})'),
        number("Tasks that starve", "none", "sum(airflow_tasks_starving)", "Their pool is full."),
        number("Deferred", "none", "sum(airflow_tasks_deferred) or vector(0)"),
        number("DAG files that cannot be read", "none", "sum(airflow_import_errors)"),
        ALERTS_FIRING,
    ),
    "Scheduler": (
        lines("Signs of life per minute", "none",
              *(Query(f"60 * sum(rate(airflow_{part}_heartbeat_total[2m]))", part.replace("_", " "))
                for part in ("scheduler", "dag_processor", "triggerer"))),
        lines("One round of the scheduler", "s", Query(quantile(0.95, "airflow_scheduler_loop_seconds", window="10m"),
                                                       "19 of 20 are below")),
        lines("Tasks wait for a slot", "s", Query(quantile(0.9, "airflow_task_scheduled_seconds", "dag", "1h"),
                                                  "{{dag}}"), meaning="Nine of ten are below."),
        lines("Executor", "none", per("what", "airflow_executor")),
        stacked("Tasks that ended within an hour", "none", per("state", grown("airflow_tasks_finished_total", "1h"))),
        lines("Time to read all DAG files", "s", Query("max(airflow_parse_seconds)", "all files")),
    ),
    "Pools": (
        lines("Slots at work", "none", per("pool", 'pipeline_pool_slots{state="running"}')),
        lines("Part of the slots at work", "percentunit",
              Query('sum by (pool) (pipeline_pool_slots{state="running"}) '
                    '/ (sum by (pool) (pipeline_pool_slots{state="total"}) > 0)', "{{pool}}")),
        lines("Tasks that wait for a slot", "none", per("pool", 'airflow_pool{what=~"queued_slots|scheduled_slots"}')),
    ),
    "Runs, deadlines, what is deferred": (
        lines("Time per run", "s", Query(mean("airflow_dag_run_seconds", "dag"), "{{dag}}")),
        stacked("Deadlines within a day", "none",
                Query(f"sum by (what) ({grown('airflow_deadlines_total', '1d')})", "{{what}}")),
        lines("Deferred", "none", Query("sum by (dag) (airflow_tasks_deferred)", "{{dag}}"),
              Query("sum(airflow_triggers_running)", "triggers")),
        stacked("Tasks that did not end by themselves, within a day", "none",
                *(Query(f"sum({grown(metric, '1d')}) or vector(0)", name) for name, metric in _TROUBLE.items()),
                width=12),
        stacked("Triggers within a day", "none",
                *(Query(f"sum({grown(f'airflow_triggers_{what}_total', '1d')}) or vector(0)", what)
                  for what in ("failed", "blocking")), width=12),
    ),
})

BOARDS = (MATCHES, MACHINES, AIRFLOW)
