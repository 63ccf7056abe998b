"""The world fails during an import: the disk fills, the database dies. Nothing is lost, nothing half done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from etl.content_hash import content_hash
from etl.importer import run_import
from etl.synth import write_utility
from migrations.runner import upgrade
from tarazu.database import EmbeddedServer, create_engine
from tarazu.errors import DatabaseUnavailableError, StorageError
from tarazu.settings import get_settings


async def hash_of(settings):
    engine = create_engine(settings, pool_size=1)
    try:
        return await content_hash(engine)
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_utility(folder, customers=200, seed=6)
    return folder


@pytest.fixture
def own_server():
    """A server of the test's own, that it may kill."""
    home = Path(tempfile.mkdtemp(prefix="tarazu-fault-"))
    home.chmod(0o755)
    settings = get_settings(home=home / "home", embedded_directory=home / "postgres")
    server = EmbeddedServer(settings).start()
    yield settings, server
    server.stop()
    shutil.rmtree(home)


def postmaster(server):
    return int((server.layout.data / "postmaster.pid").read_text().split()[0])


class KilledAt:
    """Progress that kills the postmaster when the importer merges an entity."""

    def __init__(self, server, entity):
        self._server = server
        self._entity = entity

    def file_started(self, name): ...
    def advanced(self, rows, fraction): ...
    def file_ended(self, name, rows, error): ...

    def merging(self, entity):
        if entity == self._entity:
            os.kill(postmaster(self._server), signal.SIGKILL)


async def test_a_database_that_dies_is_an_outage_after_which_the_import_goes_on(own_server, files, database):
    settings, server = own_server
    await upgrade(settings)
    with pytest.raises(DatabaseUnavailableError):
        await run_import(settings, "billing_fa", [str(files)], progress=KilledAt(server, "payment"))

    server.start()
    await run_import(settings, "billing_fa", [str(files)])
    await run_import(database, "billing_fa", [str(files)])
    assert await hash_of(settings) == await hash_of(database)


@pytest.fixture
def small_disk(own_server):
    """A disk of 64 kB where the importer keeps what it reads."""
    settings, _ = own_server
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk needs root")
    small = settings.home / "small"
    small.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=False).returncode:
        pytest.skip("this machine does not let a test mount a disk")
    runs = settings.home / "runs"
    runs.symlink_to(small)
    mounted = True

    def make_room():
        nonlocal mounted
        if mounted:
            runs.unlink()
            subprocess.run(["umount", small], check=True)
        mounted = False

    yield make_room
    make_room()


async def test_a_full_disk_is_said_and_nothing_of_the_file_is_in(own_server, small_disk, files, database):
    settings, _ = own_server
    await upgrade(settings)
    before = await hash_of(settings)
    with pytest.raises(StorageError) as raised:
        await run_import(settings, "billing_fa", [str(files / "invoices.csv")])
    assert "Make room" in str(raised.value)
    assert await hash_of(settings) == before

    small_disk()
    await run_import(settings, "billing_fa", [str(files)])
    await run_import(database, "billing_fa", [str(files)])
    assert await hash_of(settings) == await hash_of(database)
