"""The sections of single tasks: each is used by its own alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqmap.config.ranges import Between


@dataclass(frozen=True)
class TranscribeConfig:
    """How text is found in what the network hears."""

    search: Literal["beam", "greedy", "flashlight"] = "beam"
    """`beam` weighs several readings with the language model, `greedy` takes the likeliest symbols;
    `flashlight` is a beam of its language model's words alone, by flashlight-text, if installed."""
    beam: Annotated[int, Between(1, 10_000)] = 32
    """Readings that are kept."""
    order: Annotated[int, Between(0, 6)] = 3
    """Words that the language model looks at together; 0 leaves it out."""
    language: str = ""
    """More text for the language model, one sentence a line, or an ARPA file instead of it."""
    pause: Annotated[float, Between(0.1, 3600)] = 0.8
    """Seconds of silence after which a stream gives its final result."""
    longest: Annotated[float, Between(1, 3600)] = 30.0
    """Seconds after which it does so without one, and that are read together at most."""


@dataclass(frozen=True)
class TagConfig:
    """What tagging adds: how a word is read by its letters, and how tags are chosen together."""

    decoder: Literal["crf", "softmax"] = "crf"
    """`crf` chooses the best sequence of tags, `softmax` each tag by itself."""
    characters: Literal["lstm", "none"] = "lstm"
    """Whether an LSTM reads the letters of each word."""
    character_size: Annotated[int, Between(1, 4096)] = 32
    """Dimension of a letter's vector."""
    character_hidden: Annotated[int, Between(1, 4096)] = 32
    """Units of the letters' LSTM, per direction."""
    longest_word: Annotated[int, Between(2, 1000)] = 24
    """Letters of a longer word that are read: its first half and its last."""
    shape_size: Annotated[int, Between(0, 1024)] = 8
    """Dimension of the vector of a word's shape (capitals, digits); 0 leaves it out."""
    pair_size: Annotated[int, Between(0, 4096)] = 0
    """Dimension of the vector of two neighbouring tokens, for text of single characters."""
    singleton_dropout: Annotated[float, Between(0, 1)] = 0.5
    """Chance that a word seen once in training is read as unknown."""
    features: Literal["window", "none"] = "window"
    """The wide branch: weights of words, affixes, shapes and word pairs around each token."""
    feature_count: Annotated[int, Between(1, 1_000_000)] = 2
    """A feature seen less often than this in training is left out."""
    feature_dropout: Annotated[float, Between(0, 1)] = 0.3
    """Share of the features that are dropped at each step of training."""
    window: Annotated[int, Between(8, 100_000)] = 256
    """Longer texts are read in overlapping windows of this many tokens."""
    members: Annotated[int, Between(1, 64)] = 1
    """Networks that learn side by side and answer together, by the mean of their scores; each adds
    its time and its size."""
    intent_weight: Annotated[float, Between(0, 100)] = 0.5
    """Weight of the intent's loss beside that of the tags, where texts have an intent."""


@dataclass(frozen=True)
class LanguageConfig:
    """What a language model adds (other tasks do not use it)."""

    steps: Annotated[int, Between(2, 100_000)] = 128
    """Symbols over which gradients go back; the state goes on beyond."""
    output: Literal["tied", "free"] = "tied"
    """`tied` scores symbols by their vectors (Press & Wolf 2017), `free` by a table of its own."""
    candidates: Annotated[int, Between(-1, 10_000_000)] = -1
    """Wrong symbols that training compares with (sampled softmax); 0 takes all, -1 decides."""
    length: Annotated[int, Between(0, 1_000_000)] = 200
    """Symbols that an answer adds to a text, at most."""
    temperature: Annotated[float, Between(0, 100)] = 0.8
    """Below 1 likely symbols are preferred, above 1 unlikely ones; 0 takes the likeliest."""
    top_k: Annotated[int, Between(0, 10_000_000)] = 0
    """Only so many of the likeliest symbols may follow; 0: all."""
    top_p: Annotated[float, Between(0.001, 1)] = 0.95
    """Only the likeliest symbols that together have this probability may follow (nucleus)."""


@dataclass(frozen=True)
class TranslateConfig:
    """What text → text adds: how the answer is written, and how it is searched for."""

    vocabulary: Literal["joint", "separate"] = "joint"
    """One set of pieces for both sides, or one for each, of `text.vocabulary` pieces."""
    tie: Literal["all", "target", "none"] = "all"
    """What shares a table of vectors: both inputs and the output, the target's two, or nothing."""
    sampling: Annotated[float, Between(0, 100)] = 0.0
    """Cut texts into subwords at random in training (Kudo 2018); less is wilder, 0 does not."""
    decoder: Literal["lstm", "lstm-feeding", "transformer"] = "lstm"
    """What writes: an LSTM whose training runs all steps at once, one that reads its own last
    attention (input feeding, Luong et al. 2015), or a Transformer decoder."""
    attention: Literal["luong", "bahdanau"] = "luong"
    """How an LSTM decoder scores the source: a product, or a small network."""
    coverage: Literal["none", "sum"] = "none"
    """Of `lstm-feeding`: `sum` lets the score see what was attended to before (Tu et al. 2016)."""
    hidden: Annotated[int, Between(1, 8192)] = 256
    """Units of the decoder (for the transformer: the model dimension)."""
    layers: Annotated[int, Between(1, 64)] = 1
    """Stacked layers of the decoder."""
    heads: Annotated[int, Between(1, 256)] = 4
    """Attention heads of a Transformer decoder."""
    feedforward: Annotated[int, Between(0, 65536)] = 0
    """Inner width of a Transformer decoder; 0 means twice `hidden`."""
    dropout: Annotated[float, Between(0, 0.95)] = 0.3
    """Dropout inside the decoder: between its layers, or on each addition to its stream."""
    members: Annotated[int, Between(1, 64)] = 1
    """Networks that learn side by side and write together, by the mean of their probabilities; each
    adds its time and its size."""
    scheduled_sampling: Annotated[float, Between(0, 1)] = 0.0
    """Chance that a step of training reads the model's own last word (Bengio et al. 2015)."""
    beam: Annotated[int, Between(1, 1000)] = 4
    """Hypotheses that are kept while searching; 1 is greedy."""
    length_penalty: Annotated[float, Between(0, 10)] = 1.0
    """How much longer answers are favoured: 0 not at all (Wu et al. 2016, eq. 14)."""
    coverage_penalty: Annotated[float, Between(0, 10)] = 0.0
    """How much answers that attend to all of the source are favoured (the same equation)."""
    no_repeat: Annotated[int, Between(0, 1000)] = 0
    """An answer never repeats so many pieces in a row; 0 lets it."""


@dataclass(frozen=True)
class SpeakConfig:
    """How text becomes sound (other tasks do not use it)."""

    frames: Annotated[int, Between(1, 32)] = 4
    """Frames that one step of the decoder gives: fewer are finer, more are faster and safer."""
    attention: Annotated[int, Between(1, 8192)] = 128
    """Units of the LSTM that walks along the text, and of its attention."""
    hidden: Annotated[int, Between(1, 8192)] = 256
    """Units of the LSTM that gives the frames."""
    prenet: Annotated[int, Between(1, 8192)] = 128
    """Width of the layers that the last frame goes through before it is read again."""
    dropout: Annotated[float, Between(0, 0.95)] = 0.5
    """Dropout in these layers: the less of the last frame is seen, the more the text counts."""
    style: Annotated[int, Between(0, 256)] = 8
    """Numbers that describe how each training recording differs from others of its text; without
    them (0) what is said is the mean of all of them, and blurred."""
    guide: Annotated[float, Between(0, 1000)] = 1.0
    """Weight of the loss that keeps attention near the diagonal (Tachibana et al. 2018)."""
    trim: Annotated[float, Between(0, 120)] = 40.0
    """Begin and end of a recording are cut off where they are so many dB below its loudest
    stretch; 0 keeps them."""
    iterations: Annotated[int, Between(1, 10_000)] = 60
    """Rounds of Griffin-Lim that find the phases of the spectrum."""
    sharpening: Annotated[float, Between(0.5, 3)] = 1.2
    """Power that magnitudes are raised to before that: it clears what averaging has blurred."""
    pace: Annotated[float, Between(0.25, 4)] = 1.0
    """Speed of speech beside that of the training: 2.0 is twice as fast."""
