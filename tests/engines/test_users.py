"""Who a container runs as."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from make.errors import told

from tare.engines.users import User, find_user
from tare.errors import TareError, UsageError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="images are run on POSIX systems only")

PASSWD = "root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken\napp:x:65532:65533::/home/app:/bin/false\nlost:x:7:8:::\n"
GROUP = "root:x:0:\nstaff:x:50:app,other\nwheel:x:10:other\naudio:x:29:app\n"


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    return tmp_path


APP = User(uid=65532, gid=65533, groups=(50, 29), home="/home/app")


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(uid=0, gid=0, home="/root")),
        ("0", User(uid=0, gid=0, home="/root")),
        ("app", APP),
        ("65532", APP),
        ("app:staff", User(uid=65532, gid=50, home="/home/app")),
        ("65532:65532", User(uid=65532, gid=65532, home="/home/app")),
        ("1000", User(uid=1000, gid=0)),
        ("1000:1001", User(uid=1000, gid=1001)),
        ("lost", User(uid=7, gid=8)),
    ],
)
def test_a_user_is_found_by_number_and_by_name(rootfs: Path, text: str, user: User) -> None:
    assert find_user(rootfs, text) == user


def test_an_image_without_users_has_numbers(tmp_path: Path) -> None:
    assert find_user(tmp_path, "65532:65532") == User(uid=65532, gid=65532)
    assert find_user(tmp_path, "") == User(uid=0, gid=0)


@pytest.mark.parametrize(
    ("text", "name"), [("nobody", "nobody"), ("app:nogroup", "nogroup"), ("4294967295", "4294967295")]
)
def test_a_user_that_is_not_there_is_said(rootfs: Path, text: str, name: str) -> None:
    with pytest.raises(TareError) as caught:
        find_user(rootfs, text)
    assert told(caught.value) == (
        UsageError,
        f"the user `{text}` is not in the image",
        (f"`{name}` is no number, and no name in its `/etc/passwd` or `/etc/group`",),
        (),
    )


def test_the_machine_s_own_users_are_not_asked(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("evil:x:1:1::/:\n")
    (tmp_path / "root/etc").mkdir(parents=True)
    for target in (str(outside), "../../outside"):
        link = tmp_path / "root/etc/passwd"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(UsageError):
            find_user(tmp_path / "root", "evil")


def test_a_link_within_the_image_is_followed(rootfs: Path) -> None:
    (rootfs / "usr").mkdir()
    (rootfs / "etc/passwd").rename(rootfs / "usr/users")
    (rootfs / "etc/passwd").symlink_to("/usr/users")

    assert find_user(rootfs, "app") == APP


def test_a_fifo_does_not_hold_us_up(rootfs: Path) -> None:
    (rootfs / "etc/passwd").unlink()
    os.mkfifo(rootfs / "etc/passwd")

    assert find_user(rootfs, "1:1") == User(uid=1, gid=1)
