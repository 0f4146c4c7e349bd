"""Writes the corpus: bundles and documents that are false in one thing, sealed again so that only its rule can object.

The defects are those of the tests beside each checker; nothing is kept in the repository but what makes them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from console.evidence.device_summary import SUMMARY_FILE
from console.evidence.lane_documents.frozen_lane import freeze_lane
from console.evidence.lane_documents.known_reports import given_report
from console.evidence.lane_documents.operator_bundle import Launch, write_operator_bundle
from console.evidence.lane_documents.sources import shipped_sources
from console.evidence.outcomes.places import documents_dir, publications_dir
from console.places import data_dir
from runners.contract.canonical import readable_bytes
from tests.checks import defects_of_reports, signed_report
from tests.checks.every_defect import DEFECTS
from tests.checks.forge import forge
from tests.checks.forged_ends import refused_at_bring_up
from tests.checks.resealing import operator_key_file, reseal_bundle, rewrite
from tests.lanes import defects as lanes
from tests.lanes import false_operator_bundles, given_reports
from tests.lanes.resealing import relink
from tests.outcomes import false_documents, false_publications, false_summaries
from tests.outcomes.conftest import LANE, keep
from tests.outcomes.publishing import REPORT_FILE, SNAPSHOT_DIR, publish_forged, reseal_publication, write_checkpoint

INDEX_FILE = "index.json"
WHAT = {"rehearsal": "rehearsal", "evidence_bundle": "evidence", "closeout": "closeout"}
FROZEN_FROM = ("lanes", "base", "dataset", "reports", "drills")


@dataclass(frozen=True)
class Bad:
    """`swarm check WHAT --bundle PLACE` refuses it by `rule` and by no other. `place` is relative to the corpus."""

    what: str
    name: str
    place: str
    rule: str


def build(out: Path) -> tuple[Bad, ...]:
    """Everything, with an index. `out` must not exist yet: an older corpus is never mixed with a newer one."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        made = (
            *_runs(out, work / "runs"),
            *_bringups(out),
            *_lanes(out),
            *_operator_bundles(out, work / "operator"),
            *_outcomes(out, work / "outcomes"),
        )
    (out / INDEX_FILE).write_bytes(readable_bytes({"bad": [asdict(bad) for bad in made]}))
    return made


def _runs(out: Path, work: Path) -> Iterator[Bad]:
    true = forge(work / "true")
    for defect in DEFECTS:
        if defect.also:
            continue  # false in more than one place, however it is told
        home = work / defect.name
        if defect.told:
            bundle = forge(home, defect.told())
        else:
            assert defect.after is not None
            bundle = shutil.copytree(true, home / "bundle")
            operator_key_file(home)
            defect.after(bundle)
            if defect.resealed:
                reseal_bundle(bundle)
        place = f"runs/{defect.name}"
        shutil.move(bundle, out / place)
        yield Bad("real-run", defect.name, place, defect.rule)
    summarised = false_summaries.summarised(work / "summarised")
    for name, rule, edit in false_summaries.LIES:
        bundle = shutil.copytree(summarised, work / name / "bundle")
        operator_key_file(bundle.parent)
        rewrite(bundle / SUMMARY_FILE, edit)
        reseal_bundle(bundle)
        (out / "summaries").mkdir(exist_ok=True)
        shutil.move(bundle, out / "summaries" / name)
        yield Bad("real-run", name, f"summaries/{name}", rule)


def _bringups(out: Path) -> Iterator[Bad]:
    for name, rule, edit in defects_of_reports.DEFECTS:
        if name == "another_lane":
            continue  # by the command, a report of a lane that nobody here knows is judged alone
        body = signed_report.forged()
        edit(body)
        (out / "bringups" / name).mkdir(parents=True)
        path = signed_report.write(out / "bringups" / name, signed_report.resealed(body))
        yield Bad(body["requirements"]["run_root"], name, path.relative_to(out).as_posix(), rule)


def _operator_bundles(out: Path, work: Path) -> Iterator[Bad]:
    contract = false_operator_bundles.CONTRACT
    node = contract.contributors[1]
    known = given_report(given_reports.keep(work, "given.json", given_reports.report(1)), contract, node)
    frozen = freeze_lane(shipped_sources(contract))
    write_operator_bundle(Launch(frozen, "run-1", 5_000, {node.node_id: known}), work / "true")
    for name, rule, plant in false_operator_bundles.DEFECTS:
        bundle = shutil.copytree(work / "true", out / "operator_bundles" / name)
        plant(bundle)
        yield Bad("lan", name, bundle.relative_to(out).as_posix(), rule)


def _lanes(out: Path) -> Iterator[Bad]:
    source = data_dir("fixtures")
    for defect in lanes.DEFECTS:
        root = out / "lanes" / defect.name
        for folder in FROZEN_FROM:
            shutil.copytree(source / "swarm" / folder, root / "swarm" / folder)
        shutil.copytree(source / "training", root / "training")
        for path in (source / "swarm").glob("*.json"):
            shutil.copy(path, root / "swarm")
        relink(root, lanes.LANE, defect.edits)
        if defect.plant:
            defect.plant(root)
        place = f"lanes/{defect.name}/swarm/lanes/{lanes.LANE}.toml"
        yield Bad("lan", defect.name, place, defect.rule)


def _outcomes(out: Path, work: Path) -> Iterator[Bad]:
    true = {"promoted": forge(work / "promoted"), "refused": refused_at_bring_up(work / "refused")}
    for lie in false_documents.LIES:
        bundle = shutil.copytree(true[lie.of], out / "outcomes" / lie.name / "bundle")
        path = documents_dir(keep(bundle).run.folder) / f"{LANE}_{lie.kind}_v1.json"
        rewrite(path, lie.edit)
        yield Bad(WHAT[lie.kind], lie.name, path.relative_to(out).as_posix(), lie.rule)
    model = write_checkpoint(work / "base")
    for wrong in false_publications.LIES:
        kept = keep(shutil.copytree(true["promoted"], out / "publications" / wrong.name / "bundle"))
        folder = publications_dir(kept.run.folder)
        publish_forged(kept.run, model, folder)
        if wrong.snapshot:
            wrong.snapshot(folder / SNAPSHOT_DIR)
        reseal_publication(folder, wrong.report, relist=wrong.relisted)
        yield Bad("publication", wrong.name, (folder / REPORT_FILE).relative_to(out).as_posix(), wrong.rule)
