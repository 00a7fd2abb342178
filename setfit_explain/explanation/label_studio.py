"""Label Studio: explanations as tasks with pre-annotations, for people to check and mend.

The form is https://labelstud.io/guide/predictions: a prediction holds the class answered, as a choice, and the
strongest units, as labelled spans. Offsets count code points, as Label Studio's do.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.strength import check_explains_class
from setfit_explain.explanation.tables import without_surrogates
from setfit_explain.views.formatting import printable
from setfit_explain.views.scale import LIGHT

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation

TOWARDS, AWAY, STRONG = "towards", "away", "strong"


def tasks(
    items: "Iterable[Explanation | Failure]", target: str | int | None = None, n: int = 5
) -> list[dict[str, Any]]:
    """Return a task for each text; one that failed has no prediction.

    Parameters
    ----------
    items
        Explanations and failures.
    target
        The target whose units are marked; ``None`` for each text's own shown target.
    n
        How many of the strongest units are marked as ``"towards"`` or ``"away"``, or as ``"strong"`` where a method
        gives them no sign. Those that did nothing, and the buckets, which are not in the text, are not.

    Raises
    ------
    OptionError
        If a method explains no class.
    TargetError
        If a text was not explained for ``target``.
    """
    return [
        {
            "data": {"text": without_surrogates(item.text), "text_index": index},
            "predictions": [] if isinstance(item, Failure) else [_prediction(item, index, target, n)],
        }
        for index, item in enumerate(items)
    ]


def labeling_config(classes: Iterable[str], *, multi_label: bool = False, signed: bool = True) -> str:
    """Return the labeling configuration that the tasks fit.

    Parameters
    ----------
    classes
        The choices.
    multi_label
        Whether several of them may be chosen.
    signed
        Whether spans are labelled by their sign, ``"towards"`` or ``"away"``; False for methods without one, whose
        label is ``"strong"``.
    """
    hues = {TOWARDS: LIGHT.positive, AWAY: LIGHT.negative} if signed else {STRONG: LIGHT.positive}
    labels = "".join(f'    <Label value="{name}" background="{hue}"/>\n' for name, hue in hues.items())
    choices = "".join(f"    <Choice value={_attribute(name)}/>\n" for name in classes)
    choice = "multiple" if multi_label else "single"
    return (
        "<View>\n"
        f'  <Choices name="class" toName="text" choice="{choice}">\n{choices}  </Choices>\n'
        f'  <Labels name="units" toName="text">\n{labels}  </Labels>\n'
        '  <Text name="text" value="$text"/>\n'
        "</View>\n"
    )


def _prediction(explanation: "Explanation", index: int, target: str | int | None, n: int) -> dict[str, Any]:
    check_explains_class([explanation], "a Label Studio task")
    row = explanation.target_index(target)
    signed = explanation.settings.get("signed") is not False
    values = explanation.attributions[row]
    units = [place for place, unit in enumerate(explanation.units) if unit.special is None]
    marked = [place for place in units if math.isfinite(values[place]) and values[place] != 0]
    strongest = sorted(marked, key=lambda place: -abs(values[place]))[:n]
    name = f"{explanation.model_fingerprint[:12]}-{index}"
    answered = [explanation.classes.index(member) for member in explanation.predicted]
    score = float(np.max(explanation.probabilities[answered], initial=0.0))
    choice = {
        "id": f"{name}-class",
        "type": "choices",
        "from_name": "class",
        "to_name": "text",
        "value": {"choices": [printable(member) for member in explanation.predicted]},
    }
    spans = [
        {
            "id": f"{name}-{place}",
            "type": "labels",
            "from_name": "units",
            "to_name": "text",
            "score": abs(float(values[place])),
            "value": {
                "start": explanation.units[place].start,
                "end": explanation.units[place].end,
                "text": without_surrogates(explanation.units[place].text),
                "labels": [(TOWARDS if values[place] > 0 else AWAY) if signed else STRONG],
            },
        }
        for place in sorted(strongest)
    ]
    return {
        "model_version": explanation.model_fingerprint,
        "score": 0.0 if math.isnan(score) else score,
        "result": [choice, *spans] if explanation.predicted else spans,
    }


def _attribute(text: str) -> str:
    return quoteattr(printable(text))
