"""What is inside groups of exceptions."""

from rustpbx_lab.errors import ConnectError, InvalidOptionError, leaves


def test_the_errors_of_groups_of_groups_are_found_in_order():
    first, second = ConnectError("ws://x", "a"), InvalidOptionError("b")
    inner = ExceptionGroup("inner", [first, ExceptionGroup("deep", [second])])
    group = BaseExceptionGroup("outer", [inner, KeyboardInterrupt()])
    found = leaves(group)
    assert found[:2] == [first, second]
    assert isinstance(found[2], KeyboardInterrupt)
    assert leaves(first) == [first]
