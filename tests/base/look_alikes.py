"""Honest things that look like what the rules look for."""

from __future__ import annotations

from tests.base.elf import EXECUTABLE, elf
from tests.base.inert import inert
from tests.base.pe import Section, pe

LOOK_ALIKES: dict[str, bytes] = {
    "php form handler": inert(
        "<?php $name = htmlspecialchars($_PO·ST['name']); echo $name; sys·tem('date'); ?>"
    ),
    "php documentation": inert("Read the value with `$_GE·T['id']` and never ev·al it.\n"),
    "php upload": inert(
        "<?php move_uploa·ded_file($_FI·LES['f']['tmp_name'], '/srv/up/' . bin2hex(random_bytes(8))); ?>"
    ),
    "jsp page": inert('<% String n = request.getPara·meter("n"); out.print(n); %>'),
    "bash port check": inert("exec 3<>/dev/t·cp/localhost/80 && echo open\n"),
    "netcat manual": inert("nc -l 1234 waits for a connection; nc host.example.com 1234 makes one.\n"),
    "python server": inert(
        'import socket\ns = socket.socket()\ns.bind(("", 80))\nc, _ = s.acc·ept()\nc.send(c.recv(1024))\n'
    ),
    "chocolatey": inert(
        "iex ((New-Object System.Net.WebC·lient).DownloadSt·ring('https://community.example.org/install.ps1'))"
    ),
    "curl installer": inert("curl -fsSL https://sh.example.org | sh\n"),
    "download script": inert(
        "wget -q https://example.org/x.tar.gz -O /tmp/x.tar.gz && tar xf /tmp/x.tar.gz\n"
    ),
    "powershell script": inert("powershell -ExecutionPolicy Bypass -File build.ps1 -encoding utf8\n"),
    "macro": inert('Attribute VB_Name = "M"\nSub AutoO·pen()\n    MsgBox "welcome"\nEnd Sub\n'),
    "relationship": inert(
        '<Relationship Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" '
        'Target="https://example.org/" TargetMode="External"/>'
    ),
    "pdf": inert("%PDF-1.4\n1 0 obj << /Type /Catalog /OpenAc·tion [2 0 R /Fit] >> endobj\n"),
    "web application": inert(
        "<html><script>var b = new Bl·ob([text]); a.href = URL.createObje·ctURL(b); a.download = 'a.csv'</script>"
    ),
    "encryption manual": inert(
        "The files are encrypted with the private key. Restore your files from the backup within 30 days.\n"
    ),
    "crontab": inert("*/5 * * * * root /usr/bin/backup --quiet\n@daily curl -fsS https://example.org/ping\n"),
    "service": inert("[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/x --pid /run/x.pid\n"),
    "key script": inert(
        'echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me" >> ~/.ssh/authoriz·ed_keys\n'
    ),
    "hosts": inert("127.0.0.1 www.examplebank.com\n0.0.0.0 ads.otherbank.com\n192.0.2.9 host.example.org\n"),
    "proxy script": inert(
        'function FindProxyForU·RL(url, host) { return "PROXY proxy.example.org:3128"; }\n'
    ),
    "linux program": elf(inert("\0[kwor·ker/0:0]\0usage: ps\0"), kind=EXECUTABLE),
    "preloaded library": elf(inert("\0dls·ym\0/proc/self/f·d/%d\0"), exports=("open", "close")),
    "windows program": pe(Section()),
}
