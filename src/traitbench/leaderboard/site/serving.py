"""Serves a built site on this machine, with the headers that a public server should send as well."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from traitbench.errors import InputError
from traitbench.leaderboard.site.building import is_site

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012  (the base class has it so)
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json; charset=utf-8",
        ".csv": "text/csv; charset=utf-8",
        ".parquet": "application/vnd.apache.parquet",
    }

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a line for every file helps nobody."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that closes its connection early is no fault; any other is told as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server of the site for this machine alone; port 0 is any that is free.

    Raises `InputError` for a folder that no site was built in, and a port that is taken.
    """
    if not is_site(site):
        raise InputError(f"{site}: no site was built here; traitbench leaderboard build --out {site}")
    try:
        return _Server(("127.0.0.1", port), partial(_Handler, directory=str(site)))
    except (OSError, OverflowError) as error:
        raise InputError(f"--port {port}: cannot be used ({error}); choose another, or 0 for any") from None
