"""Failures as data: what is kept of an exception, however long its words and its chain."""

from __future__ import annotations

import msgspec

from dfcli.model.failure import CHAIN_BYTES_MAX, CHAIN_MAX, MESSAGE_CHARACTERS_MAX, FailureDetails, describe


def chain_of(failure: FailureDetails) -> list[FailureDetails]:
    chain = [failure]
    while chain[-1].inner_failure is not None:
        chain.append(chain[-1].inner_failure)
    return chain


def raised_from(failure: FailureDetails, message: str) -> FailureDetails:
    """The failure of what gave up because of another one, as a parent of a failed sub-orchestration does."""
    error = RuntimeError(message)
    error.failure_details = failure  # type: ignore[attr-defined]
    return describe(error)


def test_a_long_message_keeps_its_beginning_and_says_how_much_is_missing() -> None:
    kept = describe(ValueError("m" * 5_000_000)).error_message
    assert kept.startswith("m" * MESSAGE_CHARACTERS_MAX)
    assert kept.endswith(f"({5_000_000 - MESSAGE_CHARACTERS_MAX} more characters)")


def test_a_message_of_ordinary_length_is_kept_as_it_is() -> None:
    assert describe(ValueError("out of stock")).error_message == "out of stock"


def test_a_type_with_an_endless_name_is_named_in_part() -> None:
    assert len(describe(type("T" * 2_000_000, (Exception,), {})("x")).error_type) < 1_000


def test_a_chain_as_long_as_a_history_line_allows_is_kept_whole() -> None:
    failure = describe(ValueError("the cause"))
    for level in range(10):
        failure = raised_from(failure, f"level {level}")
    assert [f.error_message for f in chain_of(failure)] == [*(f"level {n}" for n in range(9, -1, -1)), "the cause"]


def test_an_endless_chain_keeps_its_top_and_its_root_cause() -> None:
    failure = describe(ValueError("the cause"))
    for level in range(500):
        failure = raised_from(failure, f"level {level}")
    kept = chain_of(failure)
    assert len(kept) <= CHAIN_MAX
    assert (kept[0].error_message, kept[-1].error_message) == ("level 499", "the cause")
    assert kept[-1].error_type == "ValueError"


def test_a_chain_of_long_messages_fits_into_a_history_line() -> None:
    failure = describe(ValueError("the cause"))
    for _ in range(30):
        failure = raised_from(failure, "\x01" * 1_000_000)
    assert len(msgspec.json.encode(failure)) < 2 * CHAIN_BYTES_MAX
    assert chain_of(failure)[-1].error_message == "the cause"
