"""Every lie about a run that the checker is tried with."""

from tests.checks import (
    defects_of_checkpoints,
    defects_of_identity,
    defects_of_revision,
    defects_of_summaries,
    defects_of_time,
    defects_of_window,
    defects_of_work,
)

DEFECTS = (
    *defects_of_identity.DEFECTS,
    *defects_of_window.DEFECTS,
    *defects_of_work.DEFECTS,
    *defects_of_checkpoints.DEFECTS,
    *defects_of_summaries.DEFECTS,
    *defects_of_revision.DEFECTS,
    *defects_of_time.DEFECTS,
)
