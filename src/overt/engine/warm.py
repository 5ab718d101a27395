"""Everything loaded that an examination may need, because nothing can be loaded once the process is confined."""

from __future__ import annotations

import codecs
import contextlib
import sys

import pybit7z

from overt.engine import matcher

CHARSETS = """ascii utf-7 utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be latin-1 cp437 cp850
cp852 cp858 cp862 cp866 cp874 cp932 cp949 cp950 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13 iso8859-14
iso8859-15 iso8859-16 koi8-r koi8-u mac-roman mac-cyrillic gb2312 gbk gb18030 hz big5 big5hkscs shift-jis euc-jp
euc-kr iso2022-jp iso2022-kr johab tis-620 punycode idna unicode-escape raw-unicode-escape rot13 hex base64
quopri zlib bz2""".split()
"""Charsets of mails, archives' names and scripts; one that is not here is an unknown charset to an examiner."""


UNPACKER = f"pybit7z {pybit7z.__version__}, Python {sys.version.split()[0]}"
"""What else a verdict depends on: with another version, old verdicts are not served."""


def warm_up() -> None:
    """Warm the rule engine, load the codecs, then let the import system look nowhere: a missing module is an
    `ImportError` at once and not an attempt to open files. Only for a process that will be confined."""
    matcher.warm_up()
    for name in CHARSETS:
        with contextlib.suppress(LookupError):
            codecs.lookup(name)
    sys.path.clear()
    sys.meta_path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
