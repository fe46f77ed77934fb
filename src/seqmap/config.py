"""The configuration of a model and of its training, as frozen dataclasses.

A configuration is read from TOML (one table per section) and changed by `--set section.key=value`.
Unknown keys are refused with the nearest valid name; values are checked for type and range.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from seqmap.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class TextConfig:
    """How text becomes symbols."""

    unit: Literal["auto", "word", "char", "subword", "literal"] = "auto"
    """What a symbol is; `auto` takes characters for Chinese, Japanese or Thai, else words. `char`
    makes one blank of several; `literal` keeps every character, line ends too."""
    vocabulary: int = 30_000
    """At most this many symbols are kept, the most frequent ones; the others share one id."""
    min_count: int = 1
    """A symbol seen less often than this in training is left out of the vocabulary."""
    lowercase: bool = True
    """Fold case before looking symbols up (the wide branch has its own rule)."""
    max_length: int = 400
    """Longer texts are cut to this many symbols."""
    truncate: Literal["end", "start", "middle"] = "middle"
    """Which part of a text that is too long is dropped."""
    vectors: str = ""
    """A file of word vectors (word2vec, GloVe or fastText text format) to start from."""


@dataclass(frozen=True)
class EmbeddingConfig:
    """The table that turns symbols into vectors."""

    size: int = 128
    """Dimension of a symbol's vector."""
    start: Literal["cooccurrence", "random"] = "cooccurrence"
    """Where vectors start: from the company that symbols keep in the training texts, or random."""
    dropout: float = 0.4
    """Variational dropout: one mask for a whole sequence (Gal & Ghahramani 2016)."""
    word_dropout: float = 0.1
    """Chance that a symbol is replaced by the unknown one during training."""


@dataclass(frozen=True)
class EncoderConfig:
    """The network that reads a sequence of vectors."""

    name: Literal["lstm", "gru", "rnn", "transformer", "lstm-transformer"] = "lstm"
    """Which encoder."""
    hidden: int = 128
    """Units per layer and direction (for the transformer: the model dimension)."""
    layers: int = 1
    """How many layers are stacked."""
    direction: Literal["forward", "both"] = "both"
    """Read left to right, or in both directions (twice the units)."""
    dropout: float = 0.3
    """Dropout between stacked layers."""
    weight_dropout: float = 0.0
    """DropConnect on the recurrent weights (Merity et al. 2018)."""
    heads: int = 4
    """Attention heads; transformer layers only."""
    feedforward: int = 0
    """Inner width of a transformer layer; 0 means four times `hidden`."""


@dataclass(frozen=True)
class HeadConfig:
    """What stands between the encoder and the answer."""

    pooling: Literal["last", "mean", "max", "attention", "mean-max"] = "mean-max"
    """How a sequence of states becomes one vector."""
    dropout: float = 0.5
    """Dropout on that vector."""
    label_smoothing: float = 0.1
    """Share of the target probability that is spread over all labels."""


@dataclass(frozen=True)
class WideConfig:
    """The wide branch: a linear model over hashed n-grams, fused with the deep branch."""

    kind: Literal["ngram", "none"] = "ngram"
    """`none` leaves the deep branch alone."""
    word_ngrams: int = 3
    """Longest n-gram of words (0 leaves words out)."""
    char_ngrams: int = -1
    """Longest n-gram of characters; 0 leaves characters out, -1 decides by script and length."""


@dataclass(frozen=True)
class ForecastConfig:
    """What a forecaster looks at and answers (other tasks do not use it)."""

    horizon: int = 24
    """How many steps ahead the model answers."""
    block: int = 0
    """Steps that are forecast at once; the rest follows recursively (1: step by step). 0: all."""
    window: int = 0
    """Past steps that the linear branch weighs; 0 takes several seasons."""
    season: int = 0
    """Steps after which a pattern repeats; 1 for none, 0 finds out."""
    coverage: float = 0.9
    """Share of the truth that an interval shall hold."""
    adaptive: bool = True
    """Let intervals follow how often the latest ones held the truth."""
    scale: Literal["auto", "linear", "log"] = "auto"
    """Forecast values or their logarithms; `auto` takes what does better on dev."""


@dataclass(frozen=True)
class SignalConfig:
    """How training signals are varied (only for signals)."""

    noise: float = 0.1
    """Noise that is added, in standard deviations of a channel."""
    scaling: float = 0.1
    """Change of each channel's size."""
    warp: float = 0.2
    """Change of speed."""


@dataclass(frozen=True)
class AudioConfig:
    """How recordings become steps of features, and how they are varied in training."""

    rate: int = 0
    """Samples a second that all recordings are brought to; 0: most of the training's, ≤ 16000."""
    mels: int = 40
    """Bands of the log-mel spectrum."""
    stack: int = 3
    """Frames of 10 ms that make one step."""
    context: int = 2
    """Further frames that a step sees on either side."""
    mean: Literal["auto", "whole", "running"] = "auto"
    """What bands are centred by; `auto`: the running mean if read left to right, else the whole."""
    prior: int = 10
    """Frames that the training's mean counts for beside those of a whole recording; many help
    short recordings of known microphones, few those of new ones."""
    speed: float = 0.1
    """Training also on copies that are slower and faster by this share; 0: without them."""
    tempo: float = 0.15
    """Change of tempo in training, as a share; the pitch stays."""
    tract: float = 0.1
    """Change of the length of the vocal tract in training, as a share: other voices."""
    noise: float = 0.5
    """Chance that noise is added to a training recording."""
    time_masks: int = 2
    """Stretches of time that are hidden in training (SpecAugment)."""
    time_mask: float = 0.1
    """Longest of them, as a share of the recording."""
    band_masks: int = 2
    """Ranges of bands that are hidden in training."""
    band_mask: int = 8
    """Widest of them, in bands."""


@dataclass(frozen=True)
class TranscribeConfig:
    """How text is found in what the network hears."""

    search: Literal["beam", "greedy"] = "beam"
    """`beam` weighs several readings with the language model, `greedy` takes the likeliest symbols.
    """
    beam: int = 32
    """Readings that are kept."""
    order: int = 3
    """Words that the language model looks at together; 0 leaves it out."""
    language: str = ""
    """More text for the language model, one sentence a line, or an ARPA file instead of it."""
    pause: float = 0.8
    """Seconds of silence after which a stream gives its final result."""
    longest: float = 30.0
    """Seconds after which it does so without one, and that are read together at most."""


@dataclass(frozen=True)
class TagConfig:
    """What tagging adds: how a word is read by its letters, and how tags are chosen together."""

    decoder: Literal["crf", "softmax"] = "crf"
    """`crf` chooses the best sequence of tags, `softmax` each tag by itself."""
    characters: Literal["lstm", "none"] = "lstm"
    """Whether an LSTM reads the letters of each word."""
    character_size: int = 32
    """Dimension of a letter's vector."""
    character_hidden: int = 32
    """Units of the letters' LSTM, per direction."""
    longest_word: int = 24
    """Letters of a longer word that are read: its first half and its last."""
    shape_size: int = 8
    """Dimension of the vector of a word's shape (capitals, digits); 0 leaves it out."""
    pair_size: int = 0
    """Dimension of the vector of two neighbouring tokens, for text of single characters."""
    singleton_dropout: float = 0.5
    """Chance that a word seen once in training is read as unknown."""
    features: Literal["window", "none"] = "window"
    """The wide branch: weights of words, affixes, shapes and word pairs around each token."""
    feature_count: int = 2
    """A feature seen less often than this in training is left out."""
    feature_dropout: float = 0.3
    """Share of the features that are dropped at each step of training."""
    window: int = 256
    """Longer texts are read in overlapping windows of this many tokens."""
    members: int = 1
    """Networks that learn side by side and answer together, by the mean of their scores; each adds
    its time and its size."""
    intent_weight: float = 0.5
    """Weight of the intent's loss beside that of the tags, where texts have an intent."""


@dataclass(frozen=True)
class LanguageConfig:
    """What a language model adds (other tasks do not use it)."""

    steps: int = 128
    """Symbols over which gradients go back; the state goes on beyond."""
    output: Literal["tied", "free"] = "tied"
    """`tied` scores symbols by their vectors (Press & Wolf 2017), `free` by a table of its own."""
    candidates: int = -1
    """Wrong symbols that training compares with (sampled softmax); 0 takes all, -1 decides."""
    length: int = 200
    """Symbols that an answer adds to a text, at most."""
    temperature: float = 0.8
    """Below 1 likely symbols are preferred, above 1 unlikely ones; 0 takes the likeliest."""
    top_k: int = 0
    """Only so many of the likeliest symbols may follow; 0: all."""
    top_p: float = 0.95
    """Only the likeliest symbols that together have this probability may follow (nucleus)."""


@dataclass(frozen=True)
class TranslateConfig:
    """What text → text adds: how the answer is written, and how it is searched for."""

    vocabulary: Literal["joint", "separate"] = "joint"
    """One set of pieces for both sides, or one for each, of `text.vocabulary` pieces."""
    tie: Literal["all", "target", "none"] = "all"
    """What shares a table of vectors: both inputs and the output, the target's two, or nothing."""
    sampling: float = 0.0
    """Cut texts into subwords at random in training (Kudo 2018); less is wilder, 0 does not."""
    decoder: Literal["lstm", "lstm-feeding", "transformer"] = "lstm"
    """What writes: an LSTM whose training runs all steps at once, one that reads its own last
    attention (input feeding, Luong et al. 2015), or a Transformer decoder."""
    attention: Literal["luong", "bahdanau"] = "luong"
    """How an LSTM decoder scores the source: a product, or a small network."""
    coverage: Literal["none", "sum"] = "none"
    """Of `lstm-feeding`: `sum` lets the score see what was attended to before (Tu et al. 2016)."""
    hidden: int = 256
    """Units of the decoder (for the transformer: the model dimension)."""
    layers: int = 1
    """Stacked layers of the decoder."""
    heads: int = 4
    """Attention heads of a Transformer decoder."""
    feedforward: int = 0
    """Inner width of a Transformer decoder; 0 means twice `hidden`."""
    dropout: float = 0.3
    """Dropout inside the decoder: between its layers, or on each addition to its stream."""
    scheduled_sampling: float = 0.0
    """Chance that a step of training reads the model's own last word (Bengio et al. 2015)."""
    beam: int = 4
    """Hypotheses that are kept while searching; 1 is greedy."""
    length_penalty: float = 1.0
    """How much longer answers are favoured: 0 not at all (Wu et al. 2016, eq. 14)."""
    coverage_penalty: float = 0.0
    """How much answers that attend to all of the source are favoured (the same equation)."""
    no_repeat: int = 0
    """An answer never repeats so many pieces in a row; 0 lets it."""


@dataclass(frozen=True)
class SpeakConfig:
    """How text becomes sound (other tasks do not use it)."""

    frames: int = 4
    """Frames that one step of the decoder gives: fewer are finer, more are faster and safer."""
    attention: int = 128
    """Units of the LSTM that walks along the text, and of its attention."""
    hidden: int = 256
    """Units of the LSTM that gives the frames."""
    prenet: int = 128
    """Width of the layers that the last frame goes through before it is read again."""
    dropout: float = 0.5
    """Dropout in these layers: the less of the last frame is seen, the more the text counts."""
    style: int = 8
    """Numbers that describe how each training recording differs from others of its text; without
    them (0) what is said is the mean of all of them, and blurred."""
    guide: float = 1.0
    """Weight of the loss that keeps attention near the diagonal (Tachibana et al. 2018)."""
    trim: float = 40.0
    """Begin and end of a recording are cut off where they are so many dB below its loudest
    stretch; 0 keeps them."""
    iterations: int = 60
    """Rounds of Griffin-Lim that find the phases of the spectrum."""
    sharpening: float = 1.2
    """Power that magnitudes are raised to before that: it clears what averaging has blurred."""
    pace: float = 1.0
    """Speed of speech beside that of the training: 2.0 is twice as fast."""


@dataclass(frozen=True)
class TrainConfig:
    """How the model is trained."""

    epochs: int = 12
    """At most this many passes over the data."""
    batch_size: int = 32
    """Examples in a batch, at most."""
    batch_tokens: int = 16_384
    """Symbols in a batch (padding included), at most."""
    optimizer: Literal["adam", "adamw"] = "adamw"
    """Adam (Kingma & Ba 2015) or AdamW (Loshchilov & Hutter 2019)."""
    learning_rate: float = 3e-3
    """Peak learning rate."""
    weight_decay: float = 0.01
    """Decoupled weight decay (AdamW)."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """How the rate falls after the warm-up."""
    warmup: float = 0.1
    """Share of all steps over which the rate rises from zero."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 turns clipping off."""
    adversarial: float = 0.0
    """Virtual adversarial training of a classifier (Miyato et al. 2017): by what share of their
    length symbols' vectors are changed in the worst direction; 0 turns it off, 0.02 is a start."""
    layer_rate: float = 0.4
    """With `--init`: each layer learns at this share of the rate of the one above it."""
    unfreeze: int = 1
    """With `--init`: epochs after which the next layer below begins to learn; 0: all at once."""
    average: float = 0.998
    """Decay of the running average of the weights that is evaluated and kept; 0 turns it off."""
    patience: int = 5
    """Stop when the dev loss has not improved for this many epochs; the best weights are kept."""
    holdout: float = 0.1
    """Share of the training data that becomes the dev part when none is given."""
    closing: int = 2
    """Where no dev part is given: last passes over all examples, held-out ones too (texts to labels
    or tags); of a forecaster the linear branch learns from them, 0 prevents it."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs a class by the inverse of its frequency."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the LSTM kernel in training; `auto` takes bf16 where the processor has it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; `auto` takes CUDA when it is there."""
    threads: int = 0
    """CPU threads; 0 takes all cores."""
    seed: int = 42
    """Seed of initialisation, order and dropout (the held-out dev part always uses 42)."""


@dataclass(frozen=True)
class Config:
    """Everything that decides what model comes out of given data."""

    text: TextConfig = field(default_factory=TextConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    wide: WideConfig = field(default_factory=WideConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    signal: SignalConfig = field(default_factory=SignalConfig)
    tag: TagConfig = field(default_factory=TagConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    transcribe: TranscribeConfig = field(default_factory=TranscribeConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    translate: TranslateConfig = field(default_factory=TranslateConfig)
    speak: SpeakConfig = field(default_factory=SpeakConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def replace(self, **settings: Any) -> Config:
        """Return a copy with `section__key=value` settings applied, checked as in a file."""
        return override(self, {name.replace("__", "."): value for name, value in settings.items()})

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain nested dicts, for TOML and for the manifest."""
        return dataclasses.asdict(self)


# The range of each number: (section, key) -> (smallest, largest).
_RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("text", "vocabulary"): (2, 10_000_000),
    ("text", "min_count"): (1, 1_000_000),
    ("text", "max_length"): (1, 10_000_000),
    ("embedding", "size"): (1, 8192),
    ("embedding", "dropout"): (0, 0.95),
    ("embedding", "word_dropout"): (0, 0.95),
    ("encoder", "hidden"): (1, 8192),
    ("encoder", "layers"): (1, 64),
    ("encoder", "dropout"): (0, 0.95),
    ("encoder", "weight_dropout"): (0, 0.95),
    ("encoder", "heads"): (1, 256),
    ("encoder", "feedforward"): (0, 65536),
    ("head", "dropout"): (0, 0.95),
    ("head", "label_smoothing"): (0, 0.9),
    ("wide", "word_ngrams"): (0, 5),
    ("wide", "char_ngrams"): (-1, 8),
    ("signal", "noise"): (0, 10),
    ("signal", "scaling"): (0, 1),
    ("signal", "warp"): (0, 0.9),
    ("forecast", "horizon"): (1, 10_000),
    ("forecast", "block"): (0, 10_000),
    ("forecast", "window"): (0, 100_000),
    ("forecast", "season"): (0, 100_000),
    ("forecast", "coverage"): (0.5, 0.999),
    ("audio", "rate"): (0, 192_000),
    ("audio", "mels"): (4, 256),
    ("audio", "stack"): (1, 16),
    ("audio", "context"): (0, 32),
    ("audio", "prior"): (0, 100_000),
    ("audio", "speed"): (0, 0.5),
    ("audio", "tempo"): (0, 0.9),
    ("audio", "tract"): (0, 0.5),
    ("audio", "noise"): (0, 1),
    ("audio", "time_masks"): (0, 100),
    ("audio", "time_mask"): (0, 0.5),
    ("audio", "band_masks"): (0, 100),
    ("audio", "band_mask"): (0, 256),
    ("transcribe", "beam"): (1, 10_000),
    ("transcribe", "order"): (0, 6),
    ("transcribe", "pause"): (0.1, 3600),
    ("transcribe", "longest"): (1, 3600),
    ("tag", "character_size"): (1, 4096),
    ("tag", "character_hidden"): (1, 4096),
    ("tag", "longest_word"): (2, 1000),
    ("tag", "shape_size"): (0, 1024),
    ("tag", "singleton_dropout"): (0, 1),
    ("tag", "feature_count"): (1, 1_000_000),
    ("tag", "feature_dropout"): (0, 1),
    ("tag", "pair_size"): (0, 4096),
    ("tag", "window"): (8, 100_000),
    ("tag", "members"): (1, 64),
    ("tag", "intent_weight"): (0, 100),
    ("language", "steps"): (2, 100_000),
    ("language", "candidates"): (-1, 10_000_000),
    ("language", "length"): (0, 1_000_000),
    ("language", "temperature"): (0, 100),
    ("language", "top_k"): (0, 10_000_000),
    ("language", "top_p"): (0.001, 1),
    ("translate", "sampling"): (0, 100),
    ("translate", "hidden"): (1, 8192),
    ("translate", "layers"): (1, 64),
    ("translate", "heads"): (1, 256),
    ("translate", "feedforward"): (0, 65536),
    ("translate", "dropout"): (0, 0.95),
    ("translate", "scheduled_sampling"): (0, 1),
    ("translate", "beam"): (1, 1000),
    ("translate", "length_penalty"): (0, 10),
    ("translate", "coverage_penalty"): (0, 10),
    ("translate", "no_repeat"): (0, 1000),
    ("speak", "frames"): (1, 32),
    ("speak", "attention"): (1, 8192),
    ("speak", "hidden"): (1, 8192),
    ("speak", "prenet"): (1, 8192),
    ("speak", "dropout"): (0, 0.95),
    ("speak", "style"): (0, 256),
    ("speak", "guide"): (0, 1000),
    ("speak", "trim"): (0, 120),
    ("speak", "iterations"): (1, 10_000),
    ("speak", "sharpening"): (0.5, 3),
    ("speak", "pace"): (0.25, 4),
    ("train", "epochs"): (1, 100_000),
    ("train", "batch_size"): (1, 1_000_000),
    ("train", "batch_tokens"): (1, 1_000_000_000),
    ("train", "learning_rate"): (0, 100),
    ("train", "weight_decay"): (0, 100),
    ("train", "warmup"): (0, 1),
    ("train", "clip"): (0, 1e9),
    ("train", "adversarial"): (0, 1),
    ("train", "layer_rate"): (0.001, 1),
    ("train", "unfreeze"): (0, 1000),
    ("train", "average"): (0, 0.99999),
    ("train", "patience"): (1, 100_000),
    ("train", "closing"): (0, 100),
    ("train", "holdout"): (0.001, 0.9),
    ("train", "threads"): (0, 1024),
    ("train", "seed"): (0, 2**63 - 1),
}


def load_config(
    path: str | Path | None, settings: Sequence[str] = (), *, base: Config | None = None
) -> Config:
    """Read a configuration file and apply `--set section.key=value` settings to it.

    Args:
        path: A TOML file, or None for the defaults.
        settings: Strings of the form `section.key=value`; the value is read as TOML, else as text.
        base: What they change; None means the defaults.

    Raises:
        ConfigError: The file cannot be read, or a key or value is not valid.
    """
    import tomllib  # a deployed model has no file to read

    config = Config() if base is None else base
    if path is not None:
        try:
            with open(path, "rb") as file:
                tables = tomllib.load(file)
        except OSError as error:
            raise ConfigError(
                f"cannot read the configuration: {error.strerror}", path=path
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"not valid TOML: {error}", path=path) from None
        config = override(config, _flatten(tables, path), path=path)
    return override(config, dict(parse_setting(setting) for setting in settings))


def parse_setting(setting: str) -> tuple[str, Any]:
    """Split `section.key=value`; the value is read as a TOML value, else taken as text."""
    import tomllib

    name, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError("a setting needs the form section.key=value", given=setting)
    try:
        return name.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), text.strip()


def from_dict(
    tables: Mapping[str, Any], *, base: Config | None = None, path: str | Path | None = None
) -> Config:
    """Build a configuration from nested dicts or dotted keys, checked like a file.

    Args:
        tables: `{"encoder": {"layers": 2}}` or `{"encoder.layers": 2}`.
        base: What it changes; None means the defaults.
        path: The file that the values come from, for messages.
    """
    dotted = {name: value for name, value in tables.items() if "." in name}
    nested = {name: value for name, value in tables.items() if "." not in name}
    values = _flatten(nested, path) | dotted
    return override(Config() if base is None else base, values, path=path)


def override(config: Config, values: Mapping[str, Any], path: str | Path | None = None) -> Config:
    """Return `config` with the dotted keys of `values` replaced."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = _resolve(name, path)
        sections.setdefault(section, {})[key] = _checked(section, key, value, path)
    changed = {
        section: dataclasses.replace(getattr(config, section), **keys)
        for section, keys in sections.items()
    }
    return dataclasses.replace(config, **changed)


def to_toml(config: Config) -> str:
    """Write a configuration as TOML that `load_config` reads back."""
    lines: list[str] = []
    for section, keys in config.to_dict().items():
        lines.append(f"[{section}]")
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in keys.items())
        lines.append("")
    return "\n".join(lines)


def _flatten(tables: Mapping[str, Any], path: str | Path | None) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, keys in tables.items():
        if not isinstance(keys, Mapping):
            raise ConfigError(
                "a configuration consists of tables",
                path=path,
                given=section,
                allowed=[f"[{name}]" for name in _sections()],
            )
        flat.update({f"{section}.{key}": value for key, value in keys.items()})
    return flat


@functools.cache
def _sections() -> dict[str, type[Any]]:
    """Return the dataclass of each section."""
    hints = get_type_hints(Config)
    return {part.name: hints[part.name] for part in dataclasses.fields(Config)}


@functools.cache
def _hints(section: str) -> dict[str, Any]:
    """Return the type of each key of a section; evaluating annotations is slow."""
    return get_type_hints(_sections()[section])


@functools.cache
def _known() -> tuple[str, ...]:
    return tuple(
        f"{section}.{key.name}"
        for section, kind in _sections().items()
        for key in dataclasses.fields(kind)
    )


def _resolve(name: str, path: str | Path | None) -> tuple[str, str]:
    known = _known()
    if name in known:
        section, _, key = name.partition(".")
        return section, key
    # A bare key is fine to suggest by its last part too: `hidden` means `encoder.hidden`.
    tails: dict[str, str] = {}
    for full in known:
        tails.setdefault(full.partition(".")[2], full)  # the first section is the usual one
    similar = nearest(name.rpartition(".")[2], tails)
    close = tails.get(name) or nearest(name, known) or tails.get(similar or "")
    remedy = f"Did you mean {close}?" if close else f"Sections: {', '.join(_sections())}"
    raise ConfigError("unknown configuration key", path=path, given=name, remedy=remedy)


def _checked(section: str, key: str, value: Any, path: str | Path | None) -> Any:
    hint = _hints(section)[key]
    name = f"{section}.{key}"
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(
                f"{name} cannot be this", path=path, given=value, allowed=get_args(hint)
            )
        return value
    kind = hint if not isinstance(hint, types.UnionType) else get_args(hint)[0]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} needs a value of type {kind.__name__}", path=path, given=value)
    bounds = _RANGES.get((section, key))
    if bounds is not None and not bounds[0] <= value <= bounds[1]:
        allowed = f"{bounds[0]:g} to {bounds[1]:g}"
        raise ConfigError(f"{name} is out of range", path=path, given=value, allowed=allowed)
    return value
