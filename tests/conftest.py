"""No test reaches a network, works with more than one thread, or is judged by the clock."""

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAY_USAGE_STATS_ENABLED"] = (
    "0"  # else a thread asks for metrics every 10 s until the process ends
)

# Shared machines pause: a test that is slow once is not wrong. The gate looks at the same examples each time.
settings.register_profile("setfit_explain", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("setfit_explain")
