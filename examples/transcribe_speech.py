"""Speech to text: words with times, a new word that is expected, text while somebody speaks.

    python examples/transcribe_speech.py

The speech is synthetic, of a language that does not exist (`seqmap.samples.syllables`).
"""

from __future__ import annotations

from seqmap import Transcriber
from seqmap.samples.syllables import NEW, RATE, SYNTHETIC_NOTICE, speech


def main(count: int = 200, epochs: int = 20) -> None:
    """Train, then hear a sentence whole and in pieces.

    Args:
        count: Sentences to learn from.
        epochs: Passes over them.
    """
    print(SYNTHETIC_NOTICE)
    spoken = [one.recording for one in speech(count)]
    model = Transcriber(
        hidden=96,
        layers=2,
        direction="forward",
        epochs=epochs,
        config={"train.batch_size": 8, "train.learning_rate": 0.006, "audio.speed": 0.0},
    )
    model.fit(spoken, [one.text for one in spoken])

    test = [one.recording for one in speech(20, seed=99)]
    print(model.evaluate(test, [one.text for one in test]).report())

    answer = model.answers(test[:1])[0]
    print(f"\nsaid {test[0].text!r}, heard")
    for word in answer.words:
        print(f"  {word.start:5.2f}-{word.end:.2f} s  {word.text:<8} {word.confidence:.2f}")

    new = speech(1, seed=8, new=True)[0].recording
    print(f"\nsaid {new.text!r}, heard {model.answers([new])[0].text!r}")
    print(f"told to expect {', '.join(NEW)}: {model.answers([new], phrases=NEW)[0].text!r}")

    print("\nwhile it is said:")
    samples = test[1].sound.samples(RATE)
    stream = model.stream()
    for begin in range(0, len(samples), RATE // 2):
        stream.feed(samples[begin : begin + RATE // 2])
        print(f"  {stream.seconds:4.1f} s  {stream.partial()}")
    print("  final  " + " ".join(part.text for part in stream.close()))


if __name__ == "__main__":
    main()
