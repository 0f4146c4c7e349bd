"""Facts of a Linux host: /etc/os-release, the board's DMI name, /proc/cpuinfo."""

from pathlib import Path

from runners.process.probes.commands import read_text

OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
# A board's product name; a device tree names it on machines without DMI.
BOARD = (Path("/sys/class/dmi/id/product_name"), Path("/sys/firmware/devicetree/base/model"))
CPUINFO = Path("/proc/cpuinfo")


def os_version() -> str | None:
    text = next((found for path in OS_RELEASE if (found := read_text(path)) is not None), None)
    return parse_os_release(text)


def hardware_model() -> str | None:
    text = next((found for path in BOARD if (found := read_text(path)) is not None), None)
    return None if text is None else text.strip("\0 \n") or None


def chip() -> str | None:
    return parse_cpuinfo(read_text(CPUINFO))


def parse_os_release(text: str | None) -> str | None:
    """PRETTY_NAME of os-release(5), else NAME and VERSION_ID."""
    fields = {}
    for line in (text or "").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            fields[name.strip()] = value.strip().strip("\"'")
    pretty = fields.get("PRETTY_NAME") or " ".join(filter(None, (fields.get("NAME"), fields.get("VERSION_ID"))))
    return pretty or None


def parse_cpuinfo(text: str | None) -> str | None:
    """The first `model name`; kernels for Arm print none."""
    for line in (text or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return None
