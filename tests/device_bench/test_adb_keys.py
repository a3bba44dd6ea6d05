import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils

from device_bench.adb import keys as adb_keys
from device_bench.adb.keys import default_key, load_signer
from device_bench.errors import TransportError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_a_key_is_made_for_its_owner_only_whatever_the_umask(home):
    old = os.umask(0)
    try:
        load_signer()
    finally:
        os.umask(old)
    key = home / ".config/mnas/adbkey"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert sorted(one.name for one in key.parent.iterdir()) == ["adbkey", "adbkey.pub"]


def test_the_key_is_made_once_and_signs(home):
    first, second = load_signer(), load_signer()
    assert first.GetPublicKey() == second.GetPublicKey()
    token = bytes(range(20))
    public = serialization.load_pem_private_key((home / ".config/mnas/adbkey").read_bytes(), None).public_key()
    public.verify(second.Sign(token), token, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))


def test_of_many_at_once_all_take_the_same_key(tmp_path):
    found = []

    def load():
        found.append(bytes(load_signer(tmp_path / "key").GetPublicKey()))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == 1


def test_adbs_own_key_comes_first(home):
    load_signer(home / ".android/adbkey")
    assert default_key() == home / ".android/adbkey"
    load_signer()
    assert not (home / ".config").exists()


def test_a_lost_public_half_is_made_again(tmp_path):
    load_signer(tmp_path / "key")
    first = (tmp_path / "key.pub").read_bytes()
    (tmp_path / "key.pub").unlink()
    load_signer(tmp_path / "key")
    assert (tmp_path / "key.pub").read_bytes().split()[0] == first.split()[0]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(TransportError, match=f"the adb key {tmp_path}/key cannot be used: .*remove it") as caught:
        load_signer(tmp_path / "key")
    assert "\n" not in str(caught.value)


def test_a_key_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    def fail(path):
        Path(path).touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adb_keys, "keygen", fail)
    with pytest.raises(TransportError, match="No space left"):
        load_signer(tmp_path / "keys/key")
    assert list((tmp_path / "keys").iterdir()) == []
