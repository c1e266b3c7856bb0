"""Which metrics do we send? From this table come the sending functions, the exporter's mapping and docs/metrics.md.

Values of `host`, `queue`, `pool`, `stage`, `reel_kind` and `label` are the names that the rest of touchline uses, as
slugs: "Shots on target" is `shots_on_target`.
"""

from __future__ import annotations

from touchline_airflow.metrics.metric import Counter, Gauge, Histogram, Metric

_MATCH_BUCKETS = (30, 60, 120, 240, 480, 600, 900, 1800, 3600, 7200, 14_400, 28_800)
_STAGE_BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

# What became of matches.
JOB_DURATION = Histogram("pipeline_job_duration_seconds", "seconds",
                         "How long the run of a match had worked when it published a new result, once for each reel.",
                         ("reel_kind",), _MATCH_BUCKETS)
MATCH_DURATION = Histogram("pipeline_match_duration_seconds", "seconds",
                           "How long a run of process_match had worked when it was counted: from its start to its end, "
                           "and once more from a task that was cleared and computed something to the next end.",
                           ("outcome",), _MATCH_BUCKETS)
MATCH_SPEED = Gauge("pipeline_match_speed_ratio", "times real time",
                    "Length of the match that last got a new result, divided by how long its run had worked.")
MATCH_TOOK = Gauge("pipeline_match_took_ratio", "times the usual",
                   "How long the run of the match that last got a new result had worked, divided by what is normal: "
                   "the median of the last 20 results of matches of like length, with the same models and settings.")
JOBS = Counter("pipeline_jobs_total", "runs", "Matches published, once for each result (a run that published the same "
               "again does not count), and runs of process_match that failed, once for each run.", ("outcome",))
JOBS_FAILED = Counter("pipeline_jobs_failed_total", "runs",
                      "Those that failed: because of the recording, the storage, a setting or the request (setting), "
                      "by hand (stopped), or all else (infrastructure).", ("reason",))
EVENTS = Counter("pipeline_events_detected_total", "actions",
                 "Actions in matches that were published, once for each result.", ("label",))
COST = Counter("pipeline_cost_total", "currency",
               "What matches cost at the rates of the settings; a try that found its work done costs nothing.")
MATCH_COST = Gauge("pipeline_match_cost", "currency", "What the match that ended last cost, failed ones too.")
GPU_SECONDS = Counter("pipeline_gpu_seconds_total", "seconds", "Time of chunks on a GPU, or on the CPU in its place.")
COST_TODAY = Gauge("pipeline_cost_today", "currency", "What the runs that ended since midnight UTC cost.")
COST_LIMIT = Gauge("pipeline_cost_limit", "currency",
                   "COST_PER_MATCH_WARN (match_warn), COST_PER_MATCH_LIMIT (match_stop), COST_PER_DAY_LIMIT "
                   "(day_stop). Not sent where it is 0.", ("limit",))

# Steps.
STAGE_DURATION = Histogram("pipeline_stage_duration_seconds", "seconds", "What one try of a step took; one that "
                           "found its work done does not count.", ("stage",),
                           _STAGE_BUCKETS)
STAGE_SPEED = Gauge("pipeline_stage_speed_ratio", "times real time",
                    "Footage that scan, spot_chunk (its hot windows) or render_reel worked through at its last task, "
                    "divided by the time of the computing itself.", ("stage",))
STAGE_RETRIES = Counter("pipeline_stage_retries_total", "tries", "Tries after the first, of chunks too.", ("stage",))
STAGE_FAILURES = Counter("pipeline_stage_failures_total", "tries", "Tries that failed.", ("stage",))

# What waits and what works.
RUNNING = Gauge("pipeline_jobs_running", "runs", "Runs of process_match that run.")
QUEUE_DEPTH = Gauge("pipeline_queue_depth", "matches", "Matches that wait: registered, or their run is queued.")
LONGEST_WAIT = Gauge("pipeline_queue_longest_wait_seconds", "seconds", "How long the first of them has waited.")
TASKS_QUEUED = Gauge("pipeline_tasks_queued", "tasks", "Tasks that wait for a worker.", ("queue",))
POOL_SLOTS = Gauge("pipeline_pool_slots", "slots",
                   "Slots of an Airflow pool: open, running, queued, deferred, and in all (total).", ("pool", "state"))
PAUSED = Gauge("pipeline_paused", "0 or 1", "Whether touchline is held (touchline-ops pause or halt, or a cost limit).")
STUCK = Counter("pipeline_stuck_total", "tasks", "Stuck work that was set right: running without a sign of life "
                "(silent), or waiting with free slots (waiting).", ("what",))
BACKFILL_PENDING = Gauge("pipeline_backfill_pending", "matches", "What nightly_backfill would take up tonight.")
DEADLINES_MISSED = Counter("pipeline_deadlines_missed_total", "runs", "Runs that were late.", ("dag",))
MAILS = Counter("pipeline_mails_total", "mails", "Mails by kind and whether they went out: sent, failed or folded.",
                ("kind", "outcome"))

# Machines. `mount` is the setting that names the folder: nas_output_path, working_dir…
WORKER_UP = Gauge("pipeline_worker_up", "0 or 1", "Whether a machine's Celery worker answers (light, chunks); without "
                  "Celery whether the scheduler does, which works itself (scheduler).", ("host", "worker"))
GPU_USE = Gauge("pipeline_gpu_utilization_percent", "percent", "As nvidia-smi says.", ("host", "gpu"))
GPU_MEMORY_USED = Gauge("pipeline_gpu_memory_used_bytes", "bytes", "As nvidia-smi says.", ("host", "gpu"))
GPU_MEMORY = Gauge("pipeline_gpu_memory_bytes", "bytes", "As nvidia-smi says.", ("host", "gpu"))
CPU_USE = Gauge("pipeline_cpu_utilization_percent", "percent", "Of all cores, since the last sample.", ("host",))
MEMORY_USED = Gauge("pipeline_memory_used_bytes", "bytes", "Memory that is not available to programs.", ("host",))
MEMORY = Gauge("pipeline_memory_bytes", "bytes", "All memory.", ("host",))
DISK_FREE = Gauge("pipeline_disk_free_bytes", "bytes", "Free for us.", ("host", "mount"))
DISK = Gauge("pipeline_disk_bytes", "bytes", "Size of the disk.", ("host", "mount"))
NAS_UP = Gauge("pipeline_nas_up", "0 or 1", "Whether the last check of NAS_MOUNT_PATH and NAS_OUTPUT_PATH was good.",
               ("host",))
NAS_LATENCY = Gauge("pipeline_nas_read_latency_seconds", "seconds", "To open a recording, at the last check (median of "
                    "some).", ("host",))
NAS_READ = Gauge("pipeline_nas_read_bytes_per_second", "bytes per second", "Sequential, at the last check.", ("host",))
NAS_WRITE = Gauge("pipeline_nas_write_bytes_per_second", "bytes per second", "Sequential, at the last check.",
                  ("host",))
SAMPLED = Gauge("pipeline_sampled_timestamp_seconds", "seconds since 1970", "When a machine was sampled last.",
                ("host",))

# Databases and backups.
DB_CONNECTIONS = Gauge("pipeline_postgres_connections", "connections", "Clients of PostgreSQL.")
DB_MOST_CONNECTIONS = Gauge("pipeline_postgres_max_connections", "connections", "PostgreSQL's max_connections.")
DB_SIZE = Gauge("pipeline_postgres_size_bytes", "bytes", "Size of a database.", ("database",))
DB_DEAD_ROWS = Gauge("pipeline_postgres_dead_rows_ratio", "ratio", "Rows that wait for VACUUM, of all; up to 50 of a "
                     "table do not count.", ("database",))
DB_SLOW = Gauge("pipeline_postgres_slow_queries", "queries",
                "Statements whose mean time is above a second, by pg_stat_statements.", ("database",))
BACKUP_AGE = Gauge("pipeline_backup_age_seconds", "seconds", "Since the newest checked backup was made.")
RESTORE_AGE = Gauge("pipeline_trial_restore_age_seconds", "seconds", "Since the last trial restore that went well.")
RESTORE_OK = Gauge("pipeline_trial_restore_ok", "0 or 1", "Whether the last trial restore went well.")

TABLE: tuple[Metric, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Metric))
