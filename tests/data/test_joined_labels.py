import pytest

from seqmap.data.examples import joined_labels


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        ({"a|b", "a", "b|c", "c", "a|c", "b"}, "|"),
        ({"news; sport", "news; art", "sport", "art", "news", "art; sport"}, ";"),
        ({"red,blue", "red", "blue", "blue,red"}, ","),
    ],
)
def test_joined_labels_are_noticed(labels: set[str], separator: str) -> None:
    (hint,) = joined_labels(labels)
    assert f"--label-separator '{separator}'" in hint


@pytest.mark.parametrize(
    "labels",
    [
        {"positive", "negative"},
        {"food, drink", "cars, bikes", "other"},  # names that hold a comma
        {"a|b", "c", "d"},
        {"|", "||"},
        set(),
    ],
)
def test_names_with_such_a_mark_are_left_alone(labels: set[str]) -> None:
    assert joined_labels(labels) == ()
