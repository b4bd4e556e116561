"""What a failure is to a user: one line, or a bug with its traceback."""

from rustpbx_lab.errors import ConnectError, InvalidOptionError, known_error, leaves


def test_an_error_in_groups_of_groups_is_found():
    error = ConnectError("ws://x", "refused")
    group = BaseExceptionGroup("a", [ExceptionGroup("b", [error])])
    assert known_error(group) is error
    assert known_error(error) is error


def test_the_first_of_many_known_errors_is_told():
    first, second = ConnectError("ws://x", "a"), InvalidOptionError("b")
    assert known_error(ExceptionGroup("both", [first, second])) is first
    assert leaves(ExceptionGroup("both", [first, second])) == [first, second]


def test_a_bug_beside_a_known_error_is_not_hidden():
    group = ExceptionGroup("both", [ConnectError("ws://x", "a"), KeyError("bug")])
    assert known_error(group) is None
    assert known_error(KeyError("bug")) is None
    assert known_error(KeyboardInterrupt()) is None
