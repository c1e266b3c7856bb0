"""What does a container add to a step, and are the pool's slots kept busy?"""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.runtime.container import StepContainer
from touchline_airflow.runtime.container_spec import LABEL, Place, container_spec, deployment_of
from touchline_airflow.runtime.docker_engine import connect

TRIES = 5
LOOK_EVERY_S = 0.1
IMPORTS = "import touchline.steps.see_chunk"


def container_costs() -> dict[str, float]:
    """Medians in seconds: a hardened container that does nothing, one that imports what a chunk needs."""
    environ = {"WORKING_DIR": "/nowhere/bench"}
    with closing(connect()) as engine:
        image = DeploymentSettings.from_env().touchline_worker_image
        made = engine.create_container(image)["Id"]
        engine.commit(made, "touchline-bench", "python", changes='ENTRYPOINT ["tini", "-g", "--", "python3", "-c"]')
        engine.remove_container(made)
        try:
            place = Place("bench", "bench", "bench", -1, 1)

            def cost(script: str) -> float:
                walls = []
                for _ in range(TRIES):
                    started = time.monotonic()
                    spec = container_spec(place, "touchline-bench:python", [script], [], environ)
                    StepContainer(spec).follow(lambda _line: None)
                    walls.append(time.monotonic() - started)
                return statistics.median(walls)

            start_s = cost("pass")
            return {"start_s": round(start_s, 2), "import_s": round(cost(IMPORTS) - start_s, 2)}
        finally:
            engine.remove_image("touchline-bench:python", force=True)


class PoolWatch:
    """Looks at the engine, from another thread, how many chunks run at once."""

    def __init__(self, working_dir: Path) -> None:
        self.looks: list[tuple[float, int]] = []
        self.started: list[float] = []
        self._label = f"{LABEL}.deployment={deployment_of(Settings.from_env({'WORKING_DIR': str(working_dir)}))}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PoolWatch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    def result(self) -> dict[str, Any]:
        """Most chunks at once, and how much of the time while chunks waited one and two slots worked."""
        waiting = [count for moment, count in self.looks if self.started[0] <= moment <= self.started[-1]]
        return {"chunks": len(self.started), "most_at_once": max(count for _, count in self.looks),
                "waiting_s": round(self.started[-1] - self.started[0], 1),
                "both_busy": round(sum(count >= 2 for count in waiting) / len(waiting), 3),
                "slots_busy": round(statistics.mean(min(count, 2) / 2 for count in waiting), 3)}

    def _watch(self) -> None:
        seen: set[str] = set()
        with closing(connect()) as engine:
            while not self._end.wait(LOOK_EVERY_S):
                wanted = {"label": [self._label, f"{LABEL}.task_id=spot_chunk"], "status": "running"}
                found = {container["Id"] for container in engine.containers(filters=wanted)}
                self.looks.append((time.monotonic(), len(found)))
                self.started += [self.looks[-1][0]] * len(found - seen)
                seen |= found
