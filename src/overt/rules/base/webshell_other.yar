/*
  JSP, ASP, ASP.NET, Python and Perl web shells.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule webshell_jsp_exec_request
{
    meta:
        author = "Overt project"
        description = "Java server page that runs a request parameter as a command"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = "<%"
        $xml = "j\x73p:s\x63riptlet"
        $exec = /g\x65tRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}e\x78ec\s{0,4}\(\s{0,4}("[^"\n]{0,40}"\s{0,4}\+\s{0,4})?(n\x65w\s{1,4}S\x74ring\s{0,4}\[\s{0,2}\]\s{0,4}\{[^}\n]{0,80})?r\x65quest\s{0,2}\.\s{0,2}g\x65tParameter/
        $build = /n\x65w\s{1,4}P\x72ocessBuilder\s{0,4}\(\s{0,4}(n\x65w\s{1,4}S\x74ring\s{0,4}\[\s{0,2}\]\s{0,4}\{)?[^;\n]{0,80}r\x65quest\s{0,2}\.\s{0,2}g\x65tParameter/
    condition:
        filesize < 512KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of ($page, $xml) and any of ($exec, $build)
}

rule webshell_jsp_command_page
{
    meta:
        author = "Overt project"
        description = "small Java server page that takes a parameter, runs a command and prints its output"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = "<%"
        $xml = "j\x73p:s\x63riptlet"
        $parameter = "r\x65quest.g\x65tParameter("
        $exec = /(R\x75ntime\s{0,2}\.\s{0,2}g\x65tRuntime\s{0,2}\(\s{0,2}\)\s{0,2}\.\s{0,2}e\x78ec\s{0,2}\(|n\x65w\s{1,4}P\x72ocessBuilder\s{0,2}\()/
        $output = "g\x65tI\x6eputStream("
        $write = /o\x75t\s{0,2}\.\s{0,2}p\x72int/
    condition:
        filesize < 32KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of ($page, $xml) and $parameter and $exec and $output and $write
}

rule webshell_jsp_defines_class
{
    meta:
        author = "Overt project"
        description = "Java server page that decrypts or decodes request data and defines a class from it"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = "<%"
        $xml = "j\x73p:s\x63riptlet"
        $loader = "C\x6cassLoader"
        $define = "d\x65fineClass"
        $body = /r\x65quest\s{0,2}\.\s{0,2}(g\x65tReader|g\x65tInputStream|g\x65tParameter)\s{0,2}\(/
        $cipher = "j\x61vax.crypto"
        $base64 = "B\x61se64" nocase
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of ($page, $xml) and $loader and $define and $body and
        any of ($cipher, $base64)
}

rule webshell_aspx_eval_request
{
    meta:
        author = "Overt project"
        description = "ASP or ASP.NET page of one line that evaluates a request parameter"
        reference = "https://attack.mitre.org/software/S0020/"
        severity = "critical"
        licence = "Apache-2.0"
    strings:
        $script = /<%\s{0,4}(@[^>]{1,64}%>\s{0,4}<%\s{0,4})?(e\x76al|e\x78ecute|e\x78ecuteglobal)\s{0,4}\(?\s{0,4}r\x65quest(\.(i\x74em|f\x6frm|q\x75erystring))?\s{0,2}[\[(]\s{0,2}["'][^"'\n]{1,32}["']\s{0,2}[\])]/ nocase
        $decoded = /<%[^%]{0,200}\be\x76al\s{0,2}\(\s{0,2}S\x79stem\.T\x65xt\.E\x6ecoding\.[^\n]{0,40}F\x72omBase64S\x74ring\s{0,2}\(\s{0,2}R\x65quest/ nocase
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule webshell_aspx_process
{
    meta:
        author = "Overt project"
        description = "ASP.NET page that starts a command interpreter with request data"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = /<%@\s{0,4}(p\x61ge|w\x65bhandler|w\x65bservice)\b/ nocase
        $process = /P\x72ocess(S\x74artInfo|\.S\x74art\s{0,2}\()/
        $shell = /["'\\](c\x6dd(\.e\x78e)?|p\x6fwershell(\.e\x78e)?)["']/ nocase
        $request = /R\x65quest\s{0,2}(\.(F\x6frm|Q\x75eryString|P\x61rams|I\x74em|H\x65aders|C\x6fokies)\s{0,2})?\[\s{0,2}["']/ nocase
        $control = /<a\x73p:T\x65xtBox\b[^>]{0,200}r\x75nat/ nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $page in (0..4096) and $process and $shell and
        any of ($request, $control)
}

rule webshell_aspx_loads_assembly
{
    meta:
        author = "Overt project"
        description = "ASP.NET page that loads a .NET assembly from the request and runs it"
        reference = "https://attack.mitre.org/techniques/T1620/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = /<%@\s{0,4}(p\x61ge|w\x65bhandler|w\x65bservice)\b/ nocase
        $load = /A\x73sembly\s{0,2}\.\s{0,2}L\x6fad\s{0,2}\(/
        $call = /\.\s{0,2}(C\x72eateInstance|I\x6evoke)\s{0,2}\(/
        $read = /R\x65quest\s{0,2}(\.\s{0,2}B\x69naryRead\s{0,2}\(|\[\s{0,2}["']|\.\s{0,2}(F\x6frm|H\x65aders|C\x6fokies|I\x74em)\s{0,2}\[)/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $page in (0..4096) and $load and $call and $read
}

rule webshell_asp_wscript_shell
{
    meta:
        author = "Overt project"
        description = "classic ASP page that runs request data through WScript.Shell"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = "<%"
        $create = /S\x65rver\s{0,2}\.\s{0,2}C\x72eateObject\s{0,2}\(\s{0,2}["']W\x53cript\.S\x68ell["']/ nocase
        $run = /\.\s{0,2}(e\x78ec|r\x75n)\s{0,4}\(?\s{0,4}[^\n]{0,60}(r\x65quest\s{0,2}[(.]|c\x6dd|c\x6fmmand)/ nocase
        $request = /r\x65quest\s{0,2}(\.(f\x6frm|q\x75erystring)\s{0,2})?\(\s{0,2}["']/ nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $page and $create and $run and $request
}

rule webshell_python_request
{
    meta:
        author = "Overt project"
        description = "Python web page that runs request data as a command or as code"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $web = /(f\x72om|i\x6dport)\s{1,4}(f\x6cask|b\x6fttle|d\x6aango|t\x6frnado|a\x69ohttp|w\x65b|f\x61stapi|s\x61nic|q\x75art)\b/
        $run = /\b(os\.s\x79stem|os\.p\x6fpen|s\x75bprocess\.(c\x68eck_o\x75tput|P\x6fpen|r\x75n|c\x61ll|g\x65toutput)|e\x76al|e\x78ec)\s{0,2}\(\s{0,2}(s\x74r\s{0,2}\(\s{0,2})?(b\x61se64\.b64d\x65code\s{0,2}\(\s{0,2})?(f\x6cask\.)?r\x65quest\.(a\x72gs|f\x6frm|v\x61lues|G\x45T|P\x4fST|c\x6fokies|h\x65aders|j\x73on|p\x61rams|q\x75ery|f\x6frms)\b/
        $take = /\b(c\x6dd|c\x6fmmand|c)\s{0,2}=\s{0,2}(f\x6cask\.)?r\x65quest\.(a\x72gs|f\x6frm|v\x61lues|j\x73on|c\x6fokies|h\x65aders|G\x45T|P\x4fST)\b/
        $later = /\b(os\.s\x79stem|os\.p\x6fpen|s\x75bprocess\.(c\x68eck_o\x75tput|P\x6fpen|r\x75n|c\x61ll|g\x65toutput)|e\x76al|e\x78ec)\s{0,2}\(\s{0,2}(c\x6dd|c\x6fmmand|c)\b/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $web and ($run or ($take and $later and filesize < 8KB))
}

rule webshell_python_cgi
{
    meta:
        author = "Overt project"
        description = "Python CGI script that runs a form field as a command"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $cgi = "F\x69eld\x53torage"
        $run = /(os\.(s\x79stem|p\x6fpen)|s\x75bprocess\.\w{3,16}|c\x6fmmands\.g\x65toutput)\s{0,2}\(\s{0,2}(s\x74r\s{0,2}\(\s{0,2})?\w{1,16}\s{0,2}(\.g\x65tvalue\s{0,2}\(|\.g\x65tfirst\s{0,2}\(|\[\s{0,2}["'][^"'\n]{1,24}["']\s{0,2}\]\s{0,2}\.v\x61lue)/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $cgi and $run
}

rule webshell_perl_cgi
{
    meta:
        author = "Overt project"
        description = "Perl CGI script that runs a request parameter as a command"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $perl = "p\x65rl"
        $run = /\b(s\x79stem|e\x78ec|qx|o\x70en\s{0,2}\(\s{0,2}\w{1,12}\s{0,2},)\s{0,4}[({"]?\s{0,4}(\$\w{1,16}\s{0,2}->\s{0,2})p\x61ram\s{0,2}\(\s{0,2}["']/
        $tick = /`\s{0,2}\$\{?\\?(\w{1,12}->)p\x61ram\s{0,2}\(/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $perl in (0..256) and any of ($run, $tick)
}
