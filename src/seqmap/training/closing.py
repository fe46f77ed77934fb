"""The closing passes: what was held out is learned from too, once everything else is decided."""

from __future__ import annotations

from dataclasses import replace

from seqmap.config import TrainConfig
from seqmap.training.distributed import ALONE, Group
from seqmap.training.learner import Learner
from seqmap.training.loop import Trainer, Watch

# Peak rate of the closing passes, as a share of that of the training: the network is nearly there.
SHARE_OF_RATE = 0.3


def learn_held_out(
    learner: Learner, config: TrainConfig, watch: Watch, group: Group = ALONE
) -> None:
    """Pass a few times over all examples, at a low rate.

    Held-out examples choose the epoch and fit the calibration; then they are a tenth of the labels
    that the user paid for, and the network has not seen them. Figures on dev must be taken before.

    Args:
        learner: The trained network, with all examples to learn from.
        config: Of the training before; `closing` says how many passes.
        watch: Whom to tell.
        group: The processes that train together.
    """
    if not config.closing:
        return
    watch.tell(f"{config.closing} closing passes over all examples, held-out ones included")
    trained = {name: value.detach().clone() for name, value in learner.network.state_dict().items()}
    passes = replace(
        config,
        epochs=config.closing,
        patience=config.closing,
        unfreeze=0,  # what was pretrained has woken up before
        learning_rate=SHARE_OF_RATE * config.learning_rate,
    )
    try:
        Trainer(learner, passes, identity={}, group=group).fit()
    except KeyboardInterrupt:
        if group.size > 1:
            raise
        learner.network.load_state_dict(trained)
        watch.tell("interrupted: the model without the closing passes is kept")
