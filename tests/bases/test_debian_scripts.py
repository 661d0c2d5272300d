"""Maintainer scripts, read: links that they would make, and whether the rest matters."""

from __future__ import annotations

import io

import pytest

from tare.bases.debian.scripts import Alternative, alternatives, make_alternatives, unmet
from tare.bases.debian.tree import Tree

BLAS = b"""\
#!/bin/sh
set -e
update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 \\
                    libblas.so.3-x86_64-linux-gnu /usr/lib/x86_64-linux-gnu/blas/libblas.so.3 10
exit 0
"""


def test_a_library_that_is_an_alternative_is_found() -> None:
    assert alternatives(BLAS) == [
        Alternative(
            name="libblas.so.3-x86_64-linux-gnu",
            priority=10,
            link="/usr/lib/x86_64-linux-gnu/libblas.so.3",
            path="/usr/lib/x86_64-linux-gnu/blas/libblas.so.3",
        )
    ]
    assert unmet(BLAS) is None


def test_loops_and_slaves_are_followed() -> None:
    script = b"""
    for prog in convert identify; do
        update-alternatives --quiet --install /usr/bin/$prog ${prog} "/usr/bin/$prog-im7" 50 \\
            --slave /usr/share/man/man1/$prog.1.gz $prog.1.gz /usr/share/man/man1/$prog-im7.1.gz
    done
    """

    assert [(item.link, item.path, item.priority) for item in alternatives(script)] == [
        ("/usr/bin/convert", "/usr/bin/convert-im7", 50),
        ("/usr/share/man/man1/convert.1.gz", "/usr/share/man/man1/convert-im7.1.gz", 50),
        ("/usr/bin/identify", "/usr/bin/identify-im7", 50),
        ("/usr/share/man/man1/identify.1.gz", "/usr/share/man/man1/identify-im7.1.gz", 50),
    ]


@pytest.mark.parametrize(
    "call",
    [
        "--install /usr/bin/x x /usr/bin/y",
        "--install /usr/bin/x x /usr/bin/y high",
        "--install $LINK x /usr/bin/y 10",
        "--install /usr/bin/x ../x /usr/bin/y 10",
        "--install /usr/../etc/x x /usr/bin/y 10",
        "--install usr/bin/x x /usr/bin/y 10",
        "--remove x /usr/bin/y",
        "--install",
    ],
)
def test_what_is_not_said_plainly_makes_no_link(call: str) -> None:
    assert alternatives(f"update-alternatives {call}\n".encode()) == []


def test_the_highest_priority_whose_file_is_there_gets_the_link() -> None:
    tree = Tree(io.BytesIO())
    tree.file("usr/bin/nano", [b"nano"])
    tree.file("usr/bin/ed", [b"ed"])
    tree.file("usr/bin/pager", [b"real"])
    wanted = [
        Alternative(name="editor", priority=5, link="/bin/editor", path="/usr/bin/ed"),
        Alternative(name="editor", priority=40, link="/bin/editor", path="/bin/nano"),
        Alternative(name="editor", priority=99, link="/bin/editor", path="/usr/bin/gone"),
        Alternative(name="pager", priority=9, link="/usr/bin/pager", path="/usr/bin/ed"),
    ]

    make_alternatives(tree, wanted)

    links = {path: node.target for path, node in tree if node.kind == "symlink"}
    assert links == {"etc/alternatives/editor": "/bin/nano", "usr/bin/editor": "/etc/alternatives/editor"}


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\nset -e\n# nothing\nexit 0\n",
        "#!/bin/sh\n# Automatically added by dh_installdeb/13\nrm_conffile /etc/x\n# End automatically added section\n",
        "# Automatically added by dh_installsystemd/13\nsystemctl restart x\n# End automatically added section\n",
        'if [ "$1" = configure ]; then\n  :\nfi\n',
    ],
)
def test_scripts_that_do_nothing_on_a_fresh_system_are_not_missed(script: str) -> None:
    assert unmet(script.encode()) is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("adduser --system _x\n", "it calls `adduser`"),
        ("# chmod is not called\nfc-cache -f\nln -s a b\n", "it calls `fc-cache`, `ln`"),
        ("/usr/lib/magic\n", "it calls nothing that is known"),
        (
            "# Automatically added by dh_installsysusers/13\nsystemd-sysusers x.conf\n# End automatically added section\n",
            "it calls `systemd-sysusers`",
        ),
    ],
)
def test_scripts_that_change_a_system_are_described(script: str, said: str) -> None:
    assert unmet(script.encode()) == said


def test_a_script_that_is_no_text_is_survived() -> None:
    assert alternatives(bytes(range(256)) * 100) == []
    assert unmet(b"\xff\xfe" * 1000) == "it calls nothing that is known"
