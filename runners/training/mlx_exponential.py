"""exp in MLX. Its own on a processor without Apple's library goes element by element and is wrong by 3e-6 at -50."""

import mlx.core as mx

LEAST = -87.0  # exp of less is below the least normal f32, and counts as that: 1.6e-38
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 355 / 512, -2.1219444005469057e-4  # times an n of at most 8 bits, the first is exact
TO_INTEGER = 1.5 * 2.0**23  # added, it leaves the nearest integer in the lowest bits
# (e^f - 1 - f) / f^2 at the Chebyshev nodes of |f| <= ln 2 / 2, highest power first: e^f within 1.1e-8
SERIES = (0.0013926250394433737, 0.00836323294788599, 0.04166655242443085, 0.16666576266288757, 0.5)


def exponential(x: mx.array) -> mx.array:
    """e^x for x <= 0 in f32; NaN stays NaN. On the processor 1e-7 of each value, at plain arithmetic's speed."""
    if mx.default_device().type == mx.gpu:
        return mx.exp(x)
    x = mx.maximum(x, LEAST)
    shifted = x * LOG2_E + TO_INTEGER
    n = shifted - TO_INTEGER
    f = (x - n * LN2_HIGH) - n * LN2_LOW  # e^x = 2^n e^f
    series = f * SERIES[0] + SERIES[1]
    for factor in SERIES[2:]:
        series = series * f + factor
    power = ((shifted.view(mx.int32) << 23) + 0x3F800000).view(mx.float32)  # n lies where f32 has its exponent
    return (series * (f * f) + f + 1.0) * power
