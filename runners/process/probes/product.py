"""One real product on the device, against float64: does it compute in f32, or in something shorter?"""

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from runners.contract.bringup import Bf16Product, ProductProbe
from runners.contract.jobs import BackendName
from runners.contract.receipts import Device

SEED = 20260324
ROWS, INNER, COLUMNS = 192, 512, 256
SAMPLE = 8
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def probe_product(name: BackendName, device: Device) -> ProductProbe:
    """The library is set as its backend left it, so this rounds as training rounds."""
    a, b = factors(SEED)
    _multiply(name, device, a[:1], b)  # the library's own start-up isn't the product's time
    started = time.perf_counter()
    got = _multiply(name, device, a, b)
    seconds = time.perf_counter() - started
    return ProductProbe(
        device_label=device.device_label,
        seed=SEED,
        rows=ROWS,
        inner=INNER,
        columns=COLUMNS,
        relative_error=relative_error(a, b, got),
        sample=_sample(got),
        bf16=_probe_bf16(device, a, b) if (name, device.kind) == ("torch", "cuda") else None,
        seconds=seconds,
    )


def factors(seed: int) -> tuple[F32, F32]:
    """A [rows, inner] and B [inner, columns] in [-1, 1): the upper 24 bits of Philox's raw words, exact in f32."""
    words = np.random.Philox(key=seed).random_raw(ROWS * INNER + INNER * COLUMNS)
    unit = ((words >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)
    return unit[: ROWS * INNER].reshape(ROWS, INNER), unit[ROWS * INNER :].reshape(INNER, COLUMNS)


def relative_error(a: F32, b: F32, got: F32) -> float:
    """Frobenius norm of the difference from the float64 product, over that of the product."""
    exact: F64 = a.astype(np.float64) @ b.astype(np.float64)
    return float(np.linalg.norm(got.astype(np.float64) - exact) / np.linalg.norm(exact))


def _probe_bf16(device: Device, a: F32, b: F32) -> Bf16Product:
    """The product that `TorchHead` does there."""
    import torch

    of_a, of_b = (torch.tensor(each, device=device.device_label).bfloat16() for each in (a, b))
    got = torch.mm(of_a, of_b, out_dtype=torch.float32).cpu().numpy()
    error = relative_error(of_a.float().cpu().numpy(), of_b.float().cpu().numpy(), got)
    return Bf16Product(relative_error=error, sample=_sample(got))


def _sample(got: F32) -> tuple[float, ...]:
    return tuple(float(value) for value in got[0, :SAMPLE])


def _multiply(name: BackendName, device: Device, a: F32, b: F32) -> F32:
    if name == "torch":
        import torch

        product: Any = torch.tensor(a, device=device.device_label) @ torch.tensor(b, device=device.device_label)
        return np.asarray(product.cpu().numpy(), dtype=np.float32)
    if name == "mlx":
        import mlx.core as mx

        return np.array(mx.array(a) @ mx.array(b), dtype=np.float32)
    return a @ b
