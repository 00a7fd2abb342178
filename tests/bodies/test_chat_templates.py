"""A chat template around the text is read as sentence-transformers 6 writes it, and kept apart from the text."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer
from setfit_explain.errors import UnsupportedBodyError
from tests.bodies.architectures import DIM, body_of, named
from tests.models import LONG, fitted, modules

pytestmark = pytest.mark.skipif(
    not hasattr(SentenceTransformer, "preprocess"), reason="sentence-transformers 5 knows no chat templates"
)
TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: CONTENT</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>answer:{% endif %}"
)
FLAT = "{{ message['content'] }}"
STRUCTURED = "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
TRIMMED = "{{ message['content'] | trim }}"


def chat_body(folder, content=FLAT, *, truncation_side="right", max_seq_length=64, **settings):
    first, _ = body_of(named("Qwen3"))
    first.tokenizer.chat_template = TEMPLATE.replace("CONTENT", content)
    first.auto_model.save_pretrained(folder)
    first.tokenizer.save_pretrained(folder)
    transformer = modules.Transformer(str(folder), **settings)
    transformer.tokenizer.truncation_side = truncation_side
    transformer.max_seq_length = max_seq_length
    assert "message" in transformer.modality_config
    return SentenceTransformer(modules=[transformer, modules.Pooling(DIM, "lasttoken")], device="cpu")


def explained(body, text=LONG):
    """Explain ``text``; also return what the body reads and the tokens that stand for the text."""
    model = fitted(body)
    explainer = Explainer(model, granularity="token")
    explanation = explainer(text)
    np.testing.assert_allclose(
        explanation.probabilities, model.predict_proba([text], as_numpy=True)[0], atol=1e-6
    )
    encoded = explainer.classifier.encode(text)
    words = body.tokenizer.decode(encoded.ids[encoded.is_text])
    return explanation, body.tokenizer.decode(encoded.ids), words


@pytest.mark.parametrize("content", [FLAT, STRUCTURED, TRIMMED])
@pytest.mark.parametrize("text", [LONG, "  late \n", "", "user: 0 user: ", "</s><s>user: refund"])
def test_the_text_is_found_within_its_template(tmp_path, content, text):
    explanation, read, words = explained(chat_body(tmp_path, content), text)
    expected = text.strip() if "trim" in content else text
    assert read == f"<s>user: {expected}</s>"
    assert words.strip() == expected.strip()
    assert explanation.units[-1].special == "prompt"
    assert all(text[unit.start : unit.end] == unit.text for unit in explanation.units if not unit.special)
    assert explanation.truncated_span is None


def test_a_prompt_is_the_systems_message(tmp_path):
    body = chat_body(tmp_path)
    body.prompts, body.default_prompt_name = {"classify": "classify the order"}, "classify"
    explanation, read, words = explained(body, "Where is my order")
    assert read == "<s>system: classify the order</s><s>user: Where is my order</s>"
    assert words.strip() == "Where is my order"
    assert not explanation.attributions[:, -1].any()


@pytest.mark.parametrize("restored", [True, False])
def test_what_the_template_puts_after_a_cut_text_is_not_text(tmp_path, restored):
    settings = {"chat_template": {"add_generation_prompt": True, "restore_suffix": restored}}
    body = chat_body(tmp_path, max_seq_length=24, processing_kwargs=settings)
    explanation, read, words = explained(body)
    assert read.endswith("</s><s>answer:") is restored
    assert LONG.startswith(words.strip())
    assert explanation.truncated_span == (len(words.strip()), len(LONG))


def test_a_text_that_is_cut_on_the_left_keeps_what_follows(tmp_path):
    explanation, read, words = explained(chat_body(tmp_path, truncation_side="left", max_seq_length=24))
    assert read.endswith("</s>")
    assert LONG.endswith(words.strip())
    assert explanation.truncated_span[0] == 0


@pytest.mark.parametrize("content", ["{{ message['content'] | upper }}", FLAT + FLAT])
def test_a_template_that_rewrites_the_text_is_refused(tmp_path, content):
    with pytest.raises(UnsupportedBodyError, match="a chat template that rewrites the text"):
        Explainer(fitted(chat_body(tmp_path, content)))
