"""File names of ids."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dfcli.model.ids import ExecutionKey
from dfcli.storage.names import (
    NAME_BYTES_MAX,
    decode_name,
    encode_name,
    history_file_name,
    is_hashed,
    parse_history_file_name,
)

any_id = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
tricky = st.text(st.sampled_from("aAbB%=~-_.:/\\ \0éE0"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("instance_id", "name"),
    [
        ("order-42", "order-42"),
        ("Order", "=order"),
        ("a.b/c", "a%2eb%2fc"),
        ("-x", "%2dx"),
        ("con", "%63on"),
        ("CON", "=c=o=n"),
        ("lpt9", "%6cpt9"),
        ("..", "%2e%2e"),
        ("é", "%c3%a9"),
    ],
)
def test_names_are_as_the_format_says(instance_id: str, name: str) -> None:
    assert encode_name(instance_id) == name
    assert decode_name(name) == instance_id


@given(any_id | tricky)
def test_an_unhashed_name_decodes_to_its_id(instance_id: str) -> None:
    name = encode_name(instance_id)
    assert len(name) <= NAME_BYTES_MAX
    assert decode_name(name) == (None if is_hashed(name) else instance_id)


@given(any_id | tricky)
def test_a_name_never_leaves_its_directory_on_any_system(instance_id: str) -> None:
    name = encode_name(instance_id)
    assert name.isascii()
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789_-%=~")
    assert not name.startswith("-")
    file = parse_history_file_name(history_file_name(ExecutionKey(instance_id, 12)))
    assert file is not None
    assert (file.name, file.exec) == (name, 12)


@given(tricky | any_id, tricky | any_id)
def test_two_ids_never_share_a_name_even_when_case_is_folded(one: str, other: str) -> None:
    assume(one != other)
    assert encode_name(one).casefold() != encode_name(other).casefold()


@given(any_id)
def test_upper_and_lower_case_ids_have_different_names(instance_id: str) -> None:
    swapped = instance_id.swapcase()
    assume(swapped != instance_id)
    assert encode_name(swapped).casefold() != encode_name(instance_id).casefold()


@pytest.mark.parametrize(
    "file",
    [
        "a.jsonl",
        "a.0.jsonl",
        "a.01.jsonl",
        "A.1.jsonl",
        "%2D.1.jsonl",
        "%61.1.jsonl",
        "a.1.json",
        "..1.jsonl",
        "%.1.jsonl",
    ],
)
def test_names_that_no_id_has_are_ignored(file: str) -> None:
    assert parse_history_file_name(file) is None
