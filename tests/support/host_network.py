"""How do hosts that are not there get a network that can be cut? Network namespaces on a bridge; root needed.

The main machine has the first address on the bridge; each host has a namespace with a cable to it. A cable that is
pulled loses packets silently, as in a real network: nobody is told that the connection is gone.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

PREFIX = "tl"


class HostNetwork:
    """A bridge with one namespace per host, as a context manager; nothing of it is there afterwards."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = tuple(hosts)
        self._tag = f"{PREFIX}{os.getpid() % 100_000}"
        self._subnet = f"10.{random.randint(64, 250)}.{random.randint(0, 255)}"
        self.address = f"{self._subnet}.1"

    def __enter__(self) -> Self:
        remove_leftovers()
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("address", "add", f"{self.address}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for number, host in enumerate(self.hosts):
                self._add(number, host)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._remove()

    def inside(self, host: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs a command on this host, under the host's name; its process keeps its number."""
        return ["nsenter", f"--net=/run/netns/{self._namespace(host)}", "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', host, *argv]

    def cut(self, host: str) -> None:
        """Pull the host's cable."""
        _ip("link", "set", self._cable(self.hosts.index(host)), "down")

    def join(self, host: str) -> None:
        """Plug it in again."""
        _ip("link", "set", self._cable(self.hosts.index(host)), "up")

    @property
    def _bridge(self) -> str:
        return f"{self._tag}b"

    def _cable(self, number: int) -> str:
        return f"{self._tag}c{number}"

    def _namespace(self, host: str) -> str:
        return f"{self._tag}-{host}"

    def _add(self, number: int, host: str) -> None:
        space, cable = self._namespace(host), self._cable(number)
        _ip("netns", "add", space)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", cable, "master", self._bridge, "up")
        _ip("-netns", space, "address", "add", f"{self._subnet}.{number + 2}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-netns", space, "link", "set", device, "up")

    def _remove(self) -> None:
        for host in self.hosts:
            _ip("netns", "delete", self._namespace(host), check=False)
        for device in (*map(self._cable, range(len(self.hosts))), self._bridge):
            _ip("link", "delete", device, check=False)


def remove_leftovers() -> None:
    """Remove what a test that was itself killed left behind."""
    alive = {f"{PREFIX}{int(name) % 100_000}" for name in os.listdir("/proc") if name.isdigit()}
    spaces = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    for space in spaces:
        if space.startswith(PREFIX) and space.partition("-")[0] not in alive:
            _ip("netns", "delete", space, check=False)
    for device in os.listdir("/sys/class/net"):
        if device.startswith(PREFIX) and device.endswith("b") and device[:-1] not in alive:
            _ip("link", "delete", device, check=False)


def missing_for_networks() -> str:
    """What keeps us from it here, in one line; empty when nothing does."""
    if os.geteuid() != 0:
        return "networks of our own need root"
    with contextlib.suppress(OSError, subprocess.CalledProcessError), HostNetwork(["probe"]):
        return ""
    return "this kernel gives no network namespaces, bridges or veth pairs"


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], capture_output=not check, check=check)
