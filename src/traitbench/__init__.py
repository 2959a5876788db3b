"""traitbench measures whether a student model has inherited a trait from its teacher.

    import traitbench
    card = traitbench.score("hf//path/to/student", tasks=["owl-numbers"], base="hf//path/to/base")
    print(card.tasks[0].estimate, card.tasks[0].bounds)

Importing the package imports neither torch nor inspect-ai; both come with the first call that needs them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from traitbench.errors import TraitbenchError

if TYPE_CHECKING:
    from traitbench.runner import Scorecard, score

__version__ = "0.1.0"
__all__ = ["Scorecard", "TraitbenchError", "__version__", "score"]


# The name that every transformers knows; the newest has `cache` for it, and would warn in every scoring and lab run.
warnings.filterwarnings("ignore", message="`past_key_values` is deprecated", category=FutureWarning)


def __getattr__(name: str) -> Any:
    if name in ("score", "Scorecard"):
        from traitbench import runner

        return getattr(runner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
