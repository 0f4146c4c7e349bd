"""What eyes make of two colours: contrast (WCAG 2.1), deuteranopia (Vienot, Brettel, Mollon 1999), greyscale, and how
far apart two colours look (CIE 1976, in L*a*b* under D65)."""

import math
from functools import lru_cache

STATES = ("ok", "warn", "bad")
READABLE = 4.5  # WCAG 2.1, AA
TEXTS = ("text", "muted", "bright", "ok", "warn", "bad", "accent", "digest")
Linear = tuple[float, float, float]


def contrast(one: str, other: str) -> float:
    """1 to 21. Colours are `#rrggbb`."""
    light, dark = sorted((_brightness(one), _brightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=1024)
def deuteranopia(colour: str) -> str:
    """The colour as it looks without the green cones."""
    red, green, blue = _linear(colour)
    # One matrix for RGB -> LMS, projection, and back: red and green fall together, blue stays.
    both = 0.29275 * red + 0.70725 * green
    return _hex((both, both, -0.02234 * red + 0.02234 * green + blue))


@lru_cache(maxsize=1024)
def grey(colour: str) -> str:
    shade = _luminance(_linear(colour))
    return _hex((shade, shade, shade))


def difference(one: str, other: str) -> float:
    """About 2 is the least that is seen side by side; 10 is told apart at a glance."""
    return math.dist(_lab(one), _lab(other))


def _linear(colour: str) -> Linear:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return _unbent(red), _unbent(green), _unbent(blue)


def _unbent(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _hex(linear: Linear) -> str:
    parts = [min(1.0, max(0.0, part)) for part in linear]
    bent = [part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in parts]
    return "#" + "".join(f"{round(part * 255):02x}" for part in bent)


@lru_cache(maxsize=1024)
def _brightness(colour: str) -> float:
    return _luminance(_linear(colour))


def _luminance(linear: Linear) -> float:
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache(maxsize=1024)
def _lab(colour: str) -> Linear:
    red, green, blue = _linear(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = _luminance((red, green, blue))
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
