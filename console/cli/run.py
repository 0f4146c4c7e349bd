"""`swarm run` and `swarm attach`: one window, watched from here and run by a detached coordinator."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.cli.find import find_run
from console.cli.remotes import is_tailnet
from console.cli.start import create_run, operator_key_file, operator_token, spawn_coordinator
from console.cli.start_options import StartOptions
from console.cli.watch import Interrupts, Watch
from console.coordination.paths import RunPaths
from console.coordination.process import read_spec
from console.coordination.spec import RunSpec
from console.evidence.checks.real_run import check_real_run
from console.evidence.checks.verdict import Verdict
from console.evidence.sshsig import allowed_signer
from console.hosts.errors import PortTaken
from console.hosts.loopback import require_free_port
from console.hosts.overlays import overlays_here, tailnet_address, warning_of
from console.observation.runs import coordinator_folder, list_runs, newest_live
from console.places import runs_dir
from runners.records.lock import is_held

SUCCESS = "bounded_success"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="one live run, headless; exit 0 for a bounded success whose bundle verifies, 1 otherwise",
        description="Runs one window on a lane: admit, prepare, train, replay, merge, keep. The work is done by a "
        "detached coordinator: Ctrl-C asks it to stop and close its bundle, a second Ctrl-C leaves it running.",
    )
    run.add_argument("--lane", default="loopback", help="name of a lane, or a .toml file (default: loopback)")
    run.add_argument("--run-id", metavar="ID", help="name of the run (default: made from lane and time)")
    run.add_argument("--bundle-dir", type=Path, metavar="D", help="also copy the closed bundle to this new folder")
    run.add_argument("--coordinator-port", type=int, metavar="P", help="port of the coordinator (default: the lane's)")
    run.add_argument("--contributor-port", type=int, metavar="P", help="SSH port of the contributor; 0 picks one")
    run.add_argument("--remote", metavar="HOST", help="a name of `swarm host list`, or HOST:PORT of an agent that runs")
    run.add_argument("--remote-host-key", type=Path, metavar="FILE", help="its OpenSSH public host key, pinned")
    run.add_argument("--dial-in", metavar="ADDRESS", help="listen at this address of ours for a contributor that dials")
    run.add_argument("--client-key", type=Path, metavar="FILE", help="our Ed25519 SSH key for it")
    run.add_argument("--model", type=Path, metavar="DIR", help="checkpoint on this machine (default: the tiny base)")
    run.add_argument("--dataset", type=Path, metavar="DIR", help="its manifest has the lane's dataset_ref")
    run.add_argument("--json", action="store_true", help="print one JSON document at the end")
    run.set_defaults(act=start)
    attach = commands.add_parser(
        "attach",
        help="watch a run that goes on; where its coordinator died, continue it to a closed bundle",
        description="Follows a run to its end. If no coordinator lives, a new one takes over from the journals.",
    )
    attach.add_argument("run_id", help="the run; `swarm status` lists them")
    attach.add_argument("--json", action="store_true", help="print one JSON document at the end")
    attach.set_defaults(act=attach_to, bundle_dir=None)


def start(options: argparse.Namespace) -> int:
    token = operator_token()
    chosen = StartOptions(
        lane=options.lane,
        run_id=options.run_id,
        coordinator_port=options.coordinator_port,
        contributor_port=options.contributor_port,
        remote=options.remote,
        remote_host_key=options.remote_host_key,
        client_key=options.client_key,
        dial_in=options.dial_in,
        model=options.model,
        dataset=options.dataset,
    )
    if options.bundle_dir is not None and options.bundle_dir.exists():
        raise UsageError(f"--bundle-dir {options.bundle_dir}: expected a new folder, got one that exists")
    spec, paths = create_run(chosen, check_ports=require_ports)
    if is_tailnet(spec.contract):
        tell_overlays()
    print(f"run {spec.run_id} in {paths.root}", file=sys.stderr)
    with Interrupts() as interrupts:  # from before there is something to stop
        spawn_coordinator(paths, token)
        ended = watch_run(spec.run_id, paths, interrupts)
    return report_result(spec.run_id, paths, options) if ended is None else ended


def tell_overlays() -> None:
    """What carries the packets of a tailnet lane, as far as this machine can tell."""
    address = tailnet_address()
    print(f"tailnet    {address or 'no address: Tailscale is not here, or not up'}  (tailscale ip -4)", file=sys.stderr)
    if (warning := warning_of(overlays_here())) is not None:
        print(f"warning    {warning}", file=sys.stderr)


def require_ports(ports: tuple[tuple[str, int, str], ...]) -> None:
    """Before anything is written. Raises UsageError with the option that helps."""
    for address, port, option in ports:
        try:
            require_free_port(address, port, option=option)
        except PortTaken as error:
            live = newest_live(list_runs(runs_dir()))
            here = f". {live.run_id} goes on here: `swarm attach {live.run_id}` shows it" if live else ""
            raise UsageError(f"{error}{here}") from error


def attach_to(options: argparse.Namespace) -> int:
    spec, paths = known_run(options.run_id)
    with Interrupts() as interrupts:
        if needs_coordinator(paths):
            print(f"run {spec.run_id}: no coordinator lives; a new one takes over from its journals", file=sys.stderr)
            spawn_coordinator(paths, operator_token())
        ended = watch_run(spec.run_id, paths, interrupts)
    return report_result(spec.run_id, paths, options) if ended is None else ended


def needs_coordinator(paths: RunPaths) -> bool:
    """Did its coordinator die before the bundle was in place?"""
    return not paths.bundle.exists() and not is_held(paths.coordinator)


def known_run(run_id: str) -> tuple[RunSpec, RunPaths]:
    """A run of this machine in its newest revision. Raises UsageError."""
    run_dir = find_run(run_id)
    folder = coordinator_folder(run_dir)
    if folder is None or not (folder / "spec.json").is_file():
        raise UsageError(f"run {run_id}: expected a run of this machine, got a folder without a spec")
    spec = read_spec(folder / "spec.json")
    return spec, RunPaths.of(run_dir.parent, spec.run_id, spec.contract, spec.revision)


def watch_run(run_id: str, paths: RunPaths, interrupts: Interrupts) -> int | None:
    """None once the bundle is in place, else the exit status."""
    watch = Watch(run_id, paths, interrupts)
    return None if watch.until_closed() else watch.exit_code


def report_result(run_id: str, paths: RunPaths, options: argparse.Namespace) -> int:
    verdict = check_real_run(paths.bundle)
    bundle = _keep_copy(paths, options.bundle_dir)
    classification = _report(run_id, bundle, verdict, as_json=options.json)
    return 0 if classification == SUCCESS and verdict.consistent else 1


def _keep_copy(paths: RunPaths, target: Path | None) -> Path:
    if target is None:
        return paths.bundle
    shutil.copytree(paths.bundle, target)
    return target


def _report(run_id: str, bundle: Path, verdict: Verdict, *, as_json: bool) -> str:
    kept = json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes())
    if as_json:
        said = {"run_id": run_id, "bundle": str(bundle), "check": verdict.to_json(), "result": kept}
        print(json.dumps(said, indent=2, sort_keys=True))
        return str(kept["result_classification"])
    print(f"result     {kept['result_classification']}: {kept['reason']}")
    for score in kept["held_out_scores"]:
        print(f"held-out   {score['mean_loss']:.4f}  {score['subject']}")
    word = "verified" if verdict.consistent else f"NOT verified: {verdict.findings[0]}"
    print(f"bundle     {bundle}")
    print(f"check      {word}, signer {verdict.signer}")
    print(f"signed by  {operator_key_file()}; who trusts it puts this line into the file of --allowed-signers:")
    print(f"           {allowed_signer('operator', operator_key_file()).strip()}")
    return str(kept["result_classification"])
