"""Subwords: pieces of words learnt by sentencepiece's unigram model (Kudo 2018).

Texts are folded here, character by character, and sentencepiece gets them as they then are
(`identity`), so that every piece can be traced to characters of the original text. Each run between
blanks is segmented by itself: that is what sentencepiece does with whole texts too (no piece
crosses a blank), and it makes caching and streaming exact. Runs longer than 512 characters, as in
long Chinese texts without blanks, are cut there.

The model file of sentencepiece is kept as bytes in the archive. Reading it needs the package
`sentencepiece`, in deployment as well.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, UNKNOWN, Ids, TextCodec
from seqmap.codecs.characters import blank_breaks, fold, open_break
from seqmap.codecs.vocabulary import Cache
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError, ConfigError, DataError, MissingExtraError

_BLANK = "\u2581"
"""sentencepiece's sign for the beginning of a word."""
_LONGEST_RUN = 512
_LONGEST_CACHED_RUN = 24
_TRAINING_LENGTH = 1000
"""Characters in a training sentence; sentencepiece leaves out those of over 4192 bytes."""
# Fixed because the sums of the EM steps, and with them the pieces, depend on the number of threads.
_THREADS = 2


class SubwordCodec(TextCodec):
    """Text ⇄ ids of pieces of words.

    Args:
        model: A serialised sentencepiece model whose ids 0 and 1 are padding and unknown.
        lowercase: Whether case is folded.

    Raises:
        MissingExtraError: The package sentencepiece is not installed.
        ArchiveError: The bytes are not such a model.
    """

    unit: ClassVar[Literal["subword"]] = "subword"

    def __init__(self, model: bytes, *, lowercase: bool = True) -> None:
        self.model = model
        self.lowercase = lowercase
        self._processor = _sentencepiece().SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
            special = (self._processor.pad_id(), self._processor.unk_id())
        except (RuntimeError, ValueError):
            special = (-1, -1)
        if special != (PAD, UNKNOWN):
            raise ArchiveError("the model's subword vocabulary is damaged")
        self._characters: Cache[str] = Cache(self._fold, longest=1)
        self._runs: Cache[list[int]] = Cache(self._run, longest=_LONGEST_CACHED_RUN)

    @property
    def size(self) -> int:
        """The number of ids."""
        return int(self._processor.get_piece_size())

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Learn the pieces; equal texts in equal order give equal pieces.

        Raises:
            MissingExtraError: The package sentencepiece is not installed.
            DataError: The texts are empty.
            ConfigError: `text.vocabulary` cannot even hold the single characters.
        """
        sentences = list(_sentences(texts, lowercase=config.lowercase))
        if not sentences:
            raise DataError("there is no text to learn subwords from")
        return cls(_train(sentences, config.vocabulary), lowercase=config.lowercase)

    def symbols(self, text: str) -> list[str]:
        """Return the pieces of a text; the first one of a word begins with `▁`."""
        runs = (self._folded(text[start:end]) for start, end in _runs(text))
        return [piece for run in runs for piece in self._pieces(run)]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`."""
        runs = blank_breaks(text).split()
        if any(len(run) > _LONGEST_RUN for run in runs):
            runs = [text[start:end] for start, end in _runs(text)]
        return np.fromiter(chain.from_iterable(map(self._runs.__getitem__, runs)), dtype=np.int32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) of each piece in characters.

        A piece that is only the sign of a word's beginning has an empty span, and so has one that
        only continues the folded form of a character (`½` is three characters there).
        """
        spans: list[tuple[int, int]] = []
        for start, end in _runs(text):
            run = text[start:end]
            # owner[i]: which character of the run the i-th character of its folded form is from
            owner = [i for i, char in enumerate(run) for _ in self._characters[char]]
            owner.append(len(run))
            done = position = 0
            for number, piece in enumerate(self._pieces(self._folded(run))):
                position += len(piece) - (number == 0)  # without the sign of the word's beginning
                inside = position > 0 and owner[position] == owner[position - 1]
                after = owner[position] + inside
                spans.append((start + done, start + after))
                done = after
        return spans

    def symbol(self, index: int) -> str:
        """Return the piece of one id."""
        return str(self._processor.id_to_piece(int(index)))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the pieces joined into words."""
        text = "".join(self.symbol(index) for index in ids if index != PAD)
        return text.replace(_BLANK, " ").removeprefix(" ")

    def split_stable(self, text: str) -> tuple[str, str]:
        """Cut after the last blank; a word without an end is cut after 512 characters."""
        blanked = blank_breaks(text)
        end = open_break(blanked)
        head = blanked[:end]
        word = head.split()[-1:] if head and not head[-1].isspace() else []
        cut = end - len(word[0]) if word else end
        cut += (end - cut - 1) // _LONGEST_RUN * _LONGEST_RUN if word else 0
        return text[:cut], text[cut:]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, and sentencepiece's model as bytes."""
        settings = {"unit": self.unit, "lowercase": self.lowercase}
        return settings, {"model": np.frombuffer(self.model, np.uint8)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        model = arrays.get("model")
        if model is None or model.dtype != np.uint8:
            raise ArchiveError("the model's subword vocabulary is missing")
        return cls(model.tobytes(), lowercase=bool(state.get("lowercase", True)))

    def _fold(self, character: str) -> str:
        return _fold(character, lowercase=self.lowercase)

    def _folded(self, run: str) -> str:
        return "".join(map(self._characters.__getitem__, run))

    def _pieces(self, folded: str) -> list[str]:
        return list(self._processor.encode(folded, out_type=str))

    def _run(self, run: str) -> list[int]:
        return list(self._processor.encode(self._folded(run), out_type=int))


def _fold(character: str, *, lowercase: bool) -> str:
    # The sign for blanks must not come from the text, and sentencepiece ends a sentence at NUL.
    folded = fold(character, lowercase=lowercase)
    return folded.replace(_BLANK, "_").replace("\0", "\ufffd") or "\ufffd"


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the runs between blanks, long ones cut."""
    blanked = blank_breaks(text)
    end = 0
    for run in blanked.split():
        start = blanked.index(run, end)
        end = start + len(run)
        for cut in range(start, end, _LONGEST_RUN):
            yield cut, min(end, cut + _LONGEST_RUN)


def _sentences(texts: Iterable[str], *, lowercase: bool) -> Iterator[str]:
    characters: Cache[str] = Cache(lambda character: _fold(character, lowercase=lowercase), 1)
    for text in texts:
        folded = " ".join(
            "".join(map(characters.__getitem__, run)) for run in blank_breaks(text).split()
        )
        for start in range(0, len(folded), _TRAINING_LENGTH):
            yield folded[start : start + _TRAINING_LENGTH]


def _train(sentences: list[str], vocabulary: int, *, split_digits: bool = False) -> bytes:
    trainer = _sentencepiece().SentencePieceTrainer
    model = io.BytesIO()
    try:
        trainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocabulary + 2,
            hard_vocab_limit=False,
            split_digits=split_digits,
            character_coverage=0.9998,
            normalization_rule_name="identity",
            pad_id=PAD,
            unk_id=UNKNOWN,
            bos_id=-1,
            eos_id=-1,
            num_threads=_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigError(
            f"subwords cannot be learnt with this vocabulary: {str(error).splitlines()[0]}",
            given=f"text.vocabulary = {vocabulary}",
            remedy="Give a larger text.vocabulary, or text.unit = 'word' or 'char'",
        ) from None
    return model.getvalue()


def learn_pieces(sentences: list[str], vocabulary: int) -> list[tuple[str, float]]:
    """Return pieces with the logarithm of their probability; the first two are special.

    Every digit is a piece of its own: numbers are then copied and changed digit by digit.

    Raises:
        MissingExtraError: The package sentencepiece is not installed.
        ConfigError: `vocabulary` cannot even hold the single characters.
    """
    processor = _sentencepiece().SentencePieceProcessor()
    cut = [
        s[i : i + _TRAINING_LENGTH] for s in sentences for i in range(0, len(s), _TRAINING_LENGTH)
    ]
    processor.LoadFromSerializedProto(_train(cut, vocabulary, split_digits=True))
    numbers = range(processor.get_piece_size())
    return [(str(processor.id_to_piece(n)), float(processor.get_score(n))) for n in numbers]


def _sentencepiece() -> Any:
    try:
        return importlib.import_module("sentencepiece")
    except ImportError:
        raise MissingExtraError("sentencepiece", "train") from None
