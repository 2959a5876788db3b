"""The leaderboard as static pages: a table that anybody can read, sort, search and compare, without a server."""

from traitbench.leaderboard.site.building import Built, build
from traitbench.leaderboard.site.serving import server

__all__ = ["Built", "build", "server"]
