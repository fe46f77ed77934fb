"""Tagging speed: the deployed model against torch running the same network sentence by sentence.

    python benchmarks/tag_speed.py [--rounds 7] [--sentences 4000] [--data ../shared/data]

The network is a character LSTM of 100 and a word LSTM of 100 units per direction with a CRF (no
lexical features), trained for one epoch on part of wikineural_en, so that its answers are those of
a real tagger. Measured in interleaved rounds on sentences of its test part: tokens in, entities
with calibrated probabilities out.

- seqmap int8, all sentences through `predict_iter`; once with what it learned about words in the
  round before (warm), once with a session that was just loaded (cold);
- seqmap int8 and fp32, one sentence a call;
- torch: `nn.LSTM` over the letters of the sentence's words, `nn.LSTM` over the words, Viterbi with
  one tensor operation a step: the way of flair and of most tutorials, one sentence a call, entities
  without probabilities.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from seqmap.data.tagging import Sentence, read_tagged, spans_of
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import load
from seqmap.runtime.tag import TagSession
from seqmap.tasks import find_task
from seqmap.training import train

HERE = Path(__file__).resolve().parent
UNITS = 100


class TorchTagger(nn.Module):
    """The same network on torch's own layers, one sentence at a time."""

    def __init__(self, session: TagSession) -> None:
        super().__init__()
        arrays = {n: torch.from_numpy(a.copy()) for n, a in session.archive.arrays.items()}
        self.codec, self.tags = session.codecs.source, session.codecs.target
        self.words = nn.Embedding.from_pretrained(arrays["words.weight"])
        self.letters = nn.Embedding.from_pretrained(arrays["letters.embedding.weight"])
        self.shapes = nn.Embedding.from_pretrained(arrays["shapes.weight"])
        self.letter_lstm = _lstm(arrays, "letters.encoder.layers.0.")
        self.word_lstm = _lstm(arrays, "encoder.layers.0.")
        self.output = nn.Linear(2 * UNITS, len(self.tags))
        self.output.weight.data, self.output.bias.data = (
            arrays["output.weight"],
            arrays["output.bias"],
        )
        chain = session.search.chain
        self.transitions, self.start, self.end = (
            torch.from_numpy(part).float() for part in (chain.transitions, chain.start, chain.end)
        )

    @torch.inference_mode()
    def tag(self, tokens: Sequence[str]) -> list[tuple[int, int, str]]:
        """Return the spans of one sentence."""
        forms = [self.codec.forms[token] for token in tokens]
        lengths = torch.tensor([len(form.letters) for form in forms])
        letters = nn.utils.rnn.pad_sequence(
            [torch.from_numpy(form.letters).long() for form in forms], batch_first=True
        )
        packed = nn.utils.rnn.pack_padded_sequence(
            self.letters(letters), lengths, batch_first=True, enforce_sorted=False
        )
        _, (last, _) = self.letter_lstm(packed)
        read = torch.cat([last[0], last[1]], dim=1)
        words = self.words(torch.tensor([form.word for form in forms]))
        shapes = self.shapes(torch.tensor([form.shape for form in forms]))
        states, _ = self.word_lstm(torch.cat([words, read, shapes], dim=1)[None])
        best = self._viterbi(self.output(states)[0])
        return list(spans_of(self.tags.decode(best)))

    def _viterbi(self, emissions: Tensor) -> list[int]:
        score = self.start + emissions[0]
        pointers = []
        for step in emissions[1:]:
            best, where = (score[:, None] + self.transitions).max(dim=0)
            pointers.append(where)
            score = best + step
        tag = int((score + self.end).argmax())
        path = [tag]
        for where in reversed(pointers):
            tag = int(where[tag])
            path.append(tag)
        return path[::-1]


def _lstm(arrays: dict[str, Tensor], prefix: str) -> nn.LSTM:
    inputs = arrays[f"{prefix}forward.w_ih"].shape[1]
    lstm = nn.LSTM(inputs, UNITS, batch_first=True, bidirectional=True)
    for side, suffix in (("forward", ""), ("backward", "_reverse")):
        getattr(lstm, f"weight_ih_l0{suffix}").data = arrays[f"{prefix}{side}.w_ih"]
        getattr(lstm, f"weight_hh_l0{suffix}").data = arrays[f"{prefix}{side}.w_hh"]
        getattr(lstm, f"bias_ih_l0{suffix}").data = arrays[f"{prefix}{side}.bias"]
        getattr(lstm, f"bias_hh_l0{suffix}").data.zero_()
    return lstm


def trained_model(data: Path) -> Archive:
    """Train the network for one epoch."""
    task = find_task("tag")
    config = task.config().replace(
        encoder__hidden=UNITS,
        tag__character_hidden=UNITS,
        tag__features="none",
        train__epochs=1,
    )
    examples = read_tagged(data / "wikineural_en/val.conllu.gz").examples
    return train(task, examples[:4000], examples[4000:4400], config=config).archive


def measure(data: Path, rounds: int, count: int) -> dict[str, object]:
    """Return sentences per second of each way."""
    archive = trained_model(data)
    test = read_tagged(data / "wikineural_en/test.conllu.gz").examples[:count]
    sentences = [s.tokens for s in test]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "int8.seqmap"
        save(quantized(archive, "int8"), place)
        plain = TagSession(archive)
        small = load(place)
        torch_tagger = TorchTagger(plain).eval()
        agree = _agreement(plain, torch_tagger, test[:300])
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "seqmap int8, stream of sentences, warm": (lambda: small.predict(sentences), count),
            "seqmap int8, stream of sentences, cold": (
                lambda: load(place).predict(sentences),
                count,
            ),
            "seqmap int8, one a call": (lambda: [small.predict([s]) for s in sentences], count),
            "seqmap fp32, one a call": (lambda: [plain.predict([s]) for s in sentences], count),
            "torch, one a call": (
                lambda: [torch_tagger.tag(s) for s in sentences[: count // 8]],
                count // 8,
            ),
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, (run, sentences_run) in ways.items():
                started = time.perf_counter()
                run()
                if number:  # the first round warms up
                    speeds[name].append(sentences_run / (time.perf_counter() - started))
    base = speeds["torch, one a call"]
    rows = {
        name: {
            "sentences_per_second": statistics.median(found),
            "slowest": min(found),
            "fastest": max(found),
            "times_torch": statistics.median(a / b for a, b in zip(found, base, strict=True)),
        }
        for name, found in speeds.items()
    }
    tokens = sum(map(len, sentences)) / len(sentences)
    return {
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
        "tokens_per_sentence": round(tokens, 1),
        "same_spans_as_torch": agree,
        "ways": rows,
    }


def _agreement(
    session: TagSession, torch_tagger: TorchTagger, sentences: Sequence[Sentence]
) -> float:
    """Return the share of sentences with the same tags in torch and in the deployed fp32 model."""
    same = 0
    for sentence, answer in zip(sentences, session.predict(sentences), strict=True):
        same += list(spans_of(answer.tags)) == torch_tagger.tag(sentence.tokens)
    return same / len(sentences)


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sentences", type=int, default=4000)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "tag_speed.json")
    arguments = parser.parse_args()
    found = measure(arguments.data, arguments.rounds, arguments.sentences)
    arguments.json.parent.mkdir(exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
