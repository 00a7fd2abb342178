"""The benchmark of all settings tells what a baseline and a scale do, alone and together."""

import numpy as np
import pytest

from benchmarks.blocks import Found
from benchmarks.cells import BASELINES, REMOVALS, SCALES, known, own
from benchmarks.report import Report
from benchmarks.settings import settings, summarise

TEXTS = 3


def found(value):
    """Know everything but what ``value`` has none for: comprehensiveness by method, baseline, scale, the same for all texts."""
    made = Found(TEXTS)
    table = {}
    for method in known():
        for baseline in BASELINES:
            for scale in SCALES:
                gained = value(method, baseline, scale)
                if gained is not None:
                    metrics = (("comprehensiveness", gained), ("sufficiency", 0.0))
                    table[own(method, baseline, scale).name] = {
                        f"{metric} ({removal})": {
                            "values": [each] * TEXTS,
                            "random": [0.0] * TEXTS,
                            "reversed": [-each] * TEXTS,
                        }
                        for metric, each in metrics
                        for removal in REMOVALS
                    }
    made.add(0, {"table": table, "seconds": {}, "refused": {"lime from zero": "OptionError: no"}})
    return made


def test_effects_of_baseline_and_scale_are_told_apart_and_what_they_do_together(tmp_path):
    def value(method, baseline, scale):
        if method == "saliency":  # no baseline
            return 0.5 if baseline == "auto" else None
        if (method, baseline) == ("lime", "zero"):
            return None
        both = 0.04 if (baseline, scale) == ("pad", "logit") else 0.0
        return 0.1 + 0.02 * (baseline == "mask") - 0.01 * (scale == "log_odds") + both

    report = Report("settings", "All")
    summarise(report, [found(value)], tmp_path)
    report.write(tmp_path)
    page = (tmp_path / "settings.md").read_text()
    unset, mask, pad = (f"{mean:.3f} [{mean:.3f}, {mean:.3f}]" for mean in (0, 0.02, 0.01))
    assert f"| occlusion | {mask} | {pad} | {unset} | {unset} | {unset} |" in page
    assert f"| lime | {mask} | {pad} | {unset} | undefined | {unset} |" in page
    assert "| saliency | 0.000" in page  # of scales
    assert page.count("| saliency |") == 2  # and among all settings
    log_odds, logit = (f"{mean:.3f} [{mean:.3f}, {mean:.3f}]" for mean in (-0.01, 0.04 / 6))
    assert f"| occlusion | {unset} | {log_odds} | {logit} |" in page
    together = f"{0.04:.3f} [{0.04:.3f}, {0.04:.3f}]"
    assert f"| pad | {unset} | {unset} | {together} |" in page
    assert f"| mask | {unset} | {unset} | {unset} |" in page
    assert "- lime in 1 of its settings: OptionError: no" in page
    assert (tmp_path / "settings.png").read_bytes().startswith(b"\x89PNG")
    assert "| time |" not in page


def test_faithfulness_is_placed_by_method_baseline_and_scale():
    order = {method: place for place, method in enumerate(known())}
    values = settings(found(lambda *s: order[s[0]] + BASELINES.index(s[1]) / 10 + SCALES.index(s[2]) / 100))
    assert values.shape == (len(known()), len(BASELINES), len(SCALES), TEXTS)
    assert values[3, 2, 1, 0] == pytest.approx(3.21)
    assert not np.isnan(values).any()
