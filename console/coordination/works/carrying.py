"""Training checkpoints from one revision into the next one's folder, so that each revision's evidence is whole."""

import shutil

from console.coordination.paths import RunPaths
from runners.contract.plan import WindowPlan
from runners.records.durable import matches


def bring_over(paths: RunPaths, plan: WindowPlan) -> None:
    """Exactly the bytes that the plan goes on from. Raises OSError where the revision before doesn't have them."""
    for assignment in plan.assignments:
        folder = paths.checkpoints(assignment.node_id)
        for ref in assignment.continues_from:
            assert paths.before is not None, "only a later revision goes on from an earlier one"
            target = folder / ref.file.name
            folder.mkdir(parents=True, exist_ok=True)
            if not matches(target, ref.file):
                draft = target.with_name(f".{target.name}.tmp")
                shutil.copyfile(paths.before.checkpoints(assignment.node_id) / ref.file.name, draft)
                if not matches(draft, ref.file):
                    draft.unlink()
                    raise OSError(f"{target.name}: expected sha256 {ref.file.sha256} of revision {ref.revision}")
                draft.replace(target)
