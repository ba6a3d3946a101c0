"""A server that nobody keeps: for as long as something is done to its data, and behind everybody who is visited."""

from __future__ import annotations

import os
from pathlib import Path

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import MAINTENANCE, session
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.serving import Server, served, sockets_of
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.names import VAULT
from greenroom.domain.secret import Secret
from tests.postgres_ground import ground


def test_it_stands_back_behind_what_is_visited_and_ends_with_the_block() -> None:
    """Server and sessions have a lower priority than whoever started them; none of them is left."""
    with ground() as made:
        clusters = Clusters(
            made.home, made.keeper, "shop", SystemClock(), FileSecrets(made.home, "database"),
            ensure_user=made.ensure_user, adopt=adopt,
        )  # fmt: skip
        account, provider = clusters.account(VAULT), clusters.providers()[0]
        folder = made.home.root / "served"
        folder.mkdir(mode=0o711)
        tools = clusters.tools(provider, account)
        server = Server(folder, sockets_of(made.home, folder, account), account, tools, provider)
        make_data(server.data, tools, account, Secret("a password"))
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        with served(server, SystemClock(), server.superuser(Secret("a password")), what="it") as door:
            with session(door, MAINTENANCE) as connection:
                backend = connection.info.backend_pid
                assert os.getpriority(os.PRIO_PROCESS, backend) == usual + STANDS_BACK
                rank = Path(f"/proc/{backend}/autogroup")  # "/autogroup-123 nice 10", where the kernel groups sessions
                assert not rank.exists() or rank.read_text().split()[-1] == str(usual + STANDS_BACK)
            main = int((server.data / "postmaster.pid").read_text().split()[0])
            assert os.getpriority(os.PRIO_PROCESS, main) == usual + STANDS_BACK
        assert not (server.data / "postmaster.pid").exists()
