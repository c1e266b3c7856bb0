"""Under which names may a browser or a client ask for Airflow? Any other name is refused with status 400.

A stranger's page can give its own name the address 127.0.0.1 and then speak to what listens on this machine (DNS
rebinding). Its requests still carry its own name in the header Host: that is what gives it away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf

from touchline_airflow.deployment import DeploymentSettings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")


def only_known_hosts(app: ASGIApp) -> ASGIApp:
    """Everything that the API server answers, behind a look at the header Host; the port does not matter.

    Raises:
        SettingError: a setting cannot be used. The API server does not start then.
    """
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return TrustedHostMiddleware(app, allowed_hosts=known_hosts(), www_redirect=False)


def known_hosts() -> list[str]:
    """This machine's own names, those of Airflow's own addresses, and ALLOWED_HOSTS."""
    addresses = (conf.get("api", "base_url", fallback=""), conf.get("core", "execution_api_server_url", fallback=""))
    own = filter(None, (_host(address) for address in addresses))
    return list(dict.fromkeys([*THIS_MACHINE, *own, *DeploymentSettings.from_env().host_names]))


def _host(address: str) -> str:
    """`http://[::1]:8080/execution/` → `[::1]`"""
    name = urlsplit(address).hostname or ""
    return f"[{name}]" if ":" in name else name
