"""Fixtures: archives, installers and help files around the payload, made by the usual tools where there is one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.formats import archive_writers as write
from tests.payload import PAYLOAD

MEMBER = "payload.exe"
PASSWORD = "a secret 7"


def run(folder: Path, *command: str, read: str = "made") -> bytes:
    """Run a tool in `folder` and return the bytes of the file it made there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    environment = {**os.environ, "PATH": path, "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return (folder / read).read_bytes()


def tree(folder: Path) -> Path:
    """A folder `tree` with the payload, a text, and a folder in it."""
    root = folder / "tree"
    (root / "folder").mkdir(parents=True)
    (root / MEMBER).write_bytes(PAYLOAD)
    (root / "folder" / "text.txt").write_bytes(b"nothing to see\n" * 100)
    return root


def _zip(folder: Path) -> bytes:
    return run(tree(folder), "zip", "-qr9", "../made", ".", read="../made.zip")


def seven(folder: Path, *options: str) -> bytes:
    """A 7-Zip archive of the tree, `-t7z` unless the options say otherwise."""
    return run(tree(folder), "7z", "a", "-bso0", *options, "../made", ".", read=f"../made{_suffix(options)}")


def _suffix(options: tuple[str, ...]) -> str:
    return ".zip" if "-tzip" in options else ".7z"


def _arj(folder: Path) -> bytes:
    return run(tree(folder), "arj", "a", "-r", "-y", "../made.arj", ".", read="../made.arj")


def _cab(folder: Path) -> bytes:
    return run(tree(folder), "gcab", "-cz", "../made", MEMBER, "folder/text.txt", read="../made")


def _szdd(folder: Path) -> bytes:
    (folder / "made").write_bytes(PAYLOAD)
    return run(folder, "mscompress", "made", read="made_")


_NSIS = f"""
Name "fixture"
OutFile "made.exe"
InstallDir "$TEMP"
SetCompressor /SOLID lzma
Section
  SetOutPath $INSTDIR
  File "tree/{MEMBER}"
  File "tree/folder/text.txt"
SectionEnd
"""


def _nsis(folder: Path) -> bytes:
    tree(folder)
    (folder / "made.nsi").write_text(_NSIS)
    return run(folder, "makensis", "-V1", "made.nsi", read="made.exe")


_WXS = f"""<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
 <Product Id="*" Name="fixture" Language="1033" Version="1.0" Manufacturer="Overt tests"
          UpgradeCode="6d0f3f4e-5ed4-4f5c-8a43-2b6d1c0c2b11">
  <Package InstallerVersion="200" Compressed="yes"/>
  <Media Id="1" Cabinet="files.cab" EmbedCab="yes"/>
  <Directory Id="TARGETDIR" Name="SourceDir">
   <Component Id="c" Guid="6d0f3f4e-5ed4-4f5c-8a43-2b6d1c0c2b12">
    <File Id="payload" Name="{MEMBER}" DiskId="1" Source="tree/{MEMBER}" KeyPath="yes"/>
   </Component>
  </Directory>
  <Feature Id="f" Level="1"><ComponentRef Id="c"/></Feature>
 </Product>
</Wix>
"""


def _msi(folder: Path) -> bytes:
    tree(folder)
    (folder / "made.wxs").write_text(_WXS)
    return run(folder, "wixl", "-o", "made", "made.wxs")


def _wim(folder: Path) -> bytes:
    tree(folder)
    return run(folder, "wimcapture", "tree", "made", "--compress=LZX")


_SPEC = """
Name: fixture
Version: 1
Release: 1
Summary: fixture
License: none
BuildArch: noarch
%description
fixture
%install
mkdir -p %{buildroot}/opt
cp %{_sourcedir}/payload.exe %{buildroot}/opt/
%files
/opt/payload.exe
"""


def _rpm(folder: Path) -> bytes:
    (folder / "fixture.spec").write_text(_SPEC)
    (folder / "SOURCES").mkdir()
    (folder / "SOURCES" / MEMBER).write_bytes(PAYLOAD)
    quiet = ("-bb", "--quiet", "--define", f"_topdir {folder}", "--define", "_binary_payload w9.gzdio")
    return run(folder, "rpmbuild", *quiet, "fixture.spec", read="RPMS/noarch/fixture-1-1.noarch.rpm")


FIXTURES: dict[str, Callable[[Path], bytes]] = {
    "zip": _zip,
    "7z": seven,
    "rar": lambda _: write.rar4(MEMBER, PAYLOAD),
    "rar5": lambda _: write.rar5({MEMBER: PAYLOAD}),
    "arj": _arj,
    "cab": _cab,
    "chm": lambda _: write.chm(MEMBER, PAYLOAD),
    "szdd": _szdd,
    "nsis": _nsis,
    "compound": _msi,
    "wim": _wim,
    "lzh": lambda _: write.lzh(MEMBER, PAYLOAD),
    "rpm": _rpm,
    "xar": lambda _: write.xar(MEMBER, PAYLOAD),
    "swf": lambda _: write.swf(PAYLOAD),
}
