/*
  One-liners and short scripts that fetch a program and run it.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule downloader_powershell_hidden
{
    meta:
        author = "Overt project"
        description = "PowerShell with a hidden window that downloads something"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hidden = /p\x6fwershell(\.e\x78e)?["']?\s[^\n]{0,120}-w(in|i\x6edow|i\x6edowstyle)?\s{1,4}["']?(h\x69dden|h\x69d|h|1)\b/ nocase ascii wide
        $fetch = /\.D\x6fwnload(S\x74ring|F\x69le|D\x61ta)\s{0,2}\(/ nocase ascii wide
        $invoke = /\b(I\x6evoke-W\x65bRequest|i\x77r|I\x6evoke-R\x65stMethod|i\x72m|S\x74art-B\x69tsTransfer|c\x75rl)\b[^\n]{1,80}h\x74tps?:\/\// nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $hidden and any of ($fetch, $invoke)
}

rule downloader_powershell_evaluates
{
    meta:
        author = "Overt project"
        description = "PowerShell that evaluates a script fetched over unencrypted HTTP or from a bare address"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $eval = /\b(i\x65x|I\x6evoke-E\x78pression)\b[\s(&"'$]{1,8}[^\n|]{0,60}(D\x6fwnloadString|I\x6evoke-W\x65bRequest|I\x6evoke-R\x65stMethod|i\x77r|i\x72m)\b[^\n]{0,24}(h\x74tp:\/\/[a-z0-9]|h\x74tps:\/\/\d{1,3}\.\d{1,3}\.)/ nocase ascii wide
        $pipe = /(D\x6fwnloadString\s{0,2}\(|\b(i\x77r|i\x72m|I\x6evoke-W\x65bRequest|I\x6evoke-R\x65stMethod)\b)[^\n]{0,24}(h\x74tp:\/\/[a-z0-9]|h\x74tps:\/\/\d{1,3}\.\d{1,3}\.)[^\n|]{0,160}\|\s{0,4}(i\x65x|I\x6evoke-E\x78pression)\b/ nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule downloader_shell_hidden_file
{
    meta:
        author = "Overt project"
        description = "shell script that downloads to a hidden file in a folder for temporary files and makes it executable"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $fetch = /(w\x67et|c\x75rl)\s[^\n;|&]{0,200}\s["']?(\/t\x6dp|\/v\x61r\/t\x6dp|\/d\x65v\/s\x68m|\/v\x61r\/r\x75n)\/([\w.\-]{0,24}\/){0,2}\.[A-Za-z0-9_]/
        $mode = /c\x68mod\s{1,4}(-R\s{1,4})?([ugoa]{0,3}\+r?w?x|0?[1357]{3}|0?755|0?777|0?700)\s{1,4}["']?(\/t\x6dp|\/v\x61r\/t\x6dp|\/d\x65v\/s\x68m|\/v\x61r\/r\x75n|\.\/?)/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule downloader_shell_many_machines
{
    meta:
        author = "Overt project"
        description = "shell script that tries one program built for many processors, as Internet-of-things bots do"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $fetch = /(w\x67et|c\x75rl|t\x66tp|b\x75sybox)\s[^\n;]{0,120}(m\x69psel|m\x70sl|m\x69ps64|m\x69ps|a\x72mv?[4-7]l?|a\x72m|sh4|m68k|p\x6fwerpc|p\x70c|s\x70arc|s\x70c|i[56]86|x86_64|x86)\s{0,4}["']?\s{0,4}[;&|\n>]/
        $mode = /c\x68mod\s{1,4}(\+x|0?777)\s/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and #fetch >= 4 and $mode
}

rule downloader_shell_folder_walk
{
    meta:
        author = "Overt project"
        description = "shell one-liner that looks for a writable folder, downloads a script there and runs it"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $walk = /cd\s{1,2}\/t\x6dp\s{0,2}\|\|\s{0,2}cd\s{1,2}\/(v\x61r\/r\x75n|m\x6et|r\x6fot|v\x61r|d\x65v\/s\x68m|r\x75n)/
        $fetch = /(w\x67et|c\x75rl|t\x66tp|f\x74pget)\s/
        $mode = /c\x68mod\s{1,4}(\+x|0?777)\s/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule downloader_shell_base64
{
    meta:
        author = "Overt project"
        description = "shell command line that decodes a long literal and runs it"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $pipe = /[A-Za-z0-9+\/]{40}={0,2}["']?\s{0,4}\|\s{0,4}b\x61se64\s{1,4}(-d|-D|--d\x65code)\s{0,4}\|\s{0,4}(s\x75do\s{1,4})?(\/b\x69n\/|\/u\x73r\/b\x69n\/)?((ba|z|da)?sh|p\x79thon[23]?|p\x65rl)\b/
        $here = /(e\x76al|(ba|z|da)?sh\s{1,2}-c)\s{1,4}["']?[$`]\(?\s{0,2}e\x63ho\s{1,4}["']?[A-Za-z0-9+\/]{40}[^\n|]{0,400}\|\s{0,4}b\x61se64\s{1,4}(-d|-D|--d\x65code)/
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule downloader_curl_to_shell_plain
{
    meta:
        author = "Overt project"
        description = "shell script that runs a script fetched from a bare network address"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $pipe = /(c\x75rl|w\x67et)\s[^\n|;]{0,80}(h\x74tps?:\/\/)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(:\d{1,5})?\/[^\n|;]{0,120}\|\s{0,4}(s\x75do\s{1,4})?(\/b\x69n\/)?(ba|z|da)?sh\b/
        $substitution = /(ba|z|da)?sh\s{1,2}(-c\s{1,2}["']\$\(|<\()\s{0,2}(c\x75rl|w\x67et)\s[^\n)]{0,80}(h\x74tps?:\/\/)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule downloader_certutil
{
    meta:
        author = "Overt project"
        description = "Windows certutil told to download a file"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $fetch = /c\x65rtutil(\.e\x78e)?["']?\s{1,4}[^\n]{0,40}[\-\/]u\x72lcache[^\n]{0,60}\s["']?(h\x74tps?|f\x74p):\/\// nocase ascii wide
    condition:
        filesize < 4MB and $fetch
}

rule downloader_certutil_decodes
{
    meta:
        author = "Overt project"
        description = "Windows script that turns text into a program with certutil and starts it"
        reference = "https://attack.mitre.org/techniques/T1140/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $decode = /c\x65rtutil(\.e\x78e)?["']?\s{1,4}[^\n]{0,16}[\-\/]d\x65code(h\x65x)?\s{1,4}[^\n]{1,120}\.(e\x78e|d\x6cl|s\x63r|c\x61b|v\x62s|js|b\x61t|ps1)\b/ nocase ascii wide
        $start = /\b(s\x74art|r\x75ndll32|r\x65gsvr32|w\x73cript|c\x73cript|c\x61ll|p\x6fwershell)\b/ nocase ascii wide
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule downloader_mshta
{
    meta:
        author = "Overt project"
        description = "Windows mshta told to run a remote page or a script given on the command line"
        reference = "https://attack.mitre.org/techniques/T1218/005/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $remote = /\bm\x73hta(\.e\x78e)?["']?\s{1,4}["']{0,2}(h\x74tps?:\/\/|j\x61vascript:|v\x62script:|a\x62out:["']?<)/ nocase ascii wide
    condition:
        filesize < 4MB and $remote
}

rule downloader_bitsadmin
{
    meta:
        author = "Overt project"
        description = "Windows bitsadmin told to download into a folder where programs hide"
        reference = "https://attack.mitre.org/techniques/T1197/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $fetch = /b\x69tsadmin(\.e\x78e)?["']?\s{1,4}[^\n]{0,120}\/t\x72ansfer\s[^\n]{0,200}h\x74tps?:\/\/[^\n]{1,200}(%t\x65mp%|%t\x6dp%|%a\x70pdata%|%l\x6fcalappdata%|%p\x75blic%|\\u\x73ers\\p\x75blic|\\p\x72ogramdata|\\a\x70pdata\\|\$e\x6ev:)/ nocase ascii wide
    condition:
        filesize < 4MB and $fetch
}

rule downloader_regsvr32_scriptlet
{
    meta:
        author = "Overt project"
        description = "Windows regsvr32 told to run a remote scriptlet"
        reference = "https://attack.mitre.org/techniques/T1218/010/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $call = /r\x65gsvr32(\.e\x78e)?["']?\s[^\n]{0,60}\/i:["']?(h\x74tps?|f\x74p):\/\/[^\n]{1,200}s\x63robj(\.d\x6cl)?/ nocase ascii wide
    condition:
        filesize < 4MB and $call
}

rule downloader_rundll32_script
{
    meta:
        author = "Overt project"
        description = "Windows rundll32 told to run script through the HTML engine"
        reference = "https://attack.mitre.org/techniques/T1218/011/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $call = /r\x75ndll32(\.e\x78e)?["']?\s{1,4}["']?(j\x61vascript|v\x62script):[^\n]{0,24}\\m\x73html[^\n]{0,8}R\x75nHTMLApplication/ nocase ascii wide
    condition:
        filesize < 4MB and $call
}

rule downloader_wmic_stylesheet
{
    meta:
        author = "Overt project"
        description = "Windows wmic told to run a remote style sheet"
        reference = "https://attack.mitre.org/techniques/T1220/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $call = /\bw\x6dic(\.e\x78e)?["']?\s[^\n]{0,80}\/f\x6frmat:\s{0,2}["']{0,2}h\x74tps?:\/\// nocase ascii wide
    condition:
        filesize < 4MB and $call
}

rule downloader_msiexec_quiet
{
    meta:
        author = "Overt project"
        description = "Windows msiexec told to install silently from a bare network address"
        reference = "https://attack.mitre.org/techniques/T1218/007/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $call = /m\x73iexec(\.e\x78e)?["']?\s[^\n]{0,40}\/(q|qn|q\x75iet)\b[^\n]{0,40}h\x74tps?:\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/ nocase ascii wide
        $swapped = /m\x73iexec(\.e\x78e)?["']?\s[^\n]{0,40}h\x74tps?:\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[^\n]{0,80}\/(q|qn|q\x75iet)\b/ nocase ascii wide
    condition:
        filesize < 4MB and any of them
}

rule downloader_windows_script
{
    meta:
        author = "Overt project"
        description = "Windows script that fetches a file over HTTP, saves it through a stream and runs it"
        reference = "https://attack.mitre.org/techniques/T1059/005/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $http = /(O\x62ject\s{0,2}\(|-C\x6fmObject)\s{0,2}["']?(M\x53XML2\.(S\x65rver)?X\x4dLHTTP|M\x69crosoft\.X\x4dLHTTP|W\x69nHttp\.W\x69nHttpRequest)/ nocase ascii wide
        $stream = /(O\x62ject\s{0,2}\(|-C\x6fmObject)\s{0,2}["']?A\x44ODB\.S\x74ream/ nocase ascii wide
        $save = "S\x61veToFile" nocase ascii wide
        $run = /(\.R\x75n\b|\.S\x68ellExecute\b|\.E\x78ec\s{0,2}\(|\bS\x68ell\s{0,2}\()/ nocase ascii wide
        $shell = /(W\x53cript\.S\x68ell|S\x68ell\.A\x70plication|W\x69n32_P\x72ocess)/ nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule downloader_python_exec_url
{
    meta:
        author = "Overt project"
        description = "Python that executes code fetched from the network"
        reference = "https://attack.mitre.org/techniques/T1059/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $exec = /\b(e\x78ec|e\x76al)\s{0,2}\(\s{0,2}(c\x6fmpile\s{0,2}\(\s{0,2})?(__i\x6dport__\s{0,2}\(\s{0,2}['"]\w{3,20}['"]\s{0,2}(,\s{0,2}f\x72omlist=[^)]{1,20})?\)\s{0,2}\.\s{0,2})?(u\x72llib[23]?\.(r\x65quest\.)?|r\x65quests\.|h\x74tpx\.)(u\x72lopen|g\x65t)\s{0,2}\(\s{0,2}[fbr]{0,2}['"]h\x74tps?:\/\/[^)]{1,200}\)\s{0,2}\.(r\x65ad|t\x65xt|c\x6fntent)/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $exec
}

rule downloader_python_exec_encoded
{
    meta:
        author = "Overt project"
        description = "Python that executes a long encoded literal"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $exec = /\b(e\x78ec|e\x76al)\s{0,2}\(\s{0,2}(c\x6fmpile\s{0,2}\(\s{0,2})?((__i\x6dport__\s{0,2}\(\s{0,2}['"](z\x6cib|b\x61se64|m\x61rshal|c\x6fdecs|bz2|l\x7ama|g\x7aip|b\x69nascii)['"]\s{0,2}\)\s{0,2}\.\s{0,2}|z\x6cib\.|m\x61rshal\.|b\x61se64\.|c\x6fdecs\.|bz2\.|l\x7ama\.|g\x7aip\.|b\x69nascii\.)?(d\x65compress|l\x6fads|b64d\x65code|b85d\x65code|b32d\x65code|b16d\x65code|d\x65code|u\x6ehexlify|a2b_b\x61se64)\s{0,2}\(\s{0,2}){1,5}[br]?['"]{1,3}([A-Za-z0-9+\/=\-_$@!]{48}|\\x[0-9a-f]{2}\\x[0-9a-f]{2}\\x)/
    condition:
        filesize < 16MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $exec
}

rule downloader_python_package
{
    meta:
        author = "Overt project"
        description = "Python package set-up script that starts a download or an encoded command while it is installed"
        reference = "https://attack.mitre.org/techniques/T1195/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $setup = /\bs\x65tup\s{0,2}\(/
        $hook = /c\x6ddclass\s{0,4}=/
        $run = /(s\x75bprocess\.(P\x6fpen|c\x61ll|r\x75n|c\x68eck_o\x75tput)|os\.s\x79stem|os\.p\x6fpen)\s{0,2}\(\s{0,2}\[?\s{0,2}[fr]?['"](p\x6fwershell|c\x6dd(\.e\x78e)?\s{1,2}\/c|c\x75rl\s|w\x67et\s|(ba)?sh\s{1,2}-c\s{1,2}['"]?(c\x75rl|w\x67et)|m\x73hta|c\x65rtutil)/ nocase
    condition:
        filesize < 128KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule downloader_npm_install_script
{
    meta:
        author = "Overt project"
        description = "npm package whose installation script downloads and runs something"
        reference = "https://attack.mitre.org/techniques/T1195/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $name = "\"\x73cripts\""
        $script = /"(p\x72e|p\x6fst)?i\x6estall"\s{0,4}:\s{0,4}"[^"\n]{0,160}((c\x75rl|w\x67et)\s[^"\n]{0,160}\|\s{0,4}(ba)?sh|p\x6fwershell[^"\n]{0,80}(i\x65x|D\x6fwnloadString|-e\x6ec|-e\s)|c\x65rtutil|m\x73hta|b\x61sh -i|\/d\x65v\/t\x63p\/|n\x6fde\s{1,2}-e\s[^\n]{0,120}c\x68ild_p\x72ocess)/ nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}
