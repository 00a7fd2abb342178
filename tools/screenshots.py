"""Draw the pictures of the documentation: report, notebook and terminal, of real explanations, in Chromium.

Usage: python -m tools.screenshots FOLDER
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression

from setfit_explain import Explainer
from setfit_explain.demo import findings
from setfit_explain.demo.data import Example, as_exported, export_one_class, load_test, load_train
from setfit_explain.demo.training import train
from setfit_explain.demo.weights import load_body
from setfit_explain.explanation import Explanation, ExplanationSet
from tests.browser.chromium import find_chromium

README_PICTURE, WIDTH = Path("docs/report.png"), 930
PRAISE = (
    "الخدمة رائعة والطعام لذيذ",
    "أحببت المكان كثيرا",
    "تجربة جميلة وموظفون لطفاء",
    "شكرا على الخدمة الممتازة",
)
COMPLAINTS = (
    "الخدمة سيئة والطعام بارد",
    "لم يعجبني المكان أبدا",
    "انتظرت ساعة ولم يصل الطلب",
    "الموظف كان وقحا معي",
)
RIGHT_TO_LEFT = (
    Example("كان الطعام لذيذا والموظفون لطفاء (5 نجوم)!", "مدح"),
    Example("انتظرت ساعة وكان الطعام باردا", "شكوى"),
)
TOPICS = (
    "parcel", "refund", "invoice", "password", "discount", "subscription", "gift card", "phone number", "address",
    "privacy", "battery", "screen", "warranty", "shoe size", "colour", "opening hours", "job", "newsletter",
    "payment", "language",
)  # fmt: skip
QUESTIONS = (
    "Where do I find my {}?",
    "I have a question about the {}.",
    "Something is wrong with the {}",
    "{} help",
)


def headed(texts: Sequence[str], labels: Sequence[str]) -> SetFitModel:
    """Return MiniLM as it is, with a head for ``texts``."""
    body = load_body()
    head = LogisticRegression(C=10).fit(body.encode(list(texts)), list(labels))
    return SetFitModel(model_body=body, model_head=head, labels=sorted(set(labels)))


def explained(
    model: SetFitModel, examples: Sequence[Example], method: str = "integrated_gradients"
) -> ExplanationSet:
    """Explain texts whose true labels are known."""
    labels = [example.label for example in examples]
    return Explainer(model, method=method)([example.text for example in examples], true_labels=labels)


def demo() -> tuple[ExplanationSet, ExplanationSet, ExplanationSet]:
    """Return texts of the demo's flawed classifier, the one that the export moves in both forms, and methods."""
    model = train(load_body(), export_one_class(load_train()), seed=0)
    test = load_test()
    flip = findings.find_flip(model, test)
    assert flip is not None  # noqa: S101 - the seed is fixed
    both = explained(model, [Example(flip.clean, flip.true_label), Example(flip.exported, flip.true_label)])
    some = explained(
        model,
        [Example(as_exported(e.text) if at % 4 == 1 else e.text, e.label) for at, e in enumerate(test[::4])],
    )
    occluded = explained(model, [Example(flip.exported, flip.true_label)], "occlusion")
    return both, ExplanationSet([*both, *some]), ExplanationSet([both[1], occluded[0]])


def right_to_left() -> ExplanationSet:
    """Return texts in Arabic."""
    labels = ["مدح"] * len(PRAISE) + ["شكوى"] * len(COMPLAINTS)
    return explained(headed([*PRAISE, *COMPLAINTS], labels), RIGHT_TO_LEFT)


def twenty_classes() -> ExplanationSet:
    """Return texts of a classifier with twenty classes."""
    examples = [Example(question.format(topic), topic) for topic in TOPICS for question in QUESTIONS]
    model = headed([example.text for example in examples], [example.label for example in examples])
    asked = [
        Example("The courier never rang, so where is my parcel now?", "parcel"),
        Example("I typed my password three times and the screen went black", "password"),
    ]
    return explained(model, asked)


def notebook(explanation: Explanation) -> str:
    """Return a notebook's cell with its output."""
    cell = (
        "background:#f7f7f7;border:1px solid #e0e0e0;border-radius:2px;padding:8px 12px;font:14px monospace"
    )
    return (
        "<!doctype html><meta charset=utf-8><body style='margin:24px;background:#fff'>"
        f"<div style='{cell}'>explain(model, text)</div><br>{explanation._repr_html_()}"
    )


def terminal(explanation: Explanation) -> str:
    """Return what the terminal shows, as a page."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=100,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(explanation)
    code = (
        "<!doctype html><meta charset=utf-8><body style='margin:0;padding:20px 24px;background:#14181f;color:#e6edf3'>"
        "<pre style='font:15px/1.5 monospace;margin:0'>{code}</pre>"
    )
    return console.export_html(inline_styles=True, code_format=code)


def draw(pages: dict[str, str], folder: Path) -> None:
    """Write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())

        def page_of(name: str, width: int, height: int, scheme: str = "light") -> Page:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme=scheme,  # type: ignore[arg-type, unused-ignore]
                device_scale_factor=1.5,
            )
            page.set_content(pages[name])
            return page

        page_of("both", WIDTH, 640).screenshot(
            path=README_PICTURE, clip=_cards(page_of("both", WIDTH, 900)), full_page=True
        )
        page_of("report", 960, 1280).screenshot(path=folder / "report-light.png")
        page_of("report", 960, 1280, "dark").screenshot(path=folder / "report-dark.png")
        narrow = page_of("report", 400, 900)
        narrow.evaluate("document.getElementById('text-1').scrollIntoView()")
        narrow.screenshot(path=folder / "report-narrow.png")
        opened = {
            "methods": "report-methods",
            "right-to-left": "report-right-to-left",
            "many": "report-20-classes",
        }
        for name, file in opened.items():
            page = page_of(name, 960, 900)
            page.locator("summary", has_text="in numbers").first.click()
            page.screenshot(path=folder / f"{file}.png", full_page=name != "many")
        for name in ("notebook", "terminal"):
            page_of(name, 960, 300).screenshot(path=folder / f"{name}.png", full_page=True)
        browser.close()
    for picture in (README_PICTURE, *folder.glob("*.png")):
        Image.open(picture).convert("RGB").quantize(256).save(picture, optimize=True)


def _cards(page: Page) -> dict[str, float]:
    """Return the place of all cards, with a margin."""
    boxes = [box for card in page.locator(".card").all() if (box := card.bounding_box())]
    top, bottom = boxes[0]["y"], boxes[-1]["y"] + boxes[-1]["height"]
    return {"x": 0, "y": top - 14, "width": WIDTH, "height": bottom - top + 28}


if __name__ == "__main__":
    both, some, methods = demo()
    title = "Why did the classifier say ‘unknown charge’?"
    draw(
        {
            "both": both.to_html(),
            "report": some.to_html(title=title),
            "methods": methods.to_html(title="Two methods, one text"),
            "right-to-left": right_to_left().to_html(title="لماذا؟"),
            "many": twenty_classes().to_html(title="Twenty classes"),
            "notebook": notebook(both.explanations[1]),
            "terminal": terminal(both.explanations[1]),
        },
        Path(sys.argv[1]),
    )
