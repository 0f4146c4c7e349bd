"""Rules about what was to be done: the plan, its slices, its start, its order of batches."""

from collections.abc import Iterator

import numpy as np

from console.evidence.checks.batch_order import batch_order
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.tensors import TENSOR_A, TENSOR_B
from console.evidence.checks.verdict import Mismatch, differs

PLAN = "contract/window_plan.json"


def assignments_repeat_the_contract(e: Evidence) -> Iterator[Mismatch]:
    """Every required contributor has one assignment, with the contract's adapter and recipe and the plan's head."""
    if e.plan is None or e.contract is None:
        return
    assigned = sorted(item["node_id"] for item in e.plan["assignments"])
    yield from differs(f"{PLAN} assigned nodes", sorted(e.contributors), assigned)
    for item in e.plan["assignments"]:
        where = f"{PLAN} assignment of {item['node_id']}"
        for name in ("adapter", "recipe"):
            yield from differs(f"{where} {name}", e.contract[name], item[name])
        for name in ("head", "initial_adapter", "revision"):
            yield from differs(f"{where} {name}", e.plan[name], item[name])
    yield from differs(f"{PLAN} dataset_ref", e.contract["data"]["dataset_ref"], e.plan["dataset_ref"])


def batches_follow_from_the_recipe(e: Evidence) -> Iterator[Mismatch]:
    """The batch order is a pure function of seed and sizes; a chosen order could hide samples."""
    for item in e.plan["assignments"] if e.plan else []:
        recipe = item["recipe"]
        samples = len(item["slice"]["sample_ids"])
        # Contributor k of the contract shuffles with seed + k, so that no two present their samples alike.
        seed = recipe["seed"] + (e.contributors.index(item["node_id"]) if item["node_id"] in e.contributors else 0)
        expected = batch_order(seed, samples, recipe["batch_samples"], recipe["steps"])
        if expected is None or expected != item["batches"]:
            yield Mismatch(f"{PLAN} batches of {item['node_id']}", f"the order of seed {seed}", "another order")


def slices_share_no_sample(e: Evidence) -> Iterator[Mismatch]:
    """Two contributors on the same samples, or training on held-out ones, would score themselves."""
    if e.plan is None:
        return
    owner: dict[str, str] = dict.fromkeys(e.plan["held_out_sample_ids"], "held_out")
    for item in e.plan["assignments"]:
        for sample in item["slice"]["sample_ids"]:
            if sample in owner:
                yield Mismatch(
                    f"{PLAN} slice of {item['node_id']}", "samples of its own", f"{sample} of {owner[sample]}"
                )
                break
            owner[sample] = item["node_id"]


def inputs_are_the_planned_bytes(e: Evidence) -> Iterator[Mismatch]:
    """Slices, held-out shard and initial adapter in the bundle are the bytes that the plan names."""
    if e.plan is None:
        return
    pairs = [("initial_adapter", e.plan["initial_adapter"]), ("held_out", e.plan["held_out_shard"])]
    pairs += [(f"slice_{item['node_id']}", item["slice"]["shard"]) for item in e.plan["assignments"]]
    for name, reference in pairs:
        yield from _same_bytes(e, f"retained_artifacts/{name}.safetensors", reference)


def _same_bytes(e: Evidence, path: str, reference: Body) -> Iterator[Mismatch]:
    got = e.file_of(path)
    if got is None:
        yield Mismatch(path, f"the bytes {reference['sha256'][:16]}", "no file that can be read")
        return
    yield from differs(path, (reference["size_bytes"], reference["sha256"]), (got.size, got.sha256))


def shards_have_the_planned_shape(e: Evidence) -> Iterator[Mismatch]:
    """hidden_states [N, d], target_ids [N], one offset more than samples; N and samples are those of the plan."""
    if e.plan is None:
        return
    sizes = {
        f"slice_{i['node_id']}": (i["slice"]["tokens"], len(i["slice"]["sample_ids"])) for i in e.plan["assignments"]
    }
    held_out = e.documents.get("contract/held_out_manifest.json")
    if held_out:
        sizes["held_out"] = (held_out["tokens"], len(e.plan["held_out_sample_ids"]))
    for name, (tokens, samples) in sizes.items():
        path = f"retained_artifacts/{name}.safetensors"
        if path in e.shards:
            shapes = {key: entry.shape for key, entry in e.shards[path].items()}
            expected = {
                "hidden_states": (tokens, e.plan["head"]["hidden_size"]),
                "target_ids": (tokens,),
                "sample_offsets": (samples + 1,),
            }
            yield from differs(path, expected, shapes)


def manifests_stand_behind_the_plan(e: Evidence) -> Iterator[Mismatch]:
    """The captured shards: same head, same data, and every sample of the plan among theirs."""
    if e.plan is None or e.contract is None:
        return
    train = e.documents.get("contract/train_manifest.json")
    held_out = e.documents.get("contract/held_out_manifest.json")
    for path, body in (("train_manifest", train), ("held_out_manifest", held_out)):
        if body is None:
            yield Mismatch(f"contract/{path}.json", "the manifest of a captured shard", "no such document")
            continue
        yield from differs(f"contract/{path}.json head", e.plan["head"], body["head"])
        yield from differs(f"contract/{path}.json dataset_ref", e.plan["dataset_ref"], body["dataset_ref"])
    if train:
        # One file of samples stands behind each split; the plan names that of the slices.
        yield from differs(f"{PLAN} dataset_sha256", train["dataset_sha256"], e.plan["dataset_sha256"])
    if held_out:
        yield from differs(f"{PLAN} held_out_shard", _bytes_of(held_out["file"]), _bytes_of(e.plan["held_out_shard"]))
        yield from differs(f"{PLAN} held_out_sample_ids", held_out["sample_ids"], e.plan["held_out_sample_ids"])
    if train:
        yield from differs(f"{PLAN} train_shard", _bytes_of(train["file"]), _bytes_of(e.plan["train_shard"]))
        known = set(train["sample_ids"])
        for item in e.plan["assignments"]:
            if foreign := sorted(set(item["slice"]["sample_ids"]) - known):
                yield Mismatch(f"{PLAN} slice of {item['node_id']}", "samples of the train shard", foreign[0])


def _bytes_of(reference: Body) -> tuple[int, str]:
    return reference["size_bytes"], reference["sha256"]


def the_start_is_no_adapter_yet(e: Evidence) -> Iterator[Mismatch]:
    """B is zero at the start, so that the delta that comes back is work and not luggage; shapes fit the head."""
    path = "retained_artifacts/initial_adapter.safetensors"
    adapter = e.adapters.get(path)
    if adapter is None or e.plan is None or e.contract is None:
        return
    head, rank = e.plan["head"], e.contract["adapter"]["rank"]
    expected = ((rank, head["hidden_size"]), (head["vocab_size"], rank))
    yield from differs(f"{path} shapes of A and B", expected, (adapter.a.shape, adapter.b.shape))
    if adapter.b.any():
        yield Mismatch(f"{path} B", "zeros", "something else")
    if adapter.a_bytes != _start_of(e.contract["recipe"]["seed"], adapter.a.shape):
        yield Mismatch(f"{path} A", "the numbers that follow from the recipe's seed", "others")


def _start_of(seed: int, shape: tuple[int, ...]) -> bytes:
    """A from U(-1/sqrt(d), 1/sqrt(d)): upper 24 bits of Philox's raw words under the key `seed`, as f32."""
    rank, width = shape
    words = np.random.Philox(key=seed).random_raw(rank * width)
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**24
    return bytes(((2 * unit - 1) / np.sqrt(width)).astype("<f4").tobytes())


def uploads_are_expected_in_full(e: Evidence) -> Iterator[Mismatch]:
    """The expected manifest follows from the assignment: names, shapes, dtypes and identity, nothing else."""
    for item in e.plan["assignments"] if e.plan else []:
        manifest, head, rank = item["expected_upload"], item["head"], item["adapter"]["rank"]
        where = f"{PLAN} expected upload of {item['node_id']}"
        identity = {
            "run_id": item["run_id"],
            "window_id": item["window_id"],
            "node_id": item["node_id"],
            "revision": item["revision"],
            "head_sha256": head["sha256"],
            "slice_sha256": item["slice"]["shard"]["sha256"],
            "initial_adapter_sha256": item["initial_adapter"]["sha256"],
            "rank": rank,
            "alpha": item["adapter"]["alpha"],
        }
        shapes = [(TENSOR_A, [rank, head["hidden_size"]]), (TENSOR_B, [head["vocab_size"], rank])]
        got = sorted((tensor["name"], tensor["shape"]) for tensor in manifest["tensors"])
        yield from differs(f"{where} identity", identity, manifest["identity"])
        yield from differs(f"{where} tensors", shapes, got)


RULES = (
    assignments_repeat_the_contract,
    batches_follow_from_the_recipe,
    slices_share_no_sample,
    inputs_are_the_planned_bytes,
    shards_have_the_planned_shape,
    manifests_stand_behind_the_plan,
    the_start_is_no_adapter_yet,
    uploads_are_expected_in_full,
)
