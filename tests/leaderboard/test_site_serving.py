"""The server of a built site: what it says of a connection, and what it does not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from traitbench.leaderboard.site import server
from traitbench.leaderboard.site.building import MARK


@pytest.mark.parametrize(("error", "told"), [(ConnectionResetError, False), (BrokenPipeError, False), (OSError, True)])
def test_a_browser_that_goes_away_is_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: type[OSError], told: bool
) -> None:
    (tmp_path / MARK).write_text("{}")
    with server(tmp_path, 0) as running, socket.socket() as request:
        try:
            raise error
        except OSError:
            running.handle_error(request, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) == told
