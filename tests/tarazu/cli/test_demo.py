"""What `tarazu demo` tells, so that the lines of the documents can be pasted after it."""

from __future__ import annotations

import subprocess

from tarazu.cli.demo import tokens_text
from tarazu.security.permissions import Role
from tarazu.settings import Settings


def test_a_shell_takes_the_tokens_of_all_roles_as_they_are_printed() -> None:
    made = {role: f"trz_0123_{role.value}-_" for role in Role}
    printed = tokens_text(Settings(), made)
    exports = [line for line in printed.splitlines() if line.startswith("export ")]
    asked = [f'printf "%s\\n" "${role.value.upper()}_TOKEN"' for role in Role]
    shell = subprocess.run(
        ["/bin/sh", "-c", "\n".join([*exports, *asked])], capture_output=True, text=True, check=True
    )
    assert shell.stdout.split() == list(made.values())


def test_the_line_to_try_asks_the_api_where_it_listens_with_a_token_that_was_exported() -> None:
    printed = tokens_text(Settings(api_port=8123), dict.fromkeys(Role, "trz_0123_secret"))
    line = printed.splitlines()[-1]
    assert line.startswith("curl -s http://127.0.0.1:8123/graphql ")
    assert "Bearer $ANALYST_TOKEN" in line
