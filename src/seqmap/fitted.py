"""What estimators by scikit-learn's conventions share once they are fitted."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from seqmap.config import Config, from_dict
from seqmap.errors import MissingExtraError
from seqmap.runtime.archive import from_bytes, save, to_bytes
from seqmap.runtime.session import Session, restore
from seqmap.training import Epoch, Watch

try:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
except ImportError:
    raise MissingExtraError("scikit-learn", "train") from None


S = TypeVar("S", bound=Session)


class SessionEstimator(BaseEstimator, Generic[S]):  # type: ignore[misc]
    """An estimator that answers by a session of its own once it is fitted.

    Attributes:
        session_: The deployed model.
    """

    session_: S
    config: dict[str, Any] | None
    verbose: bool

    def save(self, path: str | Path) -> None:
        """Write the model as one file; `seqmap.load` reads it without torch."""
        save(self._fitted().archive, Path(path))

    def explain(
        self,
        text: Any,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> Any:
        """Explain the answer to a text, as the deployed model does; see `Session.explain`.

        Args:
            text: What the model is asked.
            target: What is explained; None takes the answer.
            what_if: Other texts to compare with.
            corpus: Texts to look for similar states in.
            token: Number of the symbol whose state is looked for, or those of the first and last
                symbol of a span; None takes the weightiest.

        Raises:
            UserError: This model does not explain itself, or something given cannot be used.
        """
        session = self._fitted()
        return session.explain(text, target=target, what_if=what_if, corpus=corpus, token=token)

    def _watch(self) -> Watch | None:
        return Watch(epoch=_say) if self.verbose else None

    def _adjusted(self, base: Config) -> Config:
        """Apply what the user's `config` sets beyond the parameters."""
        return base if self.config is None else from_dict(self.config, base=base)

    def _fitted(self) -> S:
        if not hasattr(self, "session_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        return self.session_

    def __getstate__(self) -> dict[str, Any]:
        """Travel as the archive's bytes: joblib and copy need no torch object."""
        state = dict(super().__getstate__())
        if "session_" in state:
            state["session_"] = to_bytes(state["session_"].archive)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        packed = state.get("session_")
        if packed is not None:
            self.session_ = restore(from_bytes(packed))  # type: ignore[assignment]


def _say(epoch: Epoch) -> None:
    """Print a line about an epoch to stderr."""
    now = time.strftime("%H:%M:%S")
    print(
        f"{now} epoch {epoch.number} loss {epoch.train_loss:.4f} dev loss {epoch.dev_loss:.4f}",
        file=sys.stderr,
    )
