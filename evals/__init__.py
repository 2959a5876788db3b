"""Inspect opens these files: one per trait family, `@task` functions only."""
