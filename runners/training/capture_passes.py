"""Samples through the decoder: once through all of it, or once through each layer with activations kept on disk."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from runners.contract.jobs import Progress
from runners.training.capture_state import CaptureState
from runners.training.errors import CaptureError
from runners.training.head import F32, all_finite
from runners.training.samples import TokenRow
from runners.training.shard_files import ShardFiles
from runners.training.spill import Shape, Spill

Batch = Sequence[Sequence[int]]


class Described(Protocol):
    """What a decoder says about itself."""

    framework: str
    framework_version: str
    array_library: str
    device_label: str
    threads: int


class WholeDecoder(Described, Protocol):
    """A loaded decoder: final hidden states (after the last norm), `[tokens, d]` per row."""

    def hidden_states(self, batch: Batch) -> list[F32]: ...


@runtime_checkable
class LayeredDecoder(Described, Protocol):
    """One layer in memory at a time. States are padded batches `[rows, longest, d]`."""

    count: int

    def embed(self, batch: Batch) -> F32: ...
    def load(self, index: int) -> None: ...
    def forward(self, batch: Batch, states: F32) -> F32: ...


class Passes:
    """The batches of one capture, where their rows go, and what is told and noted on the way."""

    def __init__(
        self,
        rows: Sequence[TokenRow],
        batch_size: int,
        files: ShardFiles,
        state: CaptureState,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.files, self.state = files, state
        self._rows, self._size, self._on_progress = rows, batch_size, on_progress
        self.count = -(-len(rows) // batch_size)

    def batch(self, number: int) -> list[tuple[int, ...]]:
        return [row.ids for row in self._rows[number * self._size : (number + 1) * self._size]]

    def shapes(self, hidden_size: int) -> list[Shape]:
        """Of the padded batches."""
        batches = (self.batch(number) for number in range(self.count))
        return [(len(batch), max(map(len, batch)), hidden_size) for batch in batches]

    def keep(self, number: int, states: Sequence[F32]) -> None:
        """Of each sample the states that predict its response: position t predicts token t + 1. Raises CaptureError as
        `require_finite` does."""
        self.require_finite(number, states, "the decoder")
        first = number * self._size
        for sample, hidden in enumerate(states, start=first):
            row = self._rows[sample]
            self.files.put(sample, hidden[row.response_begin - 1 : len(row.ids) - 1])

    def require_finite(self, number: int, states: Sequence[F32], after: str) -> None:
        """Of a batch, without its padding. Raises CaptureError that names the sample: a decoder that is broken, or of
        which a file is, shows here and not after the hours that the layers behind it take."""
        for row, hidden in zip(self._rows[number * self._size :], states, strict=False):
            if not all_finite(hidden[: len(row.ids)]):
                raise CaptureError(
                    f"sample {row.sample_id}: expected finite states after {after}, got infinite ones or NaN; is the"
                    " checkpoint whole? Compare its files with what was published"
                )

    def tell(self, layer: int, layers: int, batches: int, detail: str) -> None:
        done = min(batches * self._size, len(self._rows))
        self._on_progress(
            Progress(
                stage="capture",
                done=layer * len(self._rows) + done,
                total=layers * len(self._rows),
                detail=detail,
            )
        )


def run_whole(passes: Passes, decoder: WholeDecoder) -> None:
    total = passes.files.bytes_of_rows
    _, begun = passes.state.done
    for number in range(begun, passes.count):
        passes.keep(number, decoder.hidden_states(passes.batch(number)))
        passes.state.reached(0, number + 1, passes.files.sync)
        written = total * (number + 1) // passes.count
        passes.tell(0, 1, number + 1, f"about {megabytes(written)} of {megabytes(total)}")


def run_by_layer(passes: Passes, decoder: LayeredDecoder, spill: Spill) -> None:
    """All batches through layer k before any goes through layer k + 1, so that one layer is the peak."""
    layers, begun = passes.state.done
    last = decoder.count - 1

    def sync() -> None:
        spill.sync()
        passes.files.sync()

    try:
        for layer in range(layers, decoder.count):
            decoder.load(layer)
            for number in range(begun, passes.count):
                batch = passes.batch(number)
                states = decoder.forward(batch, decoder.embed(batch) if layer == 0 else spill.read(layer, number))
                passes.require_finite(number, list(states), f"model.layers.{layer}")
                if layer < last:
                    spill.write(layer + 1, number, states)
                else:
                    passes.keep(number, list(states))
                passes.state.reached(layer, number + 1, sync)
                detail = f"layer {layer + 1} of {decoder.count}, {megabytes(spill.layer_bytes)} between two"
                passes.tell(layer, decoder.count, number + 1, detail)
            passes.state.reached(layer + 1, 0, sync, always=True)
            spill.drop(layer)
            begun = 0
    finally:
        spill.close()


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
