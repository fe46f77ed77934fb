"""Recordings and their transcripts: WAV, FLAC and OGG, in folders, tar and zip."""

from seqmap.data.audio.read import iter_sounds, read_recordings
from seqmap.data.audio.records import AudioDataset, AudioLayout, Recording, usual_rate
from seqmap.data.audio.sound import Heard, Samples, Sound, SoundFile

__all__ = [
    "AudioDataset",
    "AudioLayout",
    "Heard",
    "Recording",
    "Samples",
    "Sound",
    "SoundFile",
    "iter_sounds",
    "read_recordings",
    "usual_rate",
]
