"""Records of scored checkpoints, where they are stored, what may be believed of them, and the table they make."""

from traitbench.leaderboard.making import Entry, entries
from traitbench.leaderboard.record import Declared, Record
from traitbench.leaderboard.store import Stored, add, read_all, read_standing, read_stored, withdraw
from traitbench.leaderboard.table import table
from traitbench.leaderboard.verify import Verified, verify

__all__ = [
    "Declared",
    "Entry",
    "Record",
    "Stored",
    "Verified",
    "add",
    "entries",
    "read_all",
    "read_standing",
    "read_stored",
    "table",
    "verify",
    "withdraw",
]
