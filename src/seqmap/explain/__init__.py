"""Why a deployed model answers as it does: gates, attributions, what-if, similar states."""
