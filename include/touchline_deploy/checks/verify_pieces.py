"""Which long checks are there? Pieces that run one by one, each in half an hour or less on two cores.

`make verify PIECE=name`. Every file with long checks belongs to one piece (tests/unit/test_verify_pieces.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """`paths` as for pytest, `only` as for its -k."""

    purpose: str
    paths: tuple[str, ...]
    only: str = ""


CAMPAIGN = ("tests/integration/test_hostile_campaign.py",)
PIECES = {
    **{f"campaign-files-{part}": Piece("500 of 2,000 spoiled recordings", CAMPAIGN, f"recordings and quarter-{part}")
       for part in range(1, 5)},
    "campaign-sidecars": Piece("500 hostile sidecars", CAMPAIGN, "sidecars"),
    "simulator": Piece("four matches of 90 minutes against real ones", (
        "tests/unit/simulator/test_rates.py", "tests/unit/simulator/test_film.py",
        "tests/unit/training/test_frozen_set.py")),
    "figures": Piece("each task of a run cleared twice", ("tests/integration/airflow/test_2_figures.py",)),
    "cuts": Piece("two hundred random clips, copied and encoded; reels in a browser", (
        "tests/unit/video/test_random_cuts.py", "tests/unit/video/test_reel_in_browser.py")),
    "steps": Piece("steps alone: full disks, a NAS with errors, real footage, the report in a browser", (
        "tests/integration/test_process.py", "tests/integration/test_storage.py",
        "tests/integration/test_unwell_nas.py", "tests/integration/test_real_footage_seeing.py",
        "tests/integration/test_real_footage_spotting.py", "tests/integration/test_bench_spotting.py",
        "tests/unit/reels/test_report_in_browser.py")),
    "airflow": Piece("a running Airflow: changed results, a restart of all, the worst names", (
        "tests/integration/airflow/test_2_clear.py", "tests/integration/airflow/test_5_standalone.py",
        "tests/integration/airflow/test_7_names.py")),
    "recordings": Piece("a running Airflow: matches in several files, and a file that comes later", (
        "tests/integration/airflow/test_2_several_recordings.py",)),
    "growing": Piece("recordings that are still written", (
        "tests/integration/airflow/test_2_growing.py", "tests/engine/test_match_in_containers.py")),
    "storage": Piece("a running Airflow whose disks are full, away", ("tests/integration/airflow/test_6_storage.py",)),
    "nas": Piece("a running Airflow whose NAS fails or hangs", ("tests/integration/airflow/test_9_unwell_nas.py",)),
    "kills-processes": Piece("40 kills of processes", ("tests/verify/test_kill_matrix.py",), "processes"),
    "kills-containers": Piece("25 kills with steps in containers", ("tests/verify/test_kill_matrix.py",), "containers"),
    "kills-stack-1": Piece("kills in the full stack, first half", ("tests/verify/test_kill_matrix.py",), "stack-0"),
    "kills-stack-2": Piece("kills in the full stack, second half", ("tests/verify/test_kill_matrix.py",), "stack-1"),
    "telling": Piece("mails, metrics, pause and halt, dashboards", (
        "tests/verify/test_mail.py", "tests/verify/test_metrics.py", "tests/verify/test_ops.py",
        "tests/verify/test_dashboards_live.py")),
    "runbooks": Piece("what the runbooks say is done", ("tests/verify/test_runbooks.py",)),
    "backfill": Piece("a night and a season", ("tests/verify/test_backfill.py",)),
    "order": Piece("which match goes first, and the full stack of processes", (
        "tests/verify/test_order.py", "tests/verify/test_stack.py")),
    "recover": Piece("a lost host, an upgrade and its way back", (
        "tests/verify/test_recover.py", "tests/verify/test_upgrade.py")),
    "stack": Piece("the stack of compose", ("tests/stack/test_stack.py", "tests/stack/test_dashboards_stack.py")),
    "stack-hosts": Piece("the stack of compose on two hosts, lost and brought back", (
        "tests/stack/test_two_hosts.py", "tests/stack/test_recover_stack.py")),
}
