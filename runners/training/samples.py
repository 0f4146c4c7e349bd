"""Prompt and response pairs, and the token rows that a decoder reads of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runners.contract.canonical import parse_strict, sha256_hex
from runners.contract.document import Word, word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.names import Label
from runners.training.errors import CaptureError

MAX_LINE_BYTES = 1024 * 1024
PLAIN = 'plain.v1: tokens(prompt + "\\n") + tokens(response) + end token'
# A chat template may print today's date, and the same data must give the same tokens on any day.
FROZEN_DATE = "2026-03-24"
FROZEN_CLOCK = f"{{%- macro strftime_now(format) -%}}{FROZEN_DATE}{{%- endmacro -%}}"  # Jinja


class SamplePair(Word):
    """One line of the data."""

    sample_id: Label
    prompt: str
    response: str


@dataclass(frozen=True)
class TokenRow:
    """Tokens of one sample; the response, with its end token, starts at `ids[response_begin]`."""

    sample_id: str
    ids: tuple[int, ...]
    response_begin: int

    @property
    def targets(self) -> tuple[int, ...]:
        """What the positions `response_begin - 1 : -1` predict: every response token and nothing of the prompt."""
        return self.ids[self.response_begin :]


class Tokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    eos_token_id: int | None
    chat_template: str | None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...
    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> str: ...


def read_pairs(raw: bytes, *, name: str) -> tuple[SamplePair, ...]:
    """Strict JSONL with LF, ids unique, nothing empty. Raises CaptureError with the line number."""
    pairs: list[SamplePair] = []
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n"), start=1):
        try:
            pair = word_from_json(SamplePair, parse_strict(line, limit=MAX_LINE_BYTES))
        except MalformedBytes as error:
            raise CaptureError(f"{name}: line {number}: {error}") from error
        if not pair.prompt.strip() or not pair.response.strip():
            raise CaptureError(f"{name}: line {number}: expected a prompt and a response, got an empty one")
        pairs.append(pair)
    ids = [pair.sample_id for pair in pairs]
    if len(set(ids)) != len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise CaptureError(f"{name}: expected unique sample ids, got {twice!r} twice")
    return tuple(pairs)


def load_tokenizer(model_dir: Path) -> Tokenizer:
    """From the folder alone, never from a network. Raises CaptureError."""
    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
    except (OSError, ValueError) as error:
        raise CaptureError(f"{model_dir}: expected a tokenizer that transformers loads, got: {error}") from error
    tokenizer: Tokenizer = loaded
    if tokenizer.eos_token_id is None:
        raise CaptureError(f"{model_dir}: expected an end token (eos_token) in tokenizer_config.json, got none")
    return tokenizer


def prompt_template(tokenizer: Tokenizer) -> str:
    """The template's name for the manifest: the model's own chat template if it has one, else the plain one."""
    if tokenizer.chat_template is None:
        return PLAIN
    digest = sha256_hex(tokenizer.chat_template.encode())
    return f"chat.v1: user and assistant in the chat template with sha256 {digest}, dated {FROZEN_DATE}"


def tokenize(tokenizer: Tokenizer, pair: SamplePair, *, vocab_size: int, limit: int) -> TokenRow:
    """Raises CaptureError for a sample that is longer than the decoder's `limit` of positions."""
    before, after = (_plain if tokenizer.chat_template is None else _chat(tokenizer))(pair)
    prompt = tokenizer.encode(before, add_special_tokens=False)
    response = tokenizer.encode(after, add_special_tokens=False)
    assert tokenizer.eos_token_id is not None
    if not response or response[-1] != tokenizer.eos_token_id:
        response.append(tokenizer.eos_token_id)
    row = TokenRow(pair.sample_id, (*prompt, *response), len(prompt))
    if len(row.ids) > limit:
        raise CaptureError(f"sample {pair.sample_id}: expected at most {limit} tokens, got {len(row.ids)}; shorten it")
    if max(row.ids) >= vocab_size:
        raise CaptureError(
            f"sample {pair.sample_id}: expected tokens below the head's {vocab_size}, got {max(row.ids)};"
            " tokenizer and model don't belong together"
        )
    return row


def _plain(pair: SamplePair) -> tuple[str, str]:
    return f"{pair.prompt}\n", pair.response


def _chat(tokenizer: Tokenizer) -> Callable[[SamplePair], tuple[str, str]]:
    def render(pair: SamplePair) -> tuple[str, str]:
        user = {"role": "user", "content": pair.prompt}
        assistant = {"role": "assistant", "content": pair.response}
        dated: dict[str, Any] = {"tokenize": False, "chat_template": f"{FROZEN_CLOCK}{tokenizer.chat_template}"}
        before = tokenizer.apply_chat_template([user], add_generation_prompt=True, **dated)
        whole = tokenizer.apply_chat_template([user, assistant], add_generation_prompt=False, **dated)
        if not whole.startswith(before):
            raise CaptureError(
                f"sample {pair.sample_id}: expected the chat template to continue its own generation prompt, got"
                f" {whole[: len(before)][-60:]!r} where it ends in {before[-60:]!r}"
            )
        return before, whole[len(before) :]

    return render
