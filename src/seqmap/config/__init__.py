"""The configuration of a model and of its training, as frozen dataclasses.

A configuration is read from TOML (one table per section) and changed by `--set section.key=value`.
Unknown keys are refused with the nearest valid name; values are checked for type and range.
"""

from seqmap.config.network import EmbeddingConfig, EncoderConfig, HeadConfig, TextConfig, WideConfig
from seqmap.config.series import AudioConfig, ForecastConfig, SignalConfig
from seqmap.config.tasks import (
    LanguageConfig,
    SpeakConfig,
    TagConfig,
    TranscribeConfig,
    TranslateConfig,
)
from seqmap.config.training import TrainConfig
from seqmap.config.whole import Config, from_dict, load_config, override, parse_setting, to_toml

__all__ = [
    "AudioConfig",
    "Config",
    "EmbeddingConfig",
    "EncoderConfig",
    "ForecastConfig",
    "HeadConfig",
    "LanguageConfig",
    "SignalConfig",
    "SpeakConfig",
    "TagConfig",
    "TextConfig",
    "TrainConfig",
    "TranscribeConfig",
    "TranslateConfig",
    "WideConfig",
    "from_dict",
    "load_config",
    "override",
    "parse_setting",
    "to_toml",
]
