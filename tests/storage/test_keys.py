"""The file of keys: who can read it, what rotating and revoking leave valid, and that no value leaks."""

from __future__ import annotations

import os
import stat

import pytest

from dfcli.env.clock import VirtualClock
from dfcli.env.environment import Env
from dfcli.errors import HubUnreadable, NotFound, Unavailable
from dfcli.storage.keys import KeyFile, KeyScope


def made(tmp_path: object, clock: VirtualClock | None = None) -> KeyFile:
    keys = KeyFile(str(tmp_path), Env(clock=clock or VirtualClock()))
    keys.ensure()
    return keys


def test_each_scope_has_a_key_of_32_random_bytes_and_making_them_again_changes_nothing(tmp_path: object) -> None:
    keys = made(tmp_path)
    first = keys.read()
    keys.ensure()
    assert keys.read() == first
    assert [key.scope for key in first] == list(KeyScope)
    assert len({key.value for key in first}) == 3
    assert all(len(key.value) == 43 and key.ends is None for key in first)
    assert all(key.value not in repr(key) and key.value not in key.id for key in first)


def test_only_the_owner_can_read_the_file_whatever_the_umask(tmp_path: object) -> None:
    before = os.umask(0)
    try:
        keys = made(tmp_path)
        assert stat.S_IMODE(os.stat(keys.path).st_mode) == 0o600
        keys.rotate(KeyScope.SYSTEM, 0)
        assert stat.S_IMODE(os.stat(keys.path).st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_keys_that_others_may_read_are_refused_with_the_command_that_helps(tmp_path: object, mode: int) -> None:
    keys = made(tmp_path)
    os.chmod(keys.path, mode)
    for act in (keys.read, keys.ensure, lambda: keys.rotate(KeyScope.SYSTEM, 0)):
        with pytest.raises(HubUnreadable, match="are not private") as caught:
            act()
        assert caught.value.hint.startswith(f"chmod 600 {keys.path}")
    os.chmod(keys.path, 0o600)
    keys.read()


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: object) -> None:
    keys = KeyFile(str(tmp_path), Env())
    os.symlink("/etc/passwd", keys.path)
    with pytest.raises(HubUnreadable, match="are not private"):
        keys.ensure()
    assert os.path.islink(keys.path)


def test_a_rotated_key_stays_valid_for_its_grace_and_goes_at_the_next_change(tmp_path: object) -> None:
    clock = VirtualClock()
    keys = made(tmp_path, clock)
    old = keys.current(KeyScope.SYSTEM)
    new = keys.rotate(KeyScope.SYSTEM, 60)
    assert keys.current(KeyScope.SYSTEM) == new
    assert {key.id for key in keys.valid()} >= {old.id, new.id}
    clock.advance(59.9)
    assert old.id in {key.id for key in keys.valid()}
    clock.advance(0.1)
    assert old.id not in {key.id for key in keys.valid()}
    keys.rotate(KeyScope.FUNCTION, 0)
    assert old.id not in {key.id for key in keys.read()}
    assert len(keys.read()) == 3


def test_a_revoked_key_ends_at_once_and_a_current_one_is_replaced(tmp_path: object) -> None:
    keys = made(tmp_path)
    old = keys.current(KeyScope.SYSTEM)
    new = keys.rotate(KeyScope.SYSTEM, 3600)
    assert [key.id for key in keys.revoke(old.id)] == [old.id]
    assert keys.current(KeyScope.SYSTEM) == new
    assert [key.id for key in keys.revoke("system")] == [new.id]
    assert keys.current(KeyScope.SYSTEM).id not in (old.id, new.id)
    with pytest.raises(NotFound, match="there is no key 'nothing'"):
        keys.revoke("nothing")


def test_two_changes_at_a_time_are_refused_since_one_would_be_lost(tmp_path: object) -> None:
    keys = made(tmp_path)
    left_behind = os.path.join(str(tmp_path), "keys.changing")
    with open(left_behind, "w"):
        pass
    with pytest.raises(Unavailable, match="are being changed by another command") as caught:
        keys.rotate(KeyScope.SYSTEM, 0)
    assert caught.value.hint == f"try again, or: rm {left_behind}"
    os.unlink(left_behind)
    keys.rotate(KeyScope.SYSTEM, 0)
    assert not os.path.exists(left_behind)


def test_damaged_keys_are_refused_and_not_quoted(tmp_path: object) -> None:
    keys = made(tmp_path)
    value = keys.current(KeyScope.SYSTEM).value
    with open(keys.path, "a") as file:
        file.write(value)
    with pytest.raises(HubUnreadable, match="cannot be read") as caught:
        keys.read()
    assert value not in f"{caught.value.what}{caught.value.why}{caught.value.hint}"


def test_without_keys_the_hint_says_how_they_are_made(tmp_path: object) -> None:
    with pytest.raises(NotFound, match="has no keys") as caught:
        KeyFile(str(tmp_path), Env()).read()
    assert "dfcli run --auth" in caught.value.hint
