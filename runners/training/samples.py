"""Prompt and response pairs, and the token rows that a decoder reads of them."""

import re
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
CHAT = "chat.v2: user and assistant; targets are the response's own tokens and the end token, in the chat template"
PROBE = "response-2f6d0c"  # stands in for a response to see what a template puts around it
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
    """What is used of a transformers tokenizer, of the kind that knows where in the text a token lies."""

    eos_token_id: int | None
    chat_template: str | None

    def __call__(self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool) -> Any: ...
    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...
    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> str: ...
    def get_added_vocab(self) -> dict[str, int]: ...


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
        loaded: Any = AutoTokenizer.from_pretrained(model_dir, local_files_only=True, trust_remote_code=False)
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
    return f"{CHAT} with sha256 {digest}, dated {FROZEN_DATE}"


class PairEncoder:
    """Pairs to token rows, by one tokenizer and its template."""

    def __init__(self, tokenizer: Tokenizer, *, vocab_size: int, limit: int) -> None:
        """`limit` is the decoder's number of positions."""
        assert tokenizer.eos_token_id is not None
        self._tokenizer, self._end = tokenizer, tokenizer.eos_token_id
        self._vocab_size, self._limit = vocab_size, limit
        special = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, special)) or r"(?!)")

    def encode(self, pair: SamplePair) -> TokenRow:
        """Raises CaptureError for a sample that can't be encoded exactly, naming it."""
        for text in (pair.prompt, pair.response):
            if found := self._special.search(text):
                raise CaptureError(
                    f"sample {pair.sample_id}: expected plain text, got {found[0]!r}, which the tokenizer reads as"
                    " a token of its own"
                )
        ids, begin = self._plain(pair) if self._tokenizer.chat_template is None else self._chat(pair)
        if ids[-1] != self._end:
            ids.append(self._end)
        if len(ids) > self._limit:
            raise CaptureError(
                f"sample {pair.sample_id}: expected at most {self._limit} tokens, got {len(ids)}; shorten it"
            )
        if max(ids) >= self._vocab_size:
            raise CaptureError(
                f"sample {pair.sample_id}: expected tokens below the head's {self._vocab_size}, got {max(ids)};"
                " tokenizer and model don't belong together"
            )
        return TokenRow(pair.sample_id, tuple(ids), begin)

    def _plain(self, pair: SamplePair) -> tuple[list[int], int]:
        prompt = self._tokenizer.encode(f"{pair.prompt}\n", add_special_tokens=False)
        return [*prompt, *self._tokenizer.encode(pair.response, add_special_tokens=False)], len(prompt)

    def _chat(self, pair: SamplePair) -> tuple[list[int], int]:
        """The whole turn is encoded at once, as the decoder knows it; the response begins at the first token that has a
        character of it. What the template prints after it counts up to the end token, which must be predicted too."""
        before, after = self._around_response(pair)
        encoded = self._tokenizer(before + pair.response + after, add_special_tokens=False, return_offsets_mapping=True)
        ids, places = list(encoded["input_ids"]), list(encoded["offset_mapping"])
        begin = next(at for at, (_, stop) in enumerate(places) if stop > len(before))
        behind = next((at for at, (start, _) in enumerate(places) if start >= len(before + pair.response)), len(ids))
        ends = [at for at in range(behind, len(ids)) if ids[at] == self._end]
        return ids[: ends[0] + 1] if ends else ids, begin

    def _around_response(self, pair: SamplePair) -> tuple[str, str]:
        """What the template prints before and after the response. Raises CaptureError where that depends on it."""
        opened, probed, whole = (
            self._render(pair, None),
            self._render(pair, PROBE),
            self._render(pair, pair.response),
        )
        before, _, after = probed.rpartition(PROBE)
        if not before.startswith(opened):
            raise CaptureError(
                f"sample {pair.sample_id}: expected the chat template to continue its own generation prompt, got"
                f" {before[: len(opened)][-60:]!r} where it ends in {opened[-60:]!r}"
            )
        if whole != before + pair.response + after:
            raise CaptureError(
                f"sample {pair.sample_id}: expected the chat template to print the response as it is, got"
                f" {whole[len(before) :][:60]!r} for {pair.response[:60]!r}; does it begin or end with white space?"
            )
        return before, after

    def _render(self, pair: SamplePair, response: str | None) -> str:
        turns = [{"role": "user", "content": pair.prompt}]
        if response is not None:
            turns.append({"role": "assistant", "content": response})
        return self._tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=response is None,
            chat_template=f"{FROZEN_CLOCK}{self._tokenizer.chat_template}",
        )
