"""Records of scored checkpoints, where they are stored, and the table they make."""

from traitbench.leaderboard.records import Record, add, read_all, table

__all__ = ["Record", "add", "read_all", "table"]
