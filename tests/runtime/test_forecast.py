"""One small model: its stream, its backtest and its answers agree, in every backend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqmap.codecs.series import SeriesCodec
from seqmap.codecs.series_reader import Reader
from seqmap.data.clock import Clock
from seqmap.data.series import Series
from seqmap.errors import ArchiveError, DataError, UserError
from seqmap.runtime import conformal, native
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.session import load
from seqmap.runtime.vectors import NumpyVectors, build_vector_encoder
from seqmap.tasks import find_task
from seqmap.tasks.forecast import Known
from seqmap.training import Trained, train

HORIZON = 6


def series(length: int = 420, *, gaps: bool = True, seed: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    rain = rng.random(length)
    values = 50 + 10 * np.sin(2 * np.pi * t / 24) + np.cumsum(rng.normal(size=length)) * 0.5
    values[1:] += 3 * rain[:-1]
    if gaps:
        values[100:104] = np.nan
        values[::97] = np.nan
        values[0] = 50
    return Series("shop", values, rain[:, None], 473_352 * 3600, Clock("second", 3600))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return _trained()


def _trained(**settings: object) -> Trained:
    task = find_task("forecast")
    config = task.config().replace(
        forecast__horizon=HORIZON, train__epochs=2, encoder__hidden=8, train__threads=1, **settings
    )
    return train(task, [series().cut(0, 340)], config=config, targets=Known(("rain",)))


@pytest.fixture(scope="module")
def session(trained: Trained) -> ForecastSession:
    # The network counts, whatever two epochs made of it.
    manifest = {**trained.archive.manifest, "calibration": {"linear": 0.6, "network": 0.4}}
    return ForecastSession(Archive(manifest, trained.archive.arrays))


def test_the_reader_makes_the_features_of_the_whole(session: ForecastSession) -> None:
    codec, one = session.codecs, series()
    steps = codec.read(one)
    reader = Reader(codec, steps.scale, one.begin)
    for k in range(len(one)):
        features = reader.step(float(one.values[k]), one.covariates[k].tolist())
        np.testing.assert_allclose(features, steps.features[k], rtol=1e-5, atol=1e-5)
        if k in (3, 50, 419):
            whole = codec.linear_inputs(steps, np.array([k]))[0]
            np.testing.assert_allclose(reader.linear_inputs(), whole, rtol=1e-9, atol=1e-9)


def test_a_stream_answers_as_the_whole(session: ForecastSession) -> None:
    one = series()
    whole = session.predict([one])[0]
    stream = session.follow(one)
    np.testing.assert_allclose(stream.forecast().values, whole.values, rtol=1e-5)
    np.testing.assert_allclose(stream.forecast().lower, whole.lower, rtol=1e-5)
    assert stream.forecast().times == whole.times and len(whole.times) == HORIZON
    assert all(a <= b <= c for a, b, c in zip(whole.lower, whole.values, whole.upper, strict=True))


def test_the_backtest_is_what_a_stream_would_have_said(session: ForecastSession) -> None:
    one = series()
    back = session.backtest([one])
    stream, row = session.follow(one.cut(0, 340)), 0
    for k in range(340, 380):
        answer = stream.forecast()
        np.testing.assert_allclose(back.points["model"][row], answer.values, rtol=1e-5)
        np.testing.assert_allclose(back.lower[row], answer.lower, rtol=1e-4)
        np.testing.assert_allclose(back.upper[row], answer.upper, rtol=1e-4)
        np.testing.assert_array_equal(back.truth[row], one.values[k : k + HORIZON])
        stream.feed(float(one.values[k]), one.covariates[k].tolist())
        row += 1


def test_forks_and_snapshots(session: ForecastSession) -> None:
    one = series()
    stream = session.follow(one)
    before = stream.forecast().values
    fork, kept = stream.fork(), stream.to_bytes()
    for _ in range(5):
        fork.feed(99.0, (0.5,))
    assert stream.forecast().values == before != fork.forecast().values
    again = session.stream(kept)
    assert again.forecast().values == before and again.steps == len(one)
    for copy in (stream, again):
        copy.feed(51.0, (0.1,))
    assert again.forecast() == stream.forecast()
    with pytest.raises(ArchiveError):
        session.stream(kept[:-30])
    with pytest.raises(ArchiveError, match="not one of a stream of this model"):
        other = Archive({**session.archive.manifest, "x": 1}, session.archive.arrays)
        ForecastSession(other).stream(kept)


def test_beyond_the_horizon_it_goes_on_recursively(session: ForecastSession) -> None:
    one = series()
    far = session.predict_ahead(one, 20)
    assert len(far.values) == len(far.times) == 20
    np.testing.assert_allclose(far.values[:HORIZON], session.predict([one])[0].values, rtol=1e-5)
    # What was forecast is what a stream would have been fed.
    stream = session.follow(one)
    for value in far.values[:HORIZON]:
        stream.feed(value, one.covariates[-1].tolist())
    # The covariate's last change is fed once more by the stream, never by the fork: both are zero.
    np.testing.assert_allclose(
        stream.forecast().values, far.values[HORIZON : 2 * HORIZON], rtol=1e-4
    )
    assert np.isfinite(far.lower).all() and np.isfinite(far.upper).all()


def test_a_recursive_model() -> None:
    trained = _trained(forecast__block=1)
    session = ForecastSession(trained.archive)
    assert session.block == 1
    one = series()
    back = session.backtest([one])
    stream = session.follow(one.cut(0, 340))
    np.testing.assert_allclose(back.points["model"][0], stream.forecast().values, rtol=1e-5)
    assert back.points["model"].shape[1] == HORIZON


def test_backends_agree(session: ForecastSession) -> None:
    steps = session.codecs.read(series())
    one = NumpyVectors(session.archive.arrays, session.config.encoder, session.codecs.size)
    states = one.states([steps.features, steps.features[:7]])
    assert [len(part) for part in states] == [420, 7]
    np.testing.assert_array_equal(states[0][:7], states[1])
    stream = one.stream()
    for k in range(20):
        stream.input[:] = steps.features[k]
        np.testing.assert_allclose(stream.step(), states[0][k], atol=1e-6)
    if native.available():
        for isa in native.available_isas():
            native.set_isa(isa)
            try:
                fast = build_vector_encoder(
                    session.archive.arrays, session.config.encoder, session.codecs.size
                )
                assert fast.backend == "native"
                np.testing.assert_allclose(fast.states([steps.features])[0], states[0], atol=2e-6)
                flow = fast.stream()
                for k in range(20):
                    flow.input[:] = steps.features[k]
                    np.testing.assert_allclose(flow.step(), states[0][k], atol=2e-6)
            finally:
                native.set_isa("auto")


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_vectors_on_every_dispatch_path(session: ForecastSession, precision: str) -> None:
    if not native.available():
        pytest.skip("the native core is not built")
    arrays, encoder = session.archive.arrays, session.config.encoder
    x = session.codecs.read(series()).features
    exact = NumpyVectors(arrays, encoder, session.codecs.size).states([x])[0]
    bound = {"fp32": 2e-6, "bf16": 3e-2, "int8": 6e-2}[precision]
    for isa in native.available_isas():
        native.set_isa(isa)
        try:
            fast = build_vector_encoder(arrays, encoder, session.codecs.size, precision=precision)
            whole = fast.states([x])[0]
            assert np.abs(whole - exact).max() < bound
            flow = fast.stream()
            for k in range(len(x)):
                flow.input[:] = x[k]
                np.testing.assert_array_equal(flow.step(), whole[k])
        finally:
            native.set_isa("auto")


def test_saved_and_loaded(tmp_path: Path, session: ForecastSession) -> None:
    save(session.archive, tmp_path / "m.seqmap")
    model = load(tmp_path / "m.seqmap")
    assert model.predict([series()]) == session.predict([series()])
    broken = {k: v for k, v in session.archive.arrays.items() if k != "linear.weight"}
    with pytest.raises(ArchiveError, match="linear.weight"):
        ForecastSession(Archive(session.archive.manifest, broken))


def test_wrong_inputs(session: ForecastSession) -> None:
    with pytest.raises(UserError, match="takes series"):
        session.predict(["a text"])
    with pytest.raises(DataError, match="steps of the series"):
        session.predict([replace(series(), clock=Clock("month", 1))])
    with pytest.raises(DataError, match="covariates"):
        session.predict([replace(series(), covariates=np.zeros((420, 0)))])
    with pytest.raises(DataError, match="needs a value"):
        session.stream(time="2024-01-01").forecast()
    stream = session.follow(series())
    with pytest.raises(DataError, match="finite"):
        stream.feed(float("inf"), (0.0,))
    with pytest.raises(DataError, match="covariates"):
        stream.feed(1.0)
    with pytest.raises(DataError, match="goes on for the horizon"):
        session.backtest([series().cut(0, 342)])


def test_margins_hold_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(4000, 3))
    margins, rates = conformal.fit_margins(scores[:1000], 0.9)
    np.testing.assert_allclose((scores[1000:] <= margins).mean(axis=0), 0.9, atol=0.02)
    # The series grows three times as wild: fixed margins fail, those that follow do not.
    wild = 3 * scores[1000:]
    assert (wild <= margins).mean() < 0.75
    used = conformal.follow(wild, margins, rates, 0.9)
    np.testing.assert_allclose((wild <= used)[500:].mean(axis=0), 0.9, atol=0.02)
    np.testing.assert_array_equal(used[0], margins)


def test_logarithms_refuse_what_has_none() -> None:
    one = series(gaps=False)
    codec = SeriesCodec.fit(
        [one], log=True, season=24, window=8, horizon=HORIZON, covariates=("rain",)
    )
    scale = codec.scale(one)
    np.testing.assert_allclose(codec.backward(codec.forward(one.values, scale), scale), one.values)
    with pytest.raises(DataError, match="above zero"):
        codec.read(replace(one, values=one.values - 60))
    with pytest.raises(DataError, match="above zero"):
        Reader(codec, scale).step(-1.0, (0.0,))


def _of_clock(session: ForecastSession, clock: Clock) -> ForecastSession:
    """Return the same model, as if its steps had been others."""
    source = {**session.archive.manifest["source"], "clock": clock.to_state()}
    return ForecastSession(
        Archive({**session.archive.manifest, "source": source}, session.archive.arrays)
    )


def test_without_times_there_are_none_in_the_answer(session: ForecastSession) -> None:
    bare = replace(series(), clock=Clock(), begin=0)
    whole = session.predict([bare])[0]
    assert whole.times == () == session.predict_ahead(bare, 20).times
    # Both read it by the model's step.
    np.testing.assert_allclose(session.follow(bare).forecast().values, whole.values, rtol=1e-5)
    given = {"values": [50.0] * 50, "covariates": [[0.5]] * 50}
    (answer,) = session.live({"horizon": 3}).feed(given)
    assert not answer["times"] and len(answer["values"]) == 3
    stream = session.stream()
    stream.feed(50.0, (0.1,))
    assert stream.forecast().times == () == session.stream(stream.to_bytes()).forecast().times


def test_a_stream_keeps_how_its_times_are_written(session: ForecastSession) -> None:
    stream = session.stream(time="2024-01-01T00:00+02:00")
    stream.feed(50.0, (0.1,))
    assert stream.forecast().times[0] == "2024-01-01T01:00:00+02:00"
    for copy in (stream.fork(), session.stream(stream.to_bytes())):
        assert copy.forecast() == stream.forecast()
    for wrong in ("foo", "NaT", [1], {"a": 1}):
        with pytest.raises(UserError, match="not a time"):
            session.stream(time=wrong)


def test_few_times_are_read_by_the_clock_of_the_model(session: ForecastSession) -> None:
    month, working = (_of_clock(session, Clock(unit, 1)) for unit in ("month", "business"))  # type: ignore[arg-type]
    one = month.input_from({"values": [50.0], "times": ["2024-01-15"], "covariates": [[0.1]]})
    expected = tuple(f"2024-0{m}-15T00:00:00" for m in range(2, 8))
    assert month.predict([one])[0].times == expected == month.predict_ahead(one, 6).times
    days = [str(d) for d in np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
            if np.is_busday(d)]  # fmt: skip
    body = {"values": [50.0] * 8, "times": days, "covariates": [[0.1]] * 8}
    answer = working.predict([working.input_from(body)])[0]
    assert answer.times[:2] == ("2024-01-11T00:00:00", "2024-01-12T00:00:00")
    with pytest.raises(DataError, match="steps of the series"):
        month.predict([month.input_from({**body, "times": [f"2024-01-0{k}" for k in range(1, 9)]})])


def test_a_refused_value_changes_nothing(session: ForecastSession) -> None:
    stream = session.follow(series())
    before, state = stream.forecast(), stream.to_bytes()
    for covariates in ((), (1.0, 2.0)):
        with pytest.raises(DataError, match="covariates"):
            stream.feed(99.0, covariates)
    assert stream.forecast() == before and stream.to_bytes() == state


def test_a_live_value_may_be_missing_beside_its_covariates(session: ForecastSession) -> None:
    one = series()
    live, stream = session.live({}), session.follow(one)
    list(live.feed(one))
    for count in (1, 2):
        piece = {"values": [None] * count, "covariates": [[0.9]] * count}
        (answer,) = live.feed(piece)
        for _ in range(count):
            stream.feed(float("nan"), (0.9,))
        assert list(answer["values"]) == list(stream.forecast().values)
    with pytest.raises(DataError, match="covariates"):
        list(live.feed(None))
    with pytest.raises(UserError, match="differ in number"):
        list(live.feed({"values": [None], "covariates": [[0.9]] * 2}))


def test_what_begins_after_the_training_is_measured_by_its_own_changes(
    session: ForecastSession,
) -> None:
    later = replace(series(gaps=False), begin=series().begin + 10_000 * 3600)
    back = session.backtest([later])
    np.testing.assert_allclose(back.step, np.abs(np.diff(later.values)).mean())
    gone = replace(series(), values=np.r_[series().values[:340], np.full(80, np.nan)])
    with pytest.raises(DataError, match="every value is missing"):
        session.backtest([gone])


def test_scores_of_too_few_steps_are_refused(session: ForecastSession) -> None:
    with pytest.raises(DataError, match="too few steps"):
        session.dev_scores([replace(series().cut(0, 344), start=340)])
