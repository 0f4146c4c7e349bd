"""What an accelerator's reading says to an operator: figures as they were told, and the one thing to look at first."""

from dataclasses import dataclass

from console.observation.figures import size, whole
from runners.contract.node_records import AcceleratorRead, CardFigures

FULL = 0.95  # of the card's memory: the next allocation may fail
HEAT = frozenset({"sw_thermal_slowdown", "hw_thermal_slowdown"})
# A card that computes hard runs into its power limit: that is how fast it is, no fault. Boards in sync are set so.
EXPECTED = frozenset({"sw_power_cap", "sync_boost"})
TROUBLES = {
    "no_bindings": "figures need nvidia-ml-py on that host",
    "no_nvml": "no NVML on that host, or of another version than its driver",
    "not_found": "NVML does not know this card",
    "lost": "the driver has lost the card: dmesg there names the Xid",
    "refused": "NVML refuses to answer",
    "silent": "the driver does not answer",
    "ended": "who asks the driver has ended there, again and again",
}
WORDS = {"lost": "card lost", "refused": "driver refuses", "silent": "driver silent", "ended": "driver unread"}
LATE_MS = 10_000  # five readings


@dataclass(frozen=True, slots=True)
class Shown:
    """Parts of one line; an empty one wasn't told. `concern` is a word for `role` warn or bad."""

    busy: str = ""
    memory: str = ""
    share: float | None = None  # of the card's memory, or of what Metal recommends
    temperature: str = ""
    power: str = ""
    holds_back: str = ""  # what keeps the clocks down without being a fault
    shared: str = ""
    concern: str = ""
    role: str = ""


def shown(read: AcceleratorRead, *, late_ms: int = 0) -> Shown:
    """`late_ms`: how much newer the last beat is than this reading, by the host's own clock."""
    concern, role = _concern(read, late_ms)
    card = read.card
    memory, share = _memory(read)
    if card is None:
        return Shown(memory=memory, share=share, concern=concern, role=role)
    return Shown(
        busy="" if card.busy_percent is None else f"{card.busy_percent} %",
        memory=memory,
        share=share,
        temperature="" if card.temperature_c is None else f"{card.temperature_c} °C",
        power=_power(card),
        holds_back="power cap" if "sw_power_cap" in (card.slowing or ()) else "",
        shared=f"shared by {card.processes}" if (card.processes or 0) > 1 else "",
        concern=concern,
        role=role,
    )


def slowed(card: CardFigures) -> str:
    """Why its clocks are held down though nobody set them so; empty where they aren't."""
    told = frozenset(card.slowing or ()) - EXPECTED
    if told & HEAT:
        return "throttled, heat"
    if "hw_power_brake_slowdown" in told:
        return "throttled, power"
    return "throttled" if told else ""


def of(used: int, total: int) -> str:
    """`12.0 of 17.2 GB`, both in the unit of the second."""
    amount, unit = size(total).split()
    part = used / total * float(amount) if total else 0.0
    return f"{part:.1f} of {amount} {unit}" if part < 100 else f"{part:.0f} of {amount} {unit}"


def _concern(read: AcceleratorRead, late_ms: int) -> tuple[str, str]:
    if read.trouble is not None:
        role = "bad" if read.trouble == "lost" else "warn"
        return (WORDS[read.trouble], role) if read.trouble in WORDS else ("", "")
    if late_ms > LATE_MS:
        return f"figures {whole(late_ms)} old", "warn"
    if read.card is not None and (why := slowed(read.card)):
        return why, "warn"
    share = _memory(read)[1]
    return ("full", "warn") if share is not None and share > FULL else ("", "")


def _memory(read: AcceleratorRead) -> tuple[str, float | None]:
    card, held = read.card, read.held
    if card is not None and card.used_bytes is not None and card.total_bytes:
        return of(card.used_bytes, card.total_bytes), card.used_bytes / card.total_bytes
    if held is None:
        return "", None
    own = held.arrays_bytes + held.cached_bytes
    if held.recommended_bytes:
        return f"{of(own, held.recommended_bytes)} held", own / held.recommended_bytes
    return f"{size(own)} held", None


def _power(card: CardFigures) -> str:
    if card.power_mw is None:
        return ""
    limit = "" if card.power_limit_mw is None else f" of {card.power_limit_mw / 1000:.0f}"
    return f"{card.power_mw / 1000:.0f}{limit} W"
