import pytest

from data_pipeline.common.errors import UserError, shortened


@pytest.mark.parametrize("stray", ["\n", "\r", "\x1b[2J", "\u2028", "\ud800", "\0"])
def test_a_message_is_one_line_that_can_be_printed(stray):
    message = str(UserError(f"a{stray}b"))
    assert message.startswith("a ")
    assert message.endswith("b")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a" * 80, "a" * 80),
        ("a" * 81, "a" * 80 + " ..."),
        ([1, None, "x"], '[1, null, "x"]'),
        ({1, 2}, "{1, 2}"),
    ],
    ids=["as long as may be", "longer", "as JSON", "no JSON"],
)
def test_a_long_value_is_cut(value, shown):
    assert shortened(value) == shown
