import pytest

from data_pipeline.common.errors import UserError


@pytest.mark.parametrize("stray", ["\n", "\r", "\x1b[2J", "\u2028", "\ud800", "\0"])
def test_a_message_is_one_line_that_can_be_printed(stray):
    message = str(UserError(f"a{stray}b"))
    assert message.startswith("a ")
    assert message.endswith("b")
    assert message.isprintable()
