"""Do two computations of one measurement agree? The first field in which they do not."""

from __future__ import annotations

from typing import Any

from traitbench.runner.scorecard import Measurement

TOLERANCE = 1e-6
"""How far two computations of one figure may lie apart, in its own unit or relative to it where it is above one.

The same answers give the same figures up to the rounding of other processors and libraries, some 1e-12.
"""


def disagreement(said: Measurement, found: Measurement) -> str | None:
    """`estimate: 0.5 is written, 0.4 follows from the answers`; None where all agree.

    Holm's adjustment depends on what else was tested; here it is compared only if both have one.
    """
    one, other = said.model_dump(mode="json"), found.model_dump(mode="json")
    for name, versus in one["versus"].items():
        its = other["versus"].get(name)
        if its is not None and (its["p_holm"] is None or versus["p_holm"] is None):
            its["p_holm"] = versus["p_holm"] = None
    return _apart(one, other, "")


def _apart(said: Any, found: Any, where: str) -> str | None:
    if isinstance(said, dict) and isinstance(found, dict):
        for key in (*said, *(key for key in found if key not in said)):
            if key not in found or key not in said:
                what = "nothing like it follows from the answers" if key in said else "missing"
                return f"{where}{key[:40]}: {what}"
            wrong = _apart(said[key], found[key], f"{where}{key[:40]}.")
            if wrong is not None:
                return wrong
        return None
    if isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        pairs = enumerate(zip(said, found, strict=True))
        return next((wrong for i, (a, b) in pairs if (wrong := _apart(a, b, f"{where}{i}."))), None)
    if _same(said, found):
        return None
    return f"{where.rstrip('.')}: {_short(said)} is written, {_short(found)} follows from the answers"


def _same(said: Any, found: Any) -> bool:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (said, found))
    if numbers:
        return bool(abs(said - found) <= TOLERANCE * max(1.0, abs(found)))
    return bool(said == found)


def _short(value: Any) -> str:
    return "nothing" if value is None else str(value)[:40]
