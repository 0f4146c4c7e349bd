"""Now, as the console knows it."""

from dataclasses import dataclass

from console.observation.line import Stamp


@dataclass(frozen=True, slots=True)
class Moment:
    """`alive`: does a living coordinator hold the run's lock? None when nobody looked. `kept`: the run is over,
    whatever its records say, and its own last one is now. `last_word`: of a coordinator that isn't alive any more."""

    now: Stamp
    alive: bool | None = None
    kept: bool = False
    last_word: str = ""

    def age_ms(self, then: Stamp) -> int:
        """Age of a coordinator's record. Its host is the console's, so while it lives both read one monotonic clock."""
        mono = self.now.mono_ms - then.mono_ms
        if self.alive and mono >= 0:
            return mono
        return max(0, self.now.wall_ms - then.wall_ms)
