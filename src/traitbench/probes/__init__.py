"""A probe set becomes an Inspect task: one file per kind of probe."""
