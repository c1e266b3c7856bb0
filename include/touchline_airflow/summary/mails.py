"""What is mailed each morning: to the operator all that happened, to the coach the reels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.domain.text import MOST_OF_A_TITLE, shown
from touchline.errors import DamagedResultError, UntrustedFileError
from touchline.results.result import reading_result
from touchline.results.thumbnails import read_thumbnail
from touchline.settings import Settings
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.mail import links
from touchline_airflow.mail.letter import Letter, Line, Picture, Section
from touchline_airflow.mail.words import amount, moment, span
from touchline_airflow.summary.day import Day, Disk, DoneMatch

PICTURES_PER_REEL = 3
MOST_PICTURES = 24
MOST_BYTES = 3_000_000
"""A mail of more than some MB is refused by many servers."""
SHOWN = 20


def letters(day: Day, settings: Settings, deployment: DeploymentSettings) -> list[Letter]:
    """The operator's summary, and the coach's where there are reels."""
    made = _reels(day, settings, deployment)
    found = [_for_operator(day, made, deployment)]
    worth_watching = [section for one, section in zip(day.done, made, strict=True) if one.reels]
    return [*found, _for_coach(day, worth_watching, deployment)] if worth_watching else found


def _for_operator(day: Day, made: Sequence[Section], deployment: DeploymentSettings) -> Letter:
    counts = f"{amount(len(day.done), 'match', 'matches')} done, {len(day.failed)} failed"
    lead = f"Since {moment(day.since, deployment.zone)}: {counts}."
    if day.held:
        lead += f" touchline is {day.held.line}; `touchline-ops resume` lets it go on."
    sections = []
    if day.failed:
        more = [Line("…", f"and {len(day.failed) - SHOWN} more")] if len(day.failed) > SHOWN else []
        sections.append(Section("Failed", lines=(*(
            Line(one.name, one.reason, links.run_page(PROCESS_MATCH, one.run_id) if one.run_id else "")
            for one in day.failed[:SHOWN]), *more)))
    sections += [*made, Section("Work and cost", lines=tuple(_cost_lines(day, deployment))),
                 Section("Disks", lines=tuple(Line(disk.setting, _disk_line(disk)) for disk in day.disks)),
                 Section("Tonight", words=tuple(_tonight(day)))]
    return Letter("summary", "operator", f"summary {day.since:%Y-%m-%d %H:%M}", f"The morning's summary: {counts}",
                  lead, tuple(sections))


def _for_coach(day: Day, made: Sequence[Section], deployment: DeploymentSettings) -> Letter:
    counts = amount(len(made), "match has new reels", "matches have new reels")
    lead = f"Since {moment(day.since, deployment.zone)}: {counts}. A click on a name opens the video."
    return Letter("summary", "coach", f"reels {day.since:%Y-%m-%d %H:%M}", counts, lead, tuple(made))


def _reels(day: Day, settings: Settings, deployment: DeploymentSettings) -> list[Section]:
    """One section per match, with some pictures of each reel while the mail is small enough."""
    budget = [MOST_PICTURES, MOST_BYTES]
    return [_match(one, settings, deployment, budget) for one in day.done]


def _match(one: DoneMatch, settings: Settings, deployment: DeploymentSettings, budget: list[int]) -> Section:
    folder = MatchFolder(settings.nas_output_path, one.match.match_id)
    lines = [Line(str(reel["name"]), _reel_line(reel), links.published_page(folder, f"reels/{reel['name']}.mp4",
                                                                            deployment)) for reel in one.reels]
    lines.append(Line("report", f"all actions; made in {span(one.took)}",
                      links.published_page(folder, "report.html", deployment)))
    pictures = []
    for reel in one.reels:
        for picture in _pictures(str(reel["name"]), WorkFiles(settings.working_dir, one.match.match_id), folder,
                                 deployment):
            if budget[0] > 0 and budget[1] >= len(picture.jpeg):
                budget[0], budget[1] = budget[0] - 1, budget[1] - len(picture.jpeg)
                pictures.append(picture)
    words = () if one.reels else ("No reel has a clip.",)
    return Section(one.title, words, tuple(lines), tuple(pictures))


def _reel_line(reel: dict[str, Any]) -> str:
    length = span(timedelta(milliseconds=reel["duration_ms"]))
    return f"{amount(reel['clips'], 'clip')}, {length}, {reel['size_bytes'] / 1e6:.0f} MB"


def _pictures(name: str, files: WorkFiles, folder: MatchFolder, deployment: DeploymentSettings) -> Iterator[Picture]:
    """The first thumbnails of a reel, named after their clips; none where the retention removed them."""
    try:
        with reading_result(files.reel(name)) as reel:
            labels = {str(clip["clip_id"]): shown(str(clip["label"]), MOST_OF_A_TITLE) for clip in reel["clips"]}
            thumbnails = list(reel["thumbnails"][:PICTURES_PER_REEL])
    except DamagedResultError:
        return
    for thumbnail in thumbnails:
        try:
            jpeg = read_thumbnail(files, name, thumbnail)
        except (OSError, UntrustedFileError):
            continue
        yield Picture(jpeg, f"{labels.get(Path(thumbnail).stem, 'clip')} ({name})",
                      links.published_page(folder, f"reels/{name}.mp4", deployment))


def _cost_lines(day: Day, deployment: DeploymentSettings) -> Iterator[Line]:
    yield Line("GPU hours", f"{day.cost.gpu_seconds / 3600:.2f} (chunks; on the CPU where there is no GPU)")
    yield Line("Other work", f"{day.cost.cpu_seconds / 3600:.2f} h")
    if deployment.cost_per_gpu_hour or deployment.cost_per_cpu_hour:
        rates = f"{deployment.cost_per_gpu_hour:g} and {deployment.cost_per_cpu_hour:g} per hour"
        yield Line("Cost", f"{day.cost.amount:.2f} {deployment.currency}, at {rates} of the two")
    else:
        yield Line("Cost", "no rates are set (COST_PER_GPU_HOUR, COST_PER_CPU_HOUR)")


def _disk_line(disk: Disk) -> str:
    if disk.trouble:
        return f"{disk.path}: {disk.trouble}"
    used = 100 * (1 - disk.free_gb / disk.size_gb) if disk.size_gb else 0
    return f"{disk.free_gb:,.0f} GB free of {disk.size_gb:,.0f} GB ({used:.0f} % used), {disk.path}"


def _tonight(day: Day) -> list[str]:
    if not day.tonight:
        return ["Nothing is left to do."]
    more = [f"and {len(day.tonight) - SHOWN} more"] if len(day.tonight) > SHOWN else []
    return [*day.tonight[:SHOWN], *more]
