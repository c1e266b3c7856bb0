"""When does each alert fire, and when does it not? A case for each and its severities, at the edge."""

from __future__ import annotations

from dataclasses import dataclass

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """`at`: when Prometheus is asked; `every`: how often the series have a value."""

    alert: str
    severity: str
    at: str
    fires: tuple[Series, ...]
    silent: tuple[Series, ...]
    every: str = "1m"


def steady(value: float, samples: int = 60) -> str:
    """Always the same value, in promtool's words."""
    return f"{value}+0x{samples}"


def queue(depth: int, running: int = 2, paused: int = 0) -> Series:
    return {"pipeline_queue_depth": steady(depth), "pipeline_jobs_running": steady(running),
            "pipeline_paused": steady(paused)}


def outcomes(published: int, **failed: int) -> Series:
    """Counters that were born hours ago, each at its value: what increase() alone does not see."""
    return {'pipeline_jobs_total{outcome="published"}': f"_x5 {steady(published)}",
            'pipeline_jobs_total{outcome="failed"}': f"_x5 {steady(sum(failed.values()))}",
            **{f'pipeline_jobs_failed_total{{reason="{reason}"}}': f"_x5 {steady(count)}"
               for reason, count in failed.items()}}


def known_and(grown: int) -> Series:
    """100 published, 10 failed a week ago, since then `grown` failures more and 10 published."""
    return {'pipeline_jobs_total{outcome="published"}': "100+0x150 110+0x20",
            'pipeline_jobs_total{outcome="failed"}': f"10+0x150 {10 + grown}+0x20",
            'pipeline_jobs_failed_total{reason="infrastructure"}': f"10+0x150 {10 + grown}+0x20"}


def took(ratio: float, matches: int = 3) -> Series:
    return {"pipeline_match_took_ratio": steady(ratio), 'pipeline_jobs_total{outcome="published"}': steady(matches)}


def speed(now: float) -> Series:
    """`scan` at 20 times real time for a day, then at `now` for an hour."""
    return {'pipeline_stage_speed_ratio{stage="scan"}': f"20+0x288 {now}+0x12"}


def missed(dag: str, count: int) -> Series:
    return {f'pipeline_deadlines_missed_total{{dag="{dag}"}}': f"_x5 {steady(count)}"}


def cost(match: float, **limits: float) -> Series:
    return {"pipeline_match_cost": f"{match} _x60",
            **{f'pipeline_cost_limit{{limit="{limit}"}}': steady(amount) for limit, amount in limits.items()}}


def share(used: str, whole: str, labels: str, percent: float) -> Series:
    return {f"{used}{{{labels}}}": steady(percent * 1e8), f"{whole}{{{labels}}}": steady(100e8)}


def gpu(percent: float) -> Series:
    return share("pipeline_gpu_memory_used_bytes", "pipeline_gpu_memory_bytes", 'host="main", gpu="0"', percent)


def disk(percent: float) -> Series:
    return share("pipeline_disk_free_bytes", "pipeline_disk_bytes", 'host="main", mount="scratch_dir"', 100 - percent)


def connections(percent: float) -> Series:
    return share("pipeline_postgres_connections", "pipeline_postgres_max_connections", "", percent)


def nas(read_mb: float, latency: float = 0.02) -> Series:
    return {'pipeline_nas_read_bytes_per_second{host="main"}': steady(read_mb * 1e6),
            'pipeline_nas_read_latency_seconds{host="main"}': steady(latency)}


def backup(hours: float) -> Series:
    return {"pipeline_backup_age_seconds": steady(hours * 3600, 200)}


def trial(ok: int, days: float) -> Series:
    return {"pipeline_trial_restore_ok": steady(ok), "pipeline_trial_restore_age_seconds": steady(days * 86400)}


BEATS = "airflow_scheduler_heartbeat_total"
SAMPLED = 'pipeline_sampled_timestamp_seconds{host="gpu1"}'
WORKER = 'pipeline_worker_up{host="gpu1", worker="chunks"}'
SLOW = 'pipeline_postgres_slow_queries{database="airflow"}'

CASES = (
    Case("QueueIdle", "critical", "6m", (queue(1, running=0),),
         (queue(1, running=1), queue(0, running=0), queue(1, running=0, paused=1))),
    Case("QueueIdle", "critical", "4m", (), (queue(1, running=0),)),
    Case("QueueDeep", "warning", "15m", (queue(51),), (queue(50),)),
    Case("QueueDeep", "critical", "15m", (queue(81),), (queue(80),)),
    Case("MatchSlow", "warning", "30m", (took(1.6),), (took(1.5),)),
    Case("MatchSlow", "critical", "30m", (took(2.1),), (took(2.0), took(2.1, matches=1))),
    Case("FailureRateHigh", "warning", "1h", (outcomes(18, infrastructure=1), outcomes(0, storage=1)),
         (outcomes(19, infrastructure=1), outcomes(2, recording=2, stopped=1), outcomes(3))),
    Case("FailureRateHigh", "critical", "1h", (outcomes(15, infrastructure=1, storage=1),),
         (outcomes(18, infrastructure=1, storage=1), outcomes(1, infrastructure=1))),
    Case("FailureRateHigh", "warning", "160h", (known_and(2),), (known_and(0),), every="1h"),
    Case("ThroughputLow", "warning", "25h", (speed(7),), (speed(8),), every="5m"),
    Case("BackfillLate", "warning", "1h", (missed("nightly_backfill", 1),),
         (missed("process_match", 1), missed("nightly_backfill", 0))),
    Case("StillHeld", "warning", "13h", ({"pipeline_paused": "1+0x900"},),
         ({"pipeline_paused": "1+0x600 0+0x300"},)),
    Case("MatchExpensive", "warning", "30m", (cost(2.6, match_warn=2.5),), (cost(2.5, match_warn=2.5), cost(99))),
    Case("MatchExpensive", "critical", "30m", (cost(3.1, match_stop=3),),
         (cost(3, match_stop=3), cost(9, match_warn=2))),
    Case("DayExpensive", "critical", "5m",
         ({"pipeline_cost_today": steady(151), 'pipeline_cost_limit{limit="day_stop"}': steady(150)},),
         ({"pipeline_cost_today": steady(150), 'pipeline_cost_limit{limit="day_stop"}': steady(150)},)),
    Case("WorkerGone", "critical", "10m", ({WORKER: "1 1 0+0x20"},), ({WORKER: steady(1)}, {})),
    Case("SchedulerGone", "critical", "20m", ({BEATS: "0+30x10 300+0x20"}, {}), ({BEATS: "0+30x30"},)),
    Case("GpuMemoryHigh", "warning", "10m", (gpu(88),), (gpu(87),)),
    Case("GpuMemoryHigh", "critical", "10m", (gpu(94),), (gpu(93),)),
    Case("DiskFilling", "warning", "10m", (disk(71),), (disk(69),)),
    Case("DiskFilling", "critical", "10m", (disk(86),), (disk(84),)),
    Case("NasAway", "critical", "10m", ({'pipeline_nas_up{host="main"}': steady(0)},),
         ({'pipeline_nas_up{host="main"}': steady(1)},)),
    Case("NasSlow", "warning", "10m", (nas(49), nas(100, latency=1.5)), (nas(51),)),
    Case("SamplerGone", "warning", "30m", ({SAMPLED: "0+60x10"}, {}), ({SAMPLED: "0+60x40"},)),
    Case("ExporterGone", "critical", "10m", ({'up{job="touchline"}': steady(0)}, {}),
         ({'up{job="touchline"}': steady(1)},)),
    Case("DatabaseConnectionsHigh", "warning", "10m", (connections(81),), (connections(79),)),
    Case("DatabaseSlow", "warning", "1h", ({SLOW: "2+0x30 3+0x60"},), ({SLOW: steady(3, 90)},)),
    Case("BackupMissing", "warning", "2h", (backup(3.1), {}), (backup(2.9),)),
    Case("BackupMissing", "critical", "5m", (backup(24.1),), (backup(23.9),)),
    Case("TrialRestoreFailed", "critical", "10m", (trial(0, 1), trial(1, 8.1)), (trial(1, 7.9),)),
)
