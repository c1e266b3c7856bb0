"""How are the bytes of a file got from the network, when the network, a proxy or the server may be anything?

With `requests`, as ultralytics' own `safe_download` does, and so by the same variables: HTTPS_PROXY, NO_PROXY,
REQUESTS_CA_BUNDLE. Not with `safe_download` itself: it waits 30 s for a connection and 300 s for a byte, asks public
name servers whether it is offline, takes as many bytes as the server sends, and needs torch to be loaded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from touchline.errors import ModelError

CONNECT_SEC = 5.0
SILENCE_SEC = 15.0
"""Longest wait for the next byte."""
TOTAL_SEC = 600.0
PIECE_BYTES = 1 << 16


def download(url: str, size_bytes: int) -> Iterator[bytes]:
    """The bytes of a file that is known to have `size_bytes`, in pieces, as they come.

    Raises:
        ModelError: no connection, an answer that is not the file, or another number of bytes; one clause for a person.
    """
    import requests
    from urllib3.exceptions import HTTPError

    host = urlsplit(url).hostname
    end = time.monotonic() + TOTAL_SEC
    received = 0
    try:
        with requests.get(url, stream=True, timeout=(CONNECT_SEC, SILENCE_SEC),
                          headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != requests.codes.ok:
                raise ModelError(f"{host} answers {answer.status_code} instead of sending it")
            # What came, however little, so that the time is looked at. Not decoded: an encoding that nobody asked for
            # cannot unpack into more than was sent.
            while piece := answer.raw.read1(PIECE_BYTES, decode_content=False):
                received += len(piece)
                if received > size_bytes:
                    raise ModelError(f"{host} sends more than its {size_bytes} bytes")
                if time.monotonic() > end:
                    raise ModelError(f"{host} sent {received} of {size_bytes} bytes in {TOTAL_SEC:g} s")
                yield piece
    except (OSError, HTTPError) as error:  # OSError: those of requests, and a REQUESTS_CA_BUNDLE that is away
        raise ModelError(_reason(error, str(host), received, size_bytes)) from None
    if received != size_bytes:
        raise ModelError(f"{host} sent {received} of {size_bytes} bytes")


def _reason(error: Exception, host: str, received: int, size_bytes: int) -> str:
    """Without the library's own text, which may hold the password of a proxy."""
    from requests import exceptions as of_requests
    from urllib3.exceptions import HTTPError, LocationParseError

    if received:
        return f"the connection to {host} broke after {received} of {size_bytes} bytes"
    reasons: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
        # Our own address is right: one that cannot be read is the proxy's.
        ((of_requests.ProxyError, of_requests.InvalidURL, LocationParseError),
         f"the proxy that HTTPS_PROXY or HTTP_PROXY names cannot be reached or does not lead to {host}"),
        ((of_requests.SSLError,), f"the certificate of {host} is not trusted (where a proxy opens the connection, "
                                  "REQUESTS_CA_BUNDLE names its certificate)"),
        ((of_requests.ConnectionError,), f"{host} cannot be reached"),
        ((of_requests.Timeout,), f"{host} said nothing for {SILENCE_SEC:g} s"),
        ((of_requests.RequestException, HTTPError), f"{host} does not answer as a web server should"),
    )
    return next((reason for kinds, reason in reasons if isinstance(error, kinds)), str(error))
