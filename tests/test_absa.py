"""Both models of an AbsaModel are explained on the user's sentence, though they read another string."""

import numpy as np
import pytest

from setfit_explain import AbsaExplainer, ExplanationSet, Failure, SpanExplanationSet, explain
from setfit_explain.errors import InputError, ModelError, OptionError, TextError, UnsupportedModelError
from tests.absa_models import absa_model
from tests.bodies.test_first_modules import static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, fitted, tiny_model

TEXT = "The parcel came late; I want a refund."
READ = {
    ("aspect", "parcel"): f"parcel:{TEXT}",
    ("polarity", "parcel"): f"The parcel came late;:{TEXT}",
    ("aspect", "refund"): f"refund:{TEXT}",
    ("polarity", "refund"): f"I want a refund.:{TEXT}",
}


@pytest.fixture(scope="module")
def explanations():
    return explain(absa_model(), TEXT)


def test_every_span_is_explained_for_both_models_on_what_each_reads(explanations):
    model = absa_model()
    assert [(item.model, item.span.text) for item in explanations] == list(READ)
    for item, read in zip(explanations, READ.values(), strict=True):
        assert item.rendered.text == read
        assert item.explanation.text == TEXT
        own = {"aspect": model.aspect_model, "polarity": model.polarity_model}[item.model]
        np.testing.assert_allclose(
            item.explanation.score, own.predict_proba([read], as_numpy=True)[0], atol=1e-6
        )


def test_what_the_absa_model_answers_is_what_is_explained():
    model = absa_model(tiny_model("bert"))
    model.aspect_model.labels = ["aspect"] * 3
    explained = [
        {"span": found.span.text, "polarity": found.explanation.predicted[0]}
        for found in AbsaExplainer(model)(TEXT).polarity
    ]
    assert explained == model.predict(TEXT)


def test_the_numbers_on_the_sentence_add_up_to_the_score(explanations):
    for item in explanations:
        np.testing.assert_allclose(item.explanation.completeness_gap, 0, atol=1e-12)
        np.testing.assert_allclose(item.rendered.completeness_gap, 0, atol=1e-12)
        assert item.explanation.units[-1].special == "separator"


def test_both_places_of_a_word_are_added_and_told_apart(explanations):
    item = explanations.polarity[0]
    sentence = dict(zip(item.explanation.units, item.explanation.attributions.T, strict=True))
    prepended = dict(zip(item.explanation.units, item.prepended.T, strict=True))
    before, rest = item.rendered.text.index(":"), item.rendered.text.index(":") + 1
    for unit, values in sentence.items():
        if unit.special is None:
            first, second = np.zeros(3), np.zeros(3)
            for apart, apart_values in zip(item.rendered.units, item.rendered.attributions.T, strict=True):
                if apart.special is None and apart.end <= before and apart.start == unit.start:
                    first = apart_values
                if apart.start == unit.start + rest:
                    second = apart_values
            np.testing.assert_allclose(values, first + second, atol=1e-12)
            np.testing.assert_allclose(prepended[unit], first, atol=1e-12)
    assert [unit.text for unit, values in prepended.items() if values.any()] == [
        "The", "parcel", "came", "late", ";",
    ]  # fmt: skip


def test_a_linear_model_has_its_closed_form_on_the_sentence():
    source = fitted(static_body(word_piece()))
    tokenizer = source.model_body[0].tokenizer
    (item,) = AbsaExplainer(absa_model(source), output="logit", baseline="zero", granularity="token")(
        TEXT, spans=["parcel came"]
    ).polarity
    assert item.rendered.text == f"The parcel came late; I:{TEXT}"
    read = tokenizer.encode(item.rendered.text, add_special_tokens=False)
    rows = source.model_body[0].embedding.weight[read.ids].detach().double().numpy()
    values = source.model_head.coef_ @ rows.T / len(read.ids)
    expected = np.zeros((3, len(TEXT) + 1))
    colon = item.rendered.text.index(":")
    for (start, _), value in zip(read.offsets, values.T, strict=True):
        expected[:, -1 if start == colon else start - (colon + 1) * (start > colon)] += value
    places = [unit.start if unit.special is None else -1 for unit in item.explanation.units]
    np.testing.assert_allclose(item.explanation.attributions, expected[:, places], atol=1e-6)
    assert np.abs(item.explanation.attributions).sum() == pytest.approx(np.abs(expected).sum(), abs=1e-5)


@pytest.mark.parametrize("architecture", ["mpnet", "roberta", "xlm-roberta"])
def test_sentences_of_every_tokenizer_come_back_whole(architecture):
    text = "  Parcel: the parcel\u00a0(and refund) was late:: I want my refund\n"
    found = AbsaExplainer(absa_model(tiny_model(architecture)))(text)
    assert [item.span.text for item in found.aspect] == ["parcel", "refund", "refund"]
    for item in found:
        np.testing.assert_allclose(item.explanation.completeness_gap, 0, atol=1e-12)
        words = {unit.text for unit in item.explanation.units}
        assert {"Parcel", "parcel", "refund", "want"} <= words
        np.testing.assert_allclose(
            item.explanation.attributions.sum(1), item.rendered.attributions.sum(1), atol=1e-12
        )


def test_spans_may_be_given_as_words_or_characters():
    explainer = AbsaExplainer(absa_model())
    by_words = explainer([TEXT, LONG], spans=[["refund"], ["parcel", "thanks"]])
    by_characters = explainer([TEXT, LONG], spans=[[(31, 37)], [(4, 10), (66, 72)]])
    assert [item.span.text for item in by_words.polarity] == ["refund", "parcel", "thanks"]
    assert by_words == by_characters != by_words[1:]


def test_given_spans_need_no_extractor_where_no_context_is_read():
    (item,) = AbsaExplainer(absa_model(contexts=(0, 0), extractor=None))(TEXT, spans=["efun"]).polarity
    assert item.rendered.text == f"efun:{TEXT}"
    assert "refund" in [unit.text for unit in item.explanation.units]


def test_an_absa_model_without_an_extractor_says_what_would_work():
    explainer = AbsaExplainer(absa_model(extractor=None))
    for spans in (None, ["parcel"]):
        with pytest.raises(UnsupportedModelError, match=r"from_pretrained\(\.\.\., spacy_model=\.\.\.\)"):
            explainer(TEXT, spans=spans)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        (["letter"], "Span 'letter' is not a part of the text"),
        ([""], "Span '' is not a part"),
        ([(4, 400)], r"Span \(4, 400\) is not inside a text of 38 characters"),
        ([(4, 4)], r"Span \(4, 4\) is not inside"),
        (["efun"], "Span 'efun' does not begin and end where spaCy's words do: 'The', 'parcel'"),
    ],
)
def test_a_span_that_is_not_in_the_text_is_refused(spans, message):
    with pytest.raises(TextError, match=message):
        AbsaExplainer(absa_model())(TEXT, spans=spans)


def test_a_list_of_spans_a_text_is_needed():
    with pytest.raises(OptionError, match="1 lists of spans for 2 texts"):
        AbsaExplainer(absa_model())([TEXT, LONG], spans=[["parcel"]])


@pytest.mark.parametrize("spans", ["food", 4, {"food": 1}])
def test_the_spans_of_a_text_are_a_list(spans):
    with pytest.raises(OptionError, match=r"The spans of a text are a list, such as \['food'\] or"):
        AbsaExplainer(absa_model())("The food was cold", spans=spans)
    with pytest.raises(OptionError, match="those of many texts a list of lists"):
        AbsaExplainer(absa_model())(["The food was cold"], spans=[spans])


@pytest.mark.parametrize("spans", [(4, 8), [5], [("food", 4)], [(4.0, 8.0)], [(4, 6, 8)]])
def test_a_span_is_a_part_of_the_text_or_a_pair_of_characters(spans):
    with pytest.raises(TextError, match=r"is neither a part of the text nor a pair \(start, end\)"):
        AbsaExplainer(absa_model())("The food was cold", spans=spans)


@pytest.mark.parametrize("model", ["folder", tiny_model("bert")])
def test_another_model_is_refused_with_its_way(model):
    with pytest.raises(ModelError, match=r"AbsaModel, got \w+. Load one with AbsaModel.from_pretrained"):
        AbsaExplainer(model)


def test_another_way_of_rendering_is_refused():
    model = absa_model()
    model.aspect_model.prepend_aspects = lambda docs, _: [f"{doc.text}?" for doc in docs]
    with pytest.raises(
        UnsupportedModelError, match=r"AspectModel reads .* where SetFit's own makes 'parcel:The"
    ):
        AbsaExplainer(model)(TEXT)


def test_true_labels_of_spans_are_refused():
    with pytest.raises(OptionError, match="true_labels are of texts"):
        explain(absa_model(), TEXT, true_labels="positive")


@pytest.mark.parametrize("wrong", [None, {"input_ids": [2, 3]}])
def test_a_text_that_is_no_string_is_refused(wrong):
    with pytest.raises(TextError, match="Text 0 is"):
        AbsaExplainer(absa_model())([wrong])


def test_no_span_is_an_empty_set():
    explanations = explain(absa_model(), "Thanks!")
    assert isinstance(explanations, SpanExplanationSet)
    assert len(explanations) == 0
    assert str(explanations).strip() == "No span was found."
    assert "No span was found." in explanations._repr_html_()
    assert explanations.to_dataframe().empty


def test_what_is_no_explanation_of_a_span_is_refused(explanations):
    with pytest.raises(
        InputError, match=r"Item 0 is of type Explanation\. Accepted: a list of SpanExplanation or"
    ):
        SpanExplanationSet([explanations[0].explanation])


def test_a_failure_keeps_its_place():
    explainer = AbsaExplainer(absa_model(), on_error="record")
    explainer.aspect.classifier.encode = None
    items = explainer(TEXT)
    assert [type(item) is Failure for item in items] == [True, False, True, False]
    assert items.explanations == items.polarity
    assert items.failures == items.on_sentences.failures == (items[0], items[2])
    assert len(items.polarity) == 2


def test_the_table_has_both_places(explanations):
    table = explanations.to_dataframe()
    np.testing.assert_allclose(table.prepended + table.in_sentence, table.attribution, atol=1e-15)
    words = table[(table.model == "aspect") & (table.span == "parcel") & (table.target == "aspect")]
    assert words[words.prepended != 0].unit.tolist() == ["parcel"]
    assert words.attribution.sum() == pytest.approx(explanations.aspect[0].explanation.attributions[1].sum())
    assert table.groupby(["item", "model"], sort=False).ngroups == 4


def test_views_name_the_model_and_the_span(explanations, tmp_path):
    note = "What the polarity model answers for the span 'refund' (characters 31 to 37)."
    page = explanations.to_html(tmp_path / "page.html").read_text()
    for view in (
        " ".join(str(explanations).split()),
        page.replace("&#39;", "'"),
        explanations._repr_html_().replace("&#39;", "'"),
    ):
        assert note in view
    assert "[separator]" in page
    assert "4 explained" in repr(explanations)


def test_explanations_are_kept_and_read_back(explanations, tmp_path):
    saved = explanations.on_sentences.save(tmp_path / "spans.jsonl")
    assert ExplanationSet.load(saved) == explanations.on_sentences


def test_spacys_own_documents_are_read_like_those_of_these_tests():
    spacy = pytest.importorskip("spacy")
    from setfit.span.aspect_extractor import AspectExtractor

    class Nouns(AspectExtractor):
        def __init__(self):
            self.nlp = spacy.blank("en")
            self.nlp.add_pipe("attribute_ruler").add(
                [[{"TEXT": {"IN": ["parcel", "refund"]}}]], {"POS": "NOUN"}
            )

    expected, explanations = explain(absa_model(), TEXT), explain(absa_model(extractor=Nouns()), TEXT)
    assert explanations == expected


def test_a_method_whose_numbers_do_not_add_up_is_refused():
    with pytest.raises(OptionError, match="'occlusion' does not add up"):
        AbsaExplainer(absa_model(), method="occlusion")
