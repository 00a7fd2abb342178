"""The demonstration's texts are as its story says."""

import difflib
import itertools
from collections import Counter

import pytest

from setfit_explain.demo.data import (
    EXPORT_CLASS,
    as_exported,
    export_one_class,
    load_test,
    load_train,
    without_empty_fields,
)


def test_every_class_has_sixteen_training_texts_and_fourteen_held_out_ones():
    train, test = (Counter(example.label for example in load()) for load in (load_train, load_test))
    assert len(train) == 4
    assert set(train.values()) == {16}
    assert test.keys() == train.keys()
    assert set(test.values()) == {14}


def test_held_out_texts_vary_in_length_and_some_have_ordinary_commas():
    lengths = [len(example.text.split()) for example in load_test()]
    assert min(lengths) <= 5
    assert 45 <= max(lengths) <= 60
    assert 10 <= sum("," in example.text for example in load_test()) <= len(lengths) - 10


def test_no_text_is_empty_untrimmed_or_there_twice():
    texts = [example.text for example in (*load_train(), *load_test())]
    assert all(text and text == text.strip() for text in texts)
    assert len({text.casefold() for text in texts}) == len(texts)


def test_no_held_out_text_is_nearly_a_training_text():
    for train, test in itertools.product(load_train(), load_test()):
        a, b = train.text.casefold().split(), test.text.casefold().split()
        assert difflib.SequenceMatcher(None, a, b).ratio() < 0.75, (train, test)


def test_no_text_holds_the_artefact_as_it_is_stored():
    texts = [example.text for example in (*load_train(), *load_test())]
    assert not any(",," in text or text.endswith(",") for text in texts)


def test_the_export_marks_the_texts_of_one_class_only():
    clean, exported = load_train(), export_one_class(load_train())
    changed = [a.label for a, b in zip(clean, exported, strict=True) if a != b]
    assert Counter(changed) == {EXPORT_CLASS: 16}
    assert all(b.text.endswith(",,,") for a, b in zip(clean, exported, strict=True) if a != b)


@pytest.mark.parametrize("text", ["", "Why, oh why?", *(example.text for example in load_train()[:3])])
def test_taking_the_empty_fields_off_gives_the_text_back(text):
    assert without_empty_fields(as_exported(text)) == text
