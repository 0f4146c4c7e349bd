"""What the parsers make of each sample. The machines of the frozen lane were not at hand: see samples/README.md."""

import copy
from pathlib import Path
from typing import Any

import pytest

from runners.contract.receipts import Device
from runners.process.probes import linux, mac, nvml
from runners.process.probes.accelerator import cpu_facts, cuda_facts, metal_facts, metal_free
from runners.process.probes.commands import read_text, run
from runners.process.probes.machine import machine, os_word
from tests.process.sampled import CARD, MACS, SAMPLES, SampledNvml, body, mac_commands, text

GIB = 1 << 30


def device(kind: Any, name: str, memory: int) -> Device:
    return Device(
        backend_label="open_adapter_backend.cuda.gpt_oss_lm_head", kind=kind, device_label=f"{kind}:0", name=name,
        memory_total_bytes=memory, threads=1, blas="x", tf32=False,
    )  # fmt: skip


def card(**changes: Any) -> dict[str, Any]:
    sample = copy.deepcopy(body(CARD, "nvml.json"))
    sample["cards"][0].update(changes)
    return sample


def test_every_sample_says_in_its_name_whether_it_was_recorded_and_the_readme_says_so_too() -> None:
    told = (SAMPLES / "README.md").read_text()
    kinds = {path.name: path.name.partition("_")[0] for path in SAMPLES.iterdir() if path.is_dir()}

    assert set(kinds.values()) == {"recorded", "authored"}
    for name, kind in kinds.items():
        (row,) = [line for line in told.splitlines() if f"`{name}`" in line]
        assert kind.upper() in row


def test_an_m2_pro_is_read_from_sw_vers_and_sysctl() -> None:
    assert mac.read_mac(mac_commands("authored_m2_pro")) == mac.MacFacts(
        version="14.7.1", build="23H222", hardware_model="Mac14,10", chip="Apple M2 Pro",
        memory_bytes=16 * GIB, memory_pressure="normal",
    )  # fmt: skip


def test_an_m4_max_is_read_from_a_whole_sysctl_a() -> None:
    assert mac.read_mac(mac_commands("authored_m4_max")) == mac.MacFacts(
        version="15.3.1", build="24D70", hardware_model="Mac16,6", chip="Apple M4 Max",
        memory_bytes=48 * GIB, memory_pressure="warning",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("machine_name", "name", "cores"), [(MACS[0], "Apple M2 Pro", 19), (MACS[1], "Apple M4 Max", 40)]
)
def test_the_gpu_is_the_card_with_a_metal_family(machine_name: str, name: str, cores: int) -> None:
    assert mac.read_gpu(mac_commands(machine_name)) == mac.MacGpu(name, cores, "metal3")


@pytest.mark.parametrize(
    "output",
    [None, "", "{", "[]", '{"SPDisplaysDataType": 5}', '{"SPDisplaysDataType": [5, {"_name": 3}]}', "[" * 100_000],
    ids=["no_command", "nothing", "torn", "a_list", "a_number", "strange_cards", "deep"],
)
def test_an_output_that_names_no_gpu_is_none(output: str | None) -> None:
    assert mac.parse_displays(output) is None


def test_a_mac_without_its_commands_has_no_facts() -> None:
    assert mac.read_mac(lambda _: None) == mac.MacFacts(None, None, None, None, None, None)


@pytest.mark.parametrize("machine_name", MACS)
def test_a_macs_accelerator_is_what_mlx_and_system_profiler_say(machine_name: str) -> None:
    info, gpu = body(machine_name, "mlx_device_info.json"), mac.read_gpu(mac_commands(machine_name))
    facts = metal_facts(device("metal", info["device_name"], 0), info, gpu, free=5 * GIB)
    assert (facts.kind, facts.name, facts.memory_total_bytes) == ("metal", info["device_name"], info["memory_size"])
    assert (facts.metal_family, facts.gpu_cores) == ("metal3", gpu.cores if gpu else 0)
    assert facts.sources == ("mlx.device_info", "system_profiler")


def test_metals_working_set_bounds_what_is_free() -> None:
    limit = body("authored_m2_pro", "mlx_device_info.json")["max_recommended_working_set_size"]
    assert metal_free(limit, 1 * GIB, 20 * GIB) == limit - GIB
    assert metal_free(limit, 1 * GIB, 2 * GIB) == 2 * GIB
    assert metal_free(limit, 99 * GIB, 2 * GIB) == 0
    assert metal_free(None, 0, 2 * GIB) == 2 * GIB


def test_an_rtx_4080_is_read_through_nvml() -> None:
    bindings = SampledNvml(card())
    cards = nvml.read_cards(bindings)
    assert cards == (
        nvml.NvmlCard(
            name="NVIDIA GeForce RTX 4080", uuid="GPU-1b2c3d4e-0000-4111-8222-333344445555", driver="550.120",
            memory_total_bytes=17171480576, memory_free_bytes=16290676736, compute_capability="8.9",
            pci_bus_id="00000000:01:00.0", throttling=(),
        ),
    )  # fmt: skip
    assert bindings.ended == 1


def test_older_bindings_that_answer_in_bytes_are_read_the_same() -> None:
    assert nvml.read_cards(SampledNvml(card(), as_bytes=True)) == nvml.read_cards(SampledNvml(card()))


def test_a_host_without_a_driver_has_no_cards() -> None:
    assert nvml.read_cards(SampledNvml(card(), missing=("nvmlInit",))) is None


def test_the_real_bindings_give_the_names_that_are_asked_and_no_cards_without_a_driver() -> None:
    bindings = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed here")
    asked = [name for name in vars(SampledNvml) if name.startswith("nvml")]
    assert [name for name in asked if not hasattr(bindings, name)] == []
    assert {bindings.nvmlClocksEventReasonSwPowerCap, bindings.nvmlClocksEventReasonHwThermalSlowdown} <= set(
        nvml.SLOWING
    )
    cards = nvml.read_cards(bindings)
    assert cards is None or all(card.memory_total_bytes > 0 for card in cards)


def test_a_card_that_tells_less_is_still_read() -> None:
    refused = ("nvmlDeviceGetPciInfo", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetUUID")
    cards = nvml.read_cards(SampledNvml(card(), missing=refused))
    assert cards is not None
    assert (cards[0].pci_bus_id, cards[0].throttling, cards[0].uuid) == (None, None, None)
    assert cards[0].memory_free_bytes == 16290676736


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0, ()),
        (0x103, ()),  # idle, application clocks, display clocks: settings, not faults
        (0x4, ("sw_power_cap",)),
        (0x68, ("hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown")),
    ],
)
def test_only_reasons_that_slow_the_clocks_are_throttling(bits: int, words: tuple[str, ...]) -> None:
    assert nvml.slowing(bits) == words


def test_the_card_is_found_by_the_uuid_that_torch_gives_without_its_prefix() -> None:
    sample = card()
    sample["cards"].insert(0, {**sample["cards"][0], "uuid": "GPU-ffffffff-0000-0000-0000-000000000000"})
    cards = nvml.read_cards(SampledNvml(sample))
    assert cards is not None
    told = body(CARD, "torch_cuda.json")
    assert nvml.card_of(cards, told["uuid"], told["name"]) is cards[1]
    # Two of one name and no UUID: nobody can say which, so nobody does.
    assert nvml.card_of(cards, None, told["name"]) is None
    assert nvml.card_of(cards[:1], None, told["name"]) is cards[0]


def test_an_rtx_4080s_accelerator_joins_nvml_and_torch() -> None:
    told, cards = body(CARD, "torch_cuda.json"), nvml.read_cards(SampledNvml(card()))
    assert cards is not None
    free, total = told["mem_get_info"]
    facts = cuda_facts(
        device("cuda", told["name"], told["total_memory"]),
        cards[0],
        visible=1,
        total=total,
        free=free,
        capability="8.9",
    )
    assert (facts.memory_total_bytes, facts.memory_free_before_bytes) == (17171480576, free)
    assert (facts.driver, facts.compute_capability, facts.pci_bus_id) == ("550.120", "8.9", "00000000:01:00.0")
    assert (facts.throttling, facts.sources) == ((), ("nvml", "torch.cuda"))


def test_a_cuda_device_without_nvml_names_no_driver() -> None:
    facts = cuda_facts(device("cuda", "NVIDIA X", 8), None, visible=2, total=8, free=7, capability="9.0")
    assert (facts.driver, facts.throttling, facts.sources) == (None, None, ("torch.cuda",))
    assert (facts.visible, facts.compute_capability) == (2, "9.0")


def test_a_cpu_has_the_machines_own_memory() -> None:
    facts = cpu_facts(device("cpu", "AMD EPYC", 8), total=8, free=3)
    assert (facts.memory_total_bytes, facts.memory_free_before_bytes, facts.sources) == (8, 3, ("psutil",))


def test_the_recorded_linux_machine_is_named() -> None:
    assert linux.parse_os_release(text("recorded_linux_vm", "os-release.txt")) == "Debian GNU/Linux 12 (bookworm)"
    assert linux.parse_cpuinfo(text("recorded_linux_vm", "cpuinfo.txt")) == "AMD EPYC"


def test_a_linux_that_says_little_is_named_by_what_it_says() -> None:
    assert linux.parse_os_release("# x\nNAME='Alpine'\nVERSION_ID=3.20\n") == "Alpine 3.20"
    assert (linux.parse_os_release(None), linux.parse_cpuinfo(None)) == (None, None)
    assert linux.parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd\n") is None


def test_this_machine_is_measured(tmp_path: Path) -> None:
    found = machine(tmp_path)
    assert found.os in ("linux", "macos")
    assert found.memory_total_bytes >= found.memory_available_bytes > 0
    assert found.disk_free_bytes > 0
    assert found.chip != "unknown"


@pytest.mark.parametrize(("system", "word"), [("Darwin", "macos"), ("Linux", "linux"), ("FreeBSD", "freebsd")])
def test_systems_have_the_lanes_words(system: str, word: str) -> None:
    assert os_word(system) == word


def test_a_command_or_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert run((str(tmp_path / "nothing"),)) is None
    assert run(("/bin/sh", "-c", "echo half; exit 3")) is None
    assert run(("/bin/sh", "-c", "echo all")) == "all\n"
    assert read_text(tmp_path / "nothing") is None
