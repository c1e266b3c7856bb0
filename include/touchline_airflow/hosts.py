"""Which machines does this deployment have, and how does work reach one of them?

DAG files are parsed on every machine, so TOUCHLINE_HOSTS must be the same on all.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any

from touchline.errors import SettingError

LIGHT_QUEUE = "default"
GPU_QUEUE = "gpu"
RENDER_QUEUE = "render"
SCAN_QUEUE = "scan"
"""Of the light workers whose machine also computes chunks: beside a scan the recording is copied there."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names in TOUCHLINE_HOSTS, the main machine first; none where one machine does everything.

    Raises:
        SettingError: a name is not made of lower-case letters, digits and hyphens, or is there twice.
    """
    names = tuple(name.strip() for name in environ.get("TOUCHLINE_HOSTS", "").split(",") if name.strip())
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingError(f"TOUCHLINE_HOSTS names {name!r}: use lower-case letters, digits and hyphens")
    if len(set(names)) < len(names):
        raise SettingError(f"TOUCHLINE_HOSTS={','.join(names)} names a host twice")
    return names


def this_host(environ: Mapping[str, str]) -> str:
    """Name of this machine: TOUCHLINE_HOST, else what the system calls it."""
    return environ.get("TOUCHLINE_HOST", "").strip() or socket.gethostname()


def queue_of(host: str) -> str:
    """The queue of which only this machine takes work."""
    return f"host-{host}"


def on_each_host(task: Any, *arguments: Any) -> list[Any]:
    """Call a `@task` once per machine, on that machine: `tidy_host` becomes `tidy_host_main`, `tidy_host_gpu1`.

    Where one machine does everything it is called once, under its own name.
    """
    names = hosts(os.environ)
    if not names:
        return [task(*arguments)]
    return [_on(task, name)(*arguments) for name in names]


def on_main_host(task: Any, *arguments: Any) -> Any:
    """Call a `@task` on the first machine of TOUCHLINE_HOSTS, which alone reaches Airflow's database."""
    names = hosts(os.environ)
    return task.override(queue=queue_of(names[0]))(*arguments) if names else task(*arguments)


def _on(task: Any, host: str) -> Callable[..., Any]:
    made: Callable[..., Any] = task.override(task_id=f"{task.function.__name__}_{host.replace('-', '_')}",
                                             queue=queue_of(host))
    return made
