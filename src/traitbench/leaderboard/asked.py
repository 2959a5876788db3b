"""Which questions did a measurement ask? Their hash, from the catalogue."""

from __future__ import annotations

import hashlib
import json

from traitbench.catalog import Catalog, in_domain_question


def asked_sha256(catalog: Catalog, probe_set: str, context: str, domain: str, language: str) -> str:
    """Of all that the answers depend on beside the model.

    These are the questions of one language with their families, their text as it is put in the context, and the names
    by which answers are read. Fields that have their default are left out, so that a later field changes no hash.

    Raises `InputError` for a probe set or domain that the catalogue does not have.
    """
    probes = catalog.probe_set(probe_set)
    behind = None if context == "plain" else catalog.domain(domain)
    questions = sorted((each for each in probes.questions if each.language == language), key=lambda each: each.id)
    asked = [
        [
            each.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            None if behind is None else in_domain_question(each, behind),
        ]
        for each in questions
    ]
    names = catalog.categories[probes.category].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    forms = catalog.forms.model_dump(mode="json") if probes.kind == "choice" else None
    text = json.dumps([context, asked, names, forms], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
