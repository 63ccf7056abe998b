from __future__ import annotations

import base64
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.errors import StorageError
from tarazu.security.encryption import (
    Cipher,
    DecryptionError,
    EncryptionKey,
    EncryptionKeyError,
    load_cipher,
)
from tarazu.settings import Settings

OLD, NEW = EncryptionKey(bytes(32)), EncryptionKey(bytes(range(32)))


def as_text(*keys: EncryptionKey) -> str:
    return ",".join(base64.b64encode(key.secret).decode() for key in keys)


@given(plain=st.binary(max_size=200), row=st.text())
def test_what_was_sealed_opens_for_its_row(plain, row):
    cipher = Cipher([NEW])
    sealed = cipher.seal(plain, row=row)
    assert cipher.open(sealed, row=row) == plain
    assert len(plain) < 4 or plain not in sealed
    assert sealed != cipher.seal(plain, row=row)


@given(position=st.integers(0, 60), bit=st.integers(0, 7))
def test_one_changed_bit_anywhere_is_noticed(position, bit):
    cipher = Cipher([NEW])
    sealed = bytearray(cipher.seal(b"Sara, 0912 000 0000 - tip", row="tip_off:1"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(DecryptionError):
        cipher.open(bytes(sealed), row="tip_off:1")


@pytest.mark.parametrize("length", [0, 1, 20, 36])
def test_a_cut_value_is_refused(length):
    cipher = Cipher([NEW])
    with pytest.raises(DecryptionError):
        cipher.open(cipher.seal(b"Sara", row="1")[:length], row="1")


def test_a_value_that_was_moved_to_another_row_does_not_open():
    cipher = Cipher([NEW])
    with pytest.raises(DecryptionError, match="another row"):
        cipher.open(cipher.seal(b"Sara", row="tip_off:1"), row="tip_off:2")


def test_keys_rotate_and_a_missing_one_is_named():
    sealed = Cipher([OLD]).seal(b"Sara", row="1")
    rotated = Cipher([NEW, OLD])
    assert rotated.open(sealed, row="1") == b"Sara"
    assert rotated.key_id == NEW.id.hex()
    with pytest.raises(DecryptionError, match=OLD.id.hex()):
        Cipher([NEW]).open(sealed, row="1")


def test_the_key_of_the_setting_is_used_and_no_file_made(tmp_path):
    settings = Settings(home=tmp_path, encryption_key=as_text(NEW, OLD))
    cipher = load_cipher(settings)
    assert cipher.key_id == NEW.id.hex()
    assert cipher.open(Cipher([OLD]).seal(b"x", row="1"), row="1") == b"x"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["secret", "c2hvcnQ=", as_text(NEW) + ",", as_text(NEW)[:-1], "é" * 44])
def test_a_malformed_key_is_refused_without_repeating_it(tmp_path, text):
    with pytest.raises(EncryptionKeyError) as caught:
        load_cipher(Settings(home=tmp_path, encryption_key=text))
    assert text not in str(caught.value)
    assert "TARAZU_ENCRYPTION_KEY" in str(caught.value)


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path):
    settings = Settings(home=tmp_path / "home")
    assert load_cipher(settings, create=False) is None
    assert not settings.encryption_key_file.exists()
    first = load_cipher(settings)
    assert load_cipher(settings).key_id == load_cipher(settings, create=False).key_id == first.key_id
    assert stat.S_IMODE(settings.encryption_key_file.stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["encryption.key"]


def test_processes_that_need_a_key_at_once_get_the_same(tmp_path):
    settings = Settings(home=tmp_path)
    found = []
    threads = [threading.Thread(target=lambda: found.append(load_cipher(settings).key_id)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


def test_the_key_file_may_hold_older_keys_below(tmp_path):
    settings = Settings(home=tmp_path)
    settings.encryption_key_file.write_text(as_text(NEW, OLD).replace(",", "\n") + "\n")
    settings.encryption_key_file.chmod(0o600)
    assert load_cipher(settings).open(Cipher([OLD]).seal(b"x", row="1"), row="1") == b"x"


def test_a_key_file_that_others_can_read_is_not_used(tmp_path):
    settings = Settings(home=tmp_path)
    load_cipher(settings)
    settings.encryption_key_file.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        load_cipher(settings)


def test_a_key_is_in_no_text_of_ours():
    text = repr(NEW) + repr([NEW]) + str(NEW)
    assert base64.b64encode(NEW.secret).decode() not in text
    assert NEW.secret.hex() not in text
