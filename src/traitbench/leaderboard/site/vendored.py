"""The table library, taken from an installed package when a site is built; nothing of it lies in this repository.

`itables` (MIT) carries DataTables with everything that it needs, as one module that fetches nothing. Browsers load no
module from a disk, so its export is turned into an assignment and the whole into an ordinary script.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from traitbench.errors import InputError

_EXPORT = re.compile(r"export\s*\{([^{}]*)\}\s*;?")
_MEND = "pip install 'traitbench[site]'"


def datatables() -> str:
    """A script that sets `window.DataTable`; `InputError` where itables is missing or has another form."""
    found = find_spec("itables")  # its file alone is wanted: importing the package would import pandas
    if found is None or found.origin is None:
        raise InputError(f"the site's table library is not installed; {_MEND}")
    try:
        source = (Path(found.origin).parent / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"itables has no html/dt_bundle.js; {_MEND} --upgrade") from None
    exports = list(_EXPORT.finditer(source))
    jquery = re.search(r"(\w+) as jQuery\b", exports[-1][1]) if exports else None
    if jquery is None:
        raise InputError(f"itables exports no jQuery with DataTables on it; {_MEND} --upgrade")
    code, notices = source[: exports[-1].start()], source[exports[-1].end() :]
    return f'(() => {{"use strict";\n{code}\nwindow.DataTable = {jquery[1]}.fn.dataTable;\n}})();\n{notices}'
