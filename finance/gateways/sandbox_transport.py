"""
How the sandbox bank's messages travel to our endpoint: over HTTP, or inside this process.

Both end at the same address and pass the same middleware; the second is for commands that run
where no web server does.
"""

import functools
import io
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

TIMEOUT_SECONDS = 10


def post_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """
    Post a body and return the HTTP status.

    :raises OSError: if nobody answers at the address
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path or "/", body=body, headers=dict(headers))
        return connection.getresponse().status
    except HTTPException as error:
        raise OSError(f"{url} does not speak HTTP: {error}") from error
    finally:
        connection.close()


def post_in_process(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post a body to our own application without a network, and return the HTTP status."""
    parts = urlsplit(url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": parts.path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return _handler().get_response(WSGIRequest(environ)).status_code


@functools.cache
def _handler() -> WSGIHandler:
    """
    Return our own application's handler, made once.

    It is asked below the signals of a WSGI server's request, which would close the database
    connection that this process is working with.
    """
    return WSGIHandler()
