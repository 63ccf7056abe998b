"""PostGraphile 5 on the same tables, as its own documentation would have it run in production.

Installed from npm into the folder of the benchmarks, with the Node of version 22 that it needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.graphql_server import Server, free_port, running
from tarazu.database.urls import libpq_uri
from tarazu.settings import Settings

PATH: Final = "/graphql"
_PACKAGES: Final = ("node@22", "postgraphile@5")
_INSTALL_SECONDS: Final = 600
# Nothing that is on only in development: no watching, no page with an IDE, no explanations. As many connections as the
# API has. The settings of its connections are ours: no jit.
_CONFIGURATION: Final = """\
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";

export default {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: 10, options: "-c jit=off" },
    }),
  ],
  grafserv: { host: "127.0.0.1", port: Number(process.env.PORT), watch: false, graphiql: false },
  grafast: { explain: false },
};
"""


def install(folder: Path) -> str | None:
    """Make it usable in this folder; or why it cannot be."""
    if (folder / "node_modules" / "postgraphile").is_dir() and _node(folder).exists():
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"name": "anchor", "private": true}\n', encoding="utf-8")
    try:
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", *_PACKAGES],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm install took more than {_INSTALL_SECONDS} s"
    if done.returncode != 0 or not _node(folder).exists():
        return f"npm install failed: {done.stderr.strip().splitlines()[-1:]}"
    return None


@contextmanager
def serving(settings: Settings, folder: Path, log: Path) -> Iterator[Server]:
    configuration = folder / "graphile.config.mjs"
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
        "DATABASE_URL": libpq_uri(settings),
        "PORT": str(port),
    }
    command = [
        str(_node(folder)),
        str(folder / "node_modules" / "postgraphile" / "dist" / "cli-run.js"),
        "-C",
        str(configuration),
    ]
    with running(command, environment, log, port) as pid:
        yield Server(pid, port)


def _node(folder: Path) -> Path:
    return folder / "node_modules" / "node" / "bin" / "node"
