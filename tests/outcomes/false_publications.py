"""Snapshots and their reports that are false in one thing, and the rule that says so."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.validation.adapter import adapter_bytes, read_adapter
from tests.checks.resealing import rewrite

Body = dict[str, Any]


@dataclass(frozen=True)
class Lie:
    """A changed snapshot or report, listed and digested anew."""

    name: str
    rule: str
    snapshot: Callable[[Path], None] | None = None
    report: Callable[[Body], None] | None = None
    relisted: bool = True


def _extra_file(snapshot: Path) -> None:
    (snapshot / "notes.txt").write_text("x\n")


def _document(name: str, **fields: Any) -> Callable[[Path], None]:
    return lambda snapshot: rewrite(snapshot / name, lambda body: body.update(fields))


def _other_weights(snapshot: Path) -> None:
    path = snapshot / "adapter_model.safetensors"
    adapter = read_adapter(path.read_bytes(), alpha=1.0, name=path.name)
    path.write_bytes(adapter_bytes(adapter.a, adapter.b * 2, adapter.metadata))


def _other_mlx_scale(snapshot: Path) -> None:
    path = snapshot / "mlx" / "adapter_config.json"
    path.write_bytes(path.read_bytes().replace(b'"scale": 2.0', b'"scale": 1.0'))


def _other_mlx_bytes(snapshot: Path) -> None:
    path = snapshot / "mlx" / "adapters.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x3f")


def _better_card(snapshot: Path) -> None:
    path = snapshot / "README.md"
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join("| merge | 0.000001 |\n" if line.startswith("| merge |") else line for line in text))


def _smoke(**fields: Any) -> Callable[[Body], None]:
    """Other figures, and the gate told to match."""

    def edit(body: Body) -> None:
        body["peft_smoke"].update(fields)
        smoke, tokens = body["peft_smoke"], len(body["peft_smoke"]["generated_tokens"])
        body["gates"][-1].update(
            value=f"{smoke['max_logit_difference']:.3g} off base plus delta, {tokens} tokens",
            threshold=f"at most {smoke['logit_bound']:g}, {smoke['asked_tokens']} tokens, a delta above 0",
        )

    return edit


def _first_gate(**fields: Any) -> Callable[[Body], None]:
    return lambda body: body["gates"][0].update(fields)


LIES = (
    Lie("an_extra_file", "nothing_else_lies_in_the_snapshot", _extra_file, relisted=False),
    Lie("doubled_weights", "adapter_is_the_merge", _other_weights),
    Lie("another_mlx_scale", "mlx_adapter_is_the_same_delta", _other_mlx_scale),
    Lie("other_mlx_weights", "mlx_adapter_is_the_same_delta", _other_mlx_bytes),
    Lie("another_base", "contracts_are_the_plans", _document("compatibility_contract.json", head_sha256="ab" * 32)),
    Lie("a_gguf_that_is_not_there", "contracts_are_the_plans", _document("compatibility_contract.json", surfaces=[])),
    Lie("another_tokenizer_file", "tokenizer_digest_is_over_its_files", _document("tokenizer_contract.json", files=[])),
    Lie("better_figures", "model_card_has_the_runs_figures", _better_card),
    Lie("another_name", "manifest_is_the_reports", report=lambda body: body.update(repo_id="someone/else")),
    Lie("a_gate_left_out", "gates_are_met", report=lambda body: body["gates"].pop(2)),
    Lie("another_value", "gates_are_met", report=_first_gate(value="3 of 3")),
    Lie("another_threshold", "gates_are_met", report=lambda body: body["gates"][-1].update(threshold="at most 9")),
    Lie("a_bound_that_lets_all_through", "peft_gate_follows_from_its_figures", report=_smoke(logit_bound=9.0)),
    Lie("an_empty_delta", "peft_gate_follows_from_its_figures", report=_smoke(largest_delta=0.0)),
    Lie("nothing_generated", "peft_gate_follows_from_its_figures", report=_smoke(generated_tokens=[])),
)
