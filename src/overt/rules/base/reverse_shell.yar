/*
  Reverse shells: one-liners and short programs that give a remote host a command line.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule reverse_shell_bash_tcp
{
    meta:
        author = "Overt project"
        description = "interactive shell redirected to a remote host through bash's /dev/tcp"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $run = /\b(ba|z|da|k)?sh\s{1,4}-[il]{1,2}\s{0,4}[<>&0-9 ]{1,8}\s{0,4}["']?\/d\x65v\/(t\x63p|u\x64p)\/[A-Za-z0-9.\-:${}]{1,64}\/[\d$]/
        $exec = /\b\d{1,3}<>\s{0,2}\/d\x65v\/(t\x63p|u\x64p)\/[A-Za-z0-9.\-:]{1,64}\/\d{1,5}\s{0,2};\s{0,4}(ba|da|z)?sh\s{1,4}<&\d/
        $loop = /w\x68ile\s{1,4}r\x65ad\s{1,4}(-r\s{1,4})?\w{1,12}\s{0,4}(<&\d{1,3})?\s{0,4};\s{0,4}do\s{1,4}[^\n]{0,40}\$\{?\w{1,12}\}?["']?\s{0,4}2>&\d{1,3}\s{0,4}>&\d{1,3}/
    condition:
        filesize < 8MB and any of them
}

rule reverse_shell_netcat_exec
{
    meta:
        author = "Overt project"
        description = "netcat told to attach a shell to a remote host"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $before = /\b(nc|n\x63at|n\x65tcat|nc\.t\x72aditional)(\.e\x78e)?\s{1,4}(-[a-z]{1,6}\s{1,4}){0,4}-(e|c|-e\x78ec|-sh-e\x78ec)\s{1,4}["']?(\/b\x69n\/|\/u\x73r\/b\x69n\/)?((ba|da|z|k)?sh|c\x6dd|c\x6dd\.e\x78e|p\x6fwershell|p\x6fwershell\.e\x78e)["']?\s{1,4}(-[a-z]{1,6}\s{1,4}){0,4}\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\s{1,4}\d{1,5}\b/ nocase
        $after = /\b(nc|n\x63at|n\x65tcat|nc\.t\x72aditional)(\.e\x78e)?\s{1,4}(-[a-z]{1,6}\s{1,4}){0,4}\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\s{1,4}\d{1,5}\s{1,4}(-[a-z]{1,6}\s{1,4}){0,4}-(e|c|-e\x78ec|-sh-e\x78ec)\s{1,4}["']?(\/b\x69n\/|\/u\x73r\/b\x69n\/)?((ba|da|z|k)?sh|c\x6dd|c\x6dd\.e\x78e|p\x6fwershell|p\x6fwershell\.e\x78e)\b/ nocase
    condition:
        filesize < 8MB and any of them
}

rule reverse_shell_named_pipe
{
    meta:
        author = "Overt project"
        description = "shell joined to netcat, telnet or openssl through a named pipe, on one line"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $pipe = /mk(f\x69fo|n\x6fd)\s{1,4}[^\n;&|]{1,60}[;&]{1,2}[^\n]{0,60}\|\s{0,4}(\/b\x69n\/|\/u\x73r\/b\x69n\/)?(ba|da|z|k)?sh\s{1,4}[^\n|]{0,24}\|\s{0,4}(nc|n\x63at|n\x65tcat|t\x65lnet|o\x70enssl\s{1,4}s_c\x6cient|s\x6fcat|b\x75sybox\s{1,4}nc)\s/
        $back = /mk(f\x69fo|n\x6fd)\s{1,4}[^\n;&|]{1,60}[;&]{1,2}[^\n]{0,40}(ba|da|z|k)?sh\s{1,4}-i\s{0,4}<\s{0,4}\S{1,40}[^\n]{0,24}\|\s{0,4}(nc|n\x63at|n\x65tcat|t\x65lnet|o\x70enssl\s{1,4}s_c\x6cient)\s/
    condition:
        filesize < 8MB and any of them
}

rule reverse_shell_python
{
    meta:
        author = "Overt project"
        description = "Python that connects out and gives its socket to a shell"
        reference = "https://attack.mitre.org/techniques/T1059/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $dup = /\bd\x75p2\s{0,2}\(\s{0,2}\w{1,16}\.f\x69leno\s{0,2}\(\s{0,2}\)\s{0,2},\s{0,2}[012f]/
        $loop = /f\x6fr\s{1,2}\w{1,8}\s{1,2}in\s{1,2}\(\s{0,2}0\s{0,2},\s{0,2}1\s{0,2},\s{0,2}2\s{0,2}\)/
        $connect = ".\x63onnect(("
        $pty = /\bp\x74y\.s\x70awn\s{0,2}\(/
        $shell = /(s\x75bprocess\.(c\x61ll|P\x6fpen|r\x75n)|os\.(s\x79stem|e\x78ec[lv]{1,2}[pe]{0,2}))\s{0,2}\(\s{0,2}\[?\s{0,2}["']\/b\x69n\/(ba|da|z)?sh["']/
    condition:
        filesize < 32KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $connect and any of ($dup, $loop) and any of ($pty, $shell) and $dup
}

rule reverse_shell_python_loop
{
    meta:
        author = "Overt project"
        description = "Python that receives commands from a socket, runs them in a shell and sends the output back"
        reference = "https://attack.mitre.org/techniques/T1059/006/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $connect = ".\x63onnect(("
        $receive = /=\s{0,4}\w{1,16}\.r\x65cv\s{0,2}\(\s{0,2}\d{3,6}\s{0,2}\)/
        $run = /(s\x75bprocess\.(P\x6fpen|c\x68eck_o\x75tput|r\x75n|g\x65toutput)|os\.p\x6fpen)\s{0,2}\(\s{0,2}(c\x6dd|c\x6fmmand|d\x61ta|c\x6fmando)\b[^\n]{0,80}/
        $send = /\.s\x65nd(a\x6cl)?\s{0,2}\(/
        $import = /i\x6dport\s[^\n]{0,40}s\x6fcket/
    condition:
        filesize < 16KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule reverse_shell_perl
{
    meta:
        author = "Overt project"
        description = "Perl that reopens its standard streams on a socket and runs a shell"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $open = /o\x70en\s{0,2}\(\s{0,2}S\x54D(IN|O\x55T)\s{0,2},\s{0,2}["'][<>+]{0,2}&\s{0,2}\w{1,12}["']\s{0,2}\)/
        $socket = /(u\x73e\s{1,4}S\x6fcket|IO::S\x6fcket::I\x4eET|s\x6fckaddr_in)/
        $shell = /(e\x78ec|s\x79stem)\s{0,2}[({]?\s{0,4}\{?["'](\/b\x69n\/|\/u\x73r\/b\x69n\/)?(ba|da|z)?sh(\s{1,2}-i)?["']/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule reverse_shell_perl_fdopen
{
    meta:
        author = "Overt project"
        description = "Perl that joins its standard streams to a socket and runs each line it receives"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $fdopen = /S\x54DIN\s{0,2}->\s{0,2}f\x64open\s{0,2}\(\s{0,2}\\?\$\w{1,12}\s{0,2},\s{0,2}["']?r/
        $out = /(\$~|S\x54DOUT)\s{0,2}->\s{0,2}f\x64open\s{0,2}\(\s{0,2}\\?\$\w{1,12}\s{0,2},\s{0,2}["']?w/
        $run = /s\x79stem\s{0,2}\$_\s{0,2}w\x68ile\s{0,2}<>/
    condition:
        filesize < 1MB and all of them
}

rule reverse_shell_php
{
    meta:
        author = "Overt project"
        description = "PHP that opens a socket and starts an interactive shell on it"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = /\b(f\x73ockopen|p\x66sockopen|s\x74ream_s\x6fcket_c\x6cient|s\x6fcket_c\x6fnnect)\s{0,2}\(/
        $shell = /["'](\/b\x69n\/|\/u\x73r\/b\x69n\/|u\x6eame -a; w; id; )?(ba|da|z)?sh\s{1,2}(-i\b|<&\d)/
        $run = /\b(e\x78ec|s\x68ell_e\x78ec|s\x79stem|p\x61ssthru|p\x6fpen|p\x72oc_o\x70en)\s{0,2}\(/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule reverse_shell_ruby
{
    meta:
        author = "Overt project"
        description = "Ruby that connects out and gives its socket to a shell"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = /T\x43PSocket\s{0,2}\.\s{0,2}(n\x65w|o\x70en)\s{0,2}[( ]/
        $exec = /e\x78ec\s{0,4}\(?\s{0,4}(s\x70rintf\s{0,2}\(?\s{0,2})?["']\/b\x69n\/(ba|da|z)?sh\s{1,2}-i\s{0,2}<&/
        $loop = /w\x68ile\s{0,4}\(?\s{0,4}(c\x6dd|l\x69ne|l)\s{0,4}=\s{0,4}\w{1,8}\.g\x65ts\s{0,2}\)?[^\n]{0,12}[;\n]\s{0,8}IO\.p\x6fpen\s{0,2}\(?\s{0,2}(c\x6dd|l\x69ne|l)\b/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $socket and any of ($exec, $loop)
}

rule reverse_shell_node
{
    meta:
        author = "Overt project"
        description = "Node.js that joins a shell's streams to a socket"
        reference = "https://attack.mitre.org/techniques/T1059/007/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $net = /r\x65quire\s{0,2}\(\s{0,2}["']n\x65t["']\s{0,2}\)/
        $child = /r\x65quire\s{0,2}\(\s{0,2}["']c\x68ild_p\x72ocess["']\s{0,2}\)/
        $shell = /(s\x70awn|e\x78ec)\s{0,2}\(\s{0,2}["'](\/b\x69n\/(ba|da|z)?sh|c\x6dd\.e\x78e|c\x6dd|p\x6fwershell)["']/
        $in = /\.p\x69pe\s{0,2}\(\s{0,2}\w{1,12}\.s\x74din\s{0,2}\)/
        $out = /\.s\x74dout\.p\x69pe\s{0,2}\(/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule reverse_shell_awk
{
    meta:
        author = "Overt project"
        description = "awk that reads commands from a TCP connection and writes their output back"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = /\/i\x6eet\/t\x63p\/0\/[^\/"'\n]{1,64}\/[^"'\n]{1,12}["']/
        $loop = /w\x68ile\s{0,2}\({1,3}\s{0,4}\(?\s{0,4}\w{1,8}\s{0,4}\|&\s{0,4}g\x65tline/
        $run = /\b(c|c\x6dd|c\x6fmmand)\s{0,4}\|&?\s{0,4}g\x65tline/
    condition:
        filesize < 16KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule reverse_shell_powershell
{
    meta:
        author = "Overt project"
        description = "PowerShell that reads commands from a TCP stream and evaluates them"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = /N\x65t\.S\x6fckets\.T\x43PClient\s{0,2}\(/ nocase ascii wide
        $stream = ".\x47etStream(" nocase ascii wide
        $eval = /\b(i\x65x|I\x6evoke-E\x78pression)\b/ nocase ascii wide
        $read = /\.R\x65ad(L\x69ne)?\s{0,2}\(/ nocase ascii wide
        $ascii = "A\x53CII\x45ncoding" nocase ascii wide
        $writer = "S\x74re\x61mWriter" nocase ascii wide
        $bytes = ".\x47etBytes(" nocase ascii wide
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $socket and $stream and $eval and $read and
        any of ($ascii, $writer, $bytes)
}

rule reverse_shell_socat
{
    meta:
        author = "Overt project"
        description = "socat told to attach a shell on a terminal to a remote host"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $exec = /s\x6fcat\s[^\n]{0,80}e\x78ec:\s{0,2}['"]?(\/b\x69n\/)?(ba|da|z)?sh\b[^\n]{0,16}['"]?,p\x74y,s\x74derr[^\n]{0,40}\st\x63p[46]?(-c\x6fnnect)?:/ nocase
        $tcp = /s\x6fcat\s[^\n]{0,20}t\x63p[46]?(-c\x6fnnect)?:[^\s]{1,80}\s{1,4}e\x78ec:\s{0,2}['"]?(\/b\x69n\/)?(ba|da|z)?sh\b[^\n]{0,16}['"]?,p\x74y,s\x74derr/ nocase
    condition:
        filesize < 8MB and any of them
}

rule reverse_shell_java
{
    meta:
        author = "Overt project"
        description = "Java or Groovy that joins a process to a socket"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $chain = /P\x72ocessBuilder\s{0,2}\(\s{0,2}["\w\/.]{1,24}\s{0,2}\)\s{0,2}\.r\x65directErrorStream\s{0,2}\(\s{0,2}t\x72ue\s{0,2}\)\s{0,2}\.s\x74art\s{0,2}\(\s{0,2}\)\s{0,2};\s{0,8}S\x6fcket\s/
        $runtime = /g\x65tRuntime\s{0,2}\(\s{0,2}\)\.e\x78ec\s{0,2}\([^\n]{0,60}\/d\x65v\/t\x63p\//
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule reverse_shell_lua
{
    meta:
        author = "Overt project"
        description = "Lua that receives commands from a socket and runs them"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = /r\x65quire\s{0,2}\(?\s{0,2}["']s\x6fcket["']/
        $connect = /:c\x6fnnect\s{0,2}\(|\.c\x6fnnect\s{0,2}\(/
        $receive = /:r\x65ceive\s{0,2}\(/
        $run = /io\.p\x6fpen\s{0,2}\(\s{0,2}\w{1,16}\s{0,2}(,\s{0,2}["']r["']\s{0,2})?\)|os\.e\x78ecute\s{0,2}\(\s{0,2}["']\/b\x69n\/(ba)?sh -i\s{0,2}<&/
        $send = /:s\x65nd\s{0,2}\(/
    condition:
        filesize < 8KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $socket and $connect and $run and ($receive or $send)
}

rule reverse_shell_linux_shellcode
{
    meta:
        author = "Overt project"
        description = "64-bit Linux machine code that opens a socket, connects it and duplicates it onto the standard streams"
        reference = "https://attack.mitre.org/techniques/T1059/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $socket = { 6A 29 58 99 6A 02 5F 6A 01 5E 0F 05 }
        $connect = { 6A 2A 58 0F 05 }
        $dup = { 6A 21 58 0F 05 75 ?? }
    condition:
        filesize < 4MB and $socket and ($connect or $dup)
}
